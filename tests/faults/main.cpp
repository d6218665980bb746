// Real members, a real ZooKeeper of three servers and three brokers, and one fault after the other. See usage().
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "observed.h"

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr int partitions = 6;
constexpr milliseconds session_timeout{4000};

/// One group that reads one topic, into which messages are written all the time.
class Scene {
 public:
    Scene(const real::RealCluster& cluster, std::string name, int replication)
        : cluster_(cluster), name_(std::move(name)), events_(std::filesystem::temp_directory_path() / ("kwire-" + name_ + '-' + std::to_string(::getpid()))) {
        std::filesystem::create_directories(events_);
        cluster_.create_topic(name_, partitions, replication);
        producer_ = std::make_unique<real::Process>(cluster_.kcat_command(
            {"-P", "-t", name_, "-X", "linger.ms=5", "-X", "topic.partitioner=random", "-X",
             "sticky.partitioning.linger.ms=0", "-X", "message.timeout.ms=120000"}));
        writer_ = std::jthread([this](std::stop_token stop) { write(stop); });
    }
    ~Scene() {
        writer_.request_stop();
        std::error_code ignored;
        std::filesystem::remove_all(events_, ignored);
    }

    Member& add(const std::vector<std::string>& more = {}) {
        members.push_back(std::make_unique<Member>(cluster_, name_, name_, 'm' + std::to_string(members.size()),
                                                   events_.string(), more));
        return *members.back();
    }

    /// How long it takes from now until a message that was written from now on came from every partition.
    std::optional<milliseconds> until_all_flow(milliseconds limit) {
        const auto begun = Clock::now();
        while (Clock::now() - begun < limit) {
            std::set<int> flowing;
            for (auto& member : members) {
                member->look();
                for (auto d = member->deliveries().rbegin(); d != member->deliveries().rend() && d->seen >= begun; ++d) {
                    if (written_at(d->value) >= begun) flowing.insert(d->partition);
                }
            }
            if (flowing.size() == partitions) return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
            std::this_thread::sleep_for(20ms);
        }
        return std::nullopt;
    }

    /// Stops writing, lets everything be read, lets everybody leave, and compares.
    Verdict end() {
        writer_.request_stop();
        writer_.join();
        const auto produced = producer_->wait(130s);
        if (!produced.ok()) std::fprintf(stderr, "kcat: %s\n", produced.err.c_str());
        const auto log = cluster_.kcat_read(name_);
        const auto deadline = Clock::now() + 40s;
        while (distinct() < log.size() && Clock::now() < deadline) {
            for (auto& member : members) member->look();
            std::this_thread::sleep_for(50ms);
        }
        for (auto& member : members) {
            member->leave();
        }
        return judge(log, members);
    }

    std::vector<std::unique_ptr<Member>> members;

 private:
    static Clock::time_point written_at(const std::string& value) {
        return Clock::time_point(std::chrono::microseconds(std::atoll(value.c_str())));
    }
    void write(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
            producer_->write(std::to_string(now.count()) + " at that time this was written\n");
            std::this_thread::sleep_for(5ms);
        }
    }
    std::size_t distinct() const {
        std::set<std::pair<int, std::int64_t>> seen;
        for (const auto& member : members) {
            for (const auto& d : member->deliveries()) seen.emplace(d.partition, d.offset);
        }
        return seen.size();
    }

    const real::RealCluster& cluster_;
    std::string name_;
    std::filesystem::path events_;
    std::unique_ptr<real::Process> producer_;
    std::jthread writer_;
};

struct Fault {
    std::string name;
    bool duplicates_allowed;
    bool small;  ///< Needs no more than one broker and one ZooKeeper server.
    /// Ends when the fault is over.
    std::function<void(Scene&, const real::RealCluster&)> happen;
};

std::vector<Fault> all_faults() {
    std::vector<Fault> faults;
    faults.push_back({"member-joins", false, true, [](Scene& scene, const auto&) { scene.add(); }});
    faults.push_back({"member-terminated", false, true, [](Scene& scene, const auto&) { scene.members[0]->leave(); }});
    faults.push_back({"member-killed", true, true, [](Scene& scene, const auto&) { scene.members[0]->kill(); }});
    faults.push_back({"member-stopped-half-a-session", true, true, [](Scene& scene, const auto&) {
        scene.members[0]->pause(session_timeout / 2);
    }});
    faults.push_back({"member-stopped-one-and-a-half-sessions", true, true, [](Scene& scene, const auto&) {
        scene.members[0]->pause(session_timeout * 3 / 2);
    }});
    faults.push_back({"instance-restarted", false, true, [](Scene& scene, const auto&) {
        auto& named = scene.add({"-X", "group.instance.id=named"});
        scene.until_all_flow(20s);
        named.leave();
        scene.add({"-X", "group.instance.id=named"});
    }});
    faults.push_back({"zookeeper-server-killed", true, false, [](Scene&, const real::RealCluster& cluster) {
        cluster.signal("zookeeper-1", "KILL");
        std::this_thread::sleep_for(3s);
        cluster.restart("zookeeper-1");
    }});
    faults.push_back({"zookeeper-quorum-lost", true, false, [](Scene&, const real::RealCluster& cluster) {
        cluster.signal("zookeeper-1", "KILL");
        cluster.signal("zookeeper-2", "KILL");
        std::this_thread::sleep_for(20s);
        cluster.restart("zookeeper-1");
        cluster.restart("zookeeper-2");
    }});
    faults.push_back({"broker-killed", true, false, [](Scene&, const real::RealCluster& cluster) {
        cluster.signal("broker-1", "KILL");
        std::this_thread::sleep_for(5s);
        cluster.restart("broker-1");
    }});
    faults.push_back({"broker-stopped", true, false, [](Scene&, const real::RealCluster& cluster) {
        cluster.signal("broker-2", "STOP");
        std::this_thread::sleep_for(10s);
        cluster.signal("broker-2", "CONT");
    }});
    return faults;
}

struct Options {
    int runs = 1;
    bool small = false;
    std::string version = "3.9.1";
    std::vector<std::string> names;
};

struct Row {
    int runs = 0;
    milliseconds worst{0};
    Verdict sum;
    std::string broken;
};

void run_once(const Fault& fault, const real::RealCluster& cluster, const std::string& scene_name, int replication,
              Row& row) {
    Scene scene(cluster, scene_name, replication);
    scene.add();
    scene.add();
    if (!scene.until_all_flow(60s)) {
        row.broken = "the group did not begin to read";
        return;
    }
    std::this_thread::sleep_for(2s);
    fault.happen(scene, cluster);
    // Promised: the session timeout and 5 s. A broker that is started again has its own time to take, so wait longer and say.
    const auto recovery = scene.until_all_flow(60s);
    const auto verdict = scene.end();
    ++row.runs;
    row.worst = std::max(row.worst, recovery.value_or(60s));
    row.sum.written += verdict.written;
    row.sum.lost += verdict.lost;
    row.sum.duplicates += verdict.duplicates;
    row.sum.disorder += verdict.disorder;
    row.sum.overlaps += verdict.overlaps;
    row.sum.commits_back += verdict.commits_back;
    row.sum.commits_ahead += verdict.commits_ahead;
    const bool promises = verdict.lost + verdict.disorder + verdict.overlaps + verdict.commits_back +
                              verdict.commits_ahead == 0;
    if (!promises) row.broken = verdict.what.empty() ? "order or commits" : verdict.what;
    if (verdict.duplicates > 0 && !fault.duplicates_allowed) row.broken = "messages came twice without a fault";
    if (!recovery || *recovery > session_timeout + 5s) row.broken = "partitions did not flow again in time";
}

int run(const Options& options) {
    real::RealCluster::Options size;
    size.brokers = options.small ? 1 : 3;
    size.zookeepers = options.small ? 1 : 3;
    size.broker_settings = {"group.initial.rebalance.delay.ms=0", "offsets.topic.replication.factor=1"};
    const real::RealCluster cluster(options.version, size);
    std::printf("%-40s %4s %9s %9s %6s %10s %8s %8s %7s\n", "fault", "runs", "recovery", "messages", "lost", "duplicates",
                "overlaps", "disorder", "commits");
    bool well = true;
    int scenes = 0;
    for (const auto& fault : all_faults()) {
        const bool named = std::find(options.names.begin(), options.names.end(), fault.name) != options.names.end();
        if (!named && (!options.names.empty() || (options.small && !fault.small))) continue;
        Row row;
        for (int i = 0; i < options.runs; ++i) {
            run_once(fault, cluster, "faults" + std::to_string(scenes++), options.small ? 1 : 3, row);
        }
        std::printf("%-40s %4d %6lld ms %9zu %6zu %10zu %8zu %8zu %7zu  %s\n", fault.name.c_str(), row.runs,
                    static_cast<long long>(row.worst.count()), row.sum.written, row.sum.lost, row.sum.duplicates,
                    row.sum.overlaps, row.sum.disorder, row.sum.commits_back + row.sum.commits_ahead,
                    row.broken.empty() ? "ok" : ("BROKEN: " + row.broken).c_str());
        std::fflush(stdout);
        well = well && row.broken.empty();
    }
    return well ? 0 : 1;
}

int usage() {
    std::fprintf(stderr,
                 "usage: run [--runs N] [--small] [--version RELEASE] [FAULT...]\n"
                 "Each fault hits a group of two members of `kwire consume` that read six partitions under load.\n"
                 "--small: one broker and one ZooKeeper server, and only the faults that need no more.\n"
                 "recovery: from the fault's end until new messages came from every partition.\n"
                 "commits: offsets that went back, or ahead of what was handed out. Faults:\n");
    for (const auto& fault : all_faults()) std::fprintf(stderr, "  %s\n", fault.name.c_str());
    return 2;
}

}  // namespace
}  // namespace kwire::faults

int main(int argc, char** argv) {
    kwire::faults::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--small") {
            options.small = true;
        } else if ((word == "--runs" || word == "--version") && i + 1 < argc) {
            const std::string value = argv[++i];
            if (word == "--runs") {
                options.runs = std::max(1, std::atoi(value.c_str()));
            } else {
                options.version = value;
            }
        } else if (word.starts_with("-")) {
            return kwire::faults::usage();
        } else {
            options.names.push_back(word);
        }
    }
    return kwire::faults::run(options);
}
