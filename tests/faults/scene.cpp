#include "scene.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <tuple>

#include <unistd.h>

#include "kwire_command.h"

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

std::string microseconds(Clock::time_point when) {
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count());
}

Clock::time_point written_at(const std::string& value) {
    return Clock::time_point(std::chrono::microseconds(std::atoll(value.c_str())));
}

}  // namespace

// ---- a member

Member::Member(const std::vector<std::string>& command, std::string name, const std::filesystem::path& events)
    : events_(events), process_(std::make_unique<real::Process>(command)) {
    observed_.member = std::move(name);
}

void Member::stop() {
    stopped_at_ = Clock::now();
    process_->signal(SIGSTOP);
}

void Member::go_on() {
    process_->signal(SIGCONT);
    observed_.unknowing.emplace_back(stopped_at_, Clock::now());
}

void Member::pause(milliseconds duration) {
    stop();
    std::this_thread::sleep_for(duration);
    go_on();
}

void Member::kill() {
    gone_ = true;
    observed_.leaves = false;
    process_->signal(SIGKILL);
    process_->wait(10s);
}

void Member::leave() {
    if (std::exchange(gone_, true)) return;
    process_->signal(SIGTERM);
    const auto result = process_->wait(90s);
    if (!result.ok()) std::fprintf(stderr, "%s: %s\n", observed_.member.c_str(), result.describe().c_str());
}

void Member::expire() {
    const auto from = Clock::now();
    const auto before = count("expired");
    order("expire");
    if (!real::await([&] { return count("expired") > before; }, 20s)) throw std::runtime_error("no session was ended");
    observed_.unknowing.emplace_back(from, Clock::now());
}

void Member::look() {
    std::ifstream in(events_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(read_));
    std::string text{std::istreambuf_iterator<char>(in), {}};
    text.resize(text.rfind('\n') + 1);  // npos + 1: nothing
    read_ += text.size();
    auto events = parse_events(text);
    std::move(events.begin(), events.end(), std::back_inserter(observed_.events));
}

std::size_t Member::count(const std::string& what) {
    look();
    return static_cast<std::size_t>(std::count_if(observed_.events.begin(), observed_.events.end(),
                                                  [&](const auto& event) { return event.what == what; }));
}

std::int64_t Member::clock() {
    const auto before = count("clock");
    order("clock");
    if (!real::await([&] { return count("clock") > before; }, 20s)) throw std::runtime_error("a member has no time");
    const auto& events = observed_.events;
    return std::find_if(events.rbegin(), events.rend(), [](const auto& event) { return event.what == "clock"; })->offset;
}

// ---- the group

Scene::Scene(const real::RealCluster& cluster, std::string name, int replication, milliseconds session_timeout)
    : cluster_(cluster),
      name_(std::move(name)),
      replication_(replication),
      session_timeout_(session_timeout),
      folder_(std::filesystem::temp_directory_path() / ("kwire-" + name_ + '-' + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    cluster_.create_topic(name_, partitions, replication_);
    start_writing();
}

void Scene::start_writing() {
    const auto start = [this](const std::vector<std::string>& how) {
        // -E: it goes on where no broker can be reached for a time.
        std::vector<std::string> arguments{"-P", "-E", "-t", name_, "-X", "linger.ms=5", "-X"};
        arguments.emplace_back("message.timeout.ms=120000");
        arguments.insert(arguments.end(), how.begin(), how.end());
        return std::make_unique<real::Process>(cluster_.kcat_command(arguments));
    };
    producer_ = start({"-X", "topic.partitioner=random", "-X", "sticky.partitioning.linger.ms=0"});
    hot_producer_ = start({"-p", "0"});
    writer_ = std::jthread([this](const std::stop_token& stop) { write(stop); });
}

void Scene::stop_writing() {
    writer_.request_stop();
    writer_.join();
    for (auto* producer : {producer_.get(), hot_producer_.get()}) {
        const auto produced = producer->wait(130s);
        if (!produced.ok()) std::fprintf(stderr, "kcat: %s\n", produced.describe().c_str());
    }
}

Scene::~Scene() {
    writer_.request_stop();
    if (writer_.joinable()) writer_.join();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Member& Scene::add(const std::vector<std::string>& settings) {
    auto name = 'm' + std::to_string(members_.size());
    const auto events = folder_ / (name + ".events");
    auto command = wrapper_;
    command.insert(command.end(),
                   {KWIRE_FAULTS_MEMBER, relay_ ? relay_->address() : cluster_.zookeeper(), name_, name_,
                    events.string(), "auto.offset.reset=smallest", "auto.commit.interval.ms=1000",
                    "zookeeper.session.timeout.ms=" + std::to_string(session_timeout_.count())});
    if (!cluster_.has_zookeeper_brokers()) command.push_back("bootstrap.servers=" + cluster_.bootstrap());
    command.insert(command.end(), settings.begin(), settings.end());
    members_.push_back(std::make_unique<Member>(command, std::move(name), events));
    return *members_.back();
}

void Scene::lose_answers_of_zookeeper() {
    relay_ = std::make_unique<ZooKeeperRelay>(cluster_.zookeeper());
}

void Scene::require_lost_answers(const std::vector<std::string>& kinds) const {
    const auto lost = relay_->lost();
    for (const auto& kind : kinds) {
        if (lost.count(kind) == 0) throw std::runtime_error("nothing was cut: no answer to `" + kind + "` was lost");
    }
}

std::string Scene::add_proxy(const std::vector<std::string>& rules) {
    // Below the ports that clusters take; brokers get those that follow.
    const auto address = "127.0.0.1:" + std::to_string(22600 + ::getpid() % 30 * 10);
    std::vector<std::string> arguments{"proxy", "--quiet", "--listen", address, "--bootstrap", cluster_.bootstrap()};
    for (const auto& rule : rules) arguments.insert(arguments.end(), {"--rule", rule});
    proxy_ = std::make_unique<real::Process>(real::kwire_command(arguments));
    if (!real::await([&] { return proxy_->err().find("listens on") != std::string::npos; }, 20s)) {
        throw std::runtime_error("the proxy does not listen: " + proxy_->err());
    }
    return address;
}

void Scene::require_applied(const std::vector<std::string>& rules) const {
    for (const auto& rule : rules) {
        if (proxy_->err().find('`' + rule + '`') == std::string::npos) {
            throw std::runtime_error("nothing was broken by `" + rule + '`');
        }
    }
}

void Scene::fake_clocks() {
    const auto places = {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"};
    std::string library;
    for (const std::string place : places) {
        const auto file = place + "/faketime/libfaketimeMT.so.1";
        if (library.empty() && std::filesystem::exists(file)) library = file;
    }
    if (library.empty()) throw std::runtime_error("libfaketime is missing: install the Debian package faketime");
    // A clock that is set moves the time of day and no other one.
    wrapper_ = {"/usr/bin/env",           "LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + (folder_ / "clock").string(),
                "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
    std::ofstream(folder_ / "clock") << "+0\n";
}

void Scene::set_clocks(std::chrono::seconds beside) {
    const auto file = folder_ / "clock";
    std::ofstream(file.string() + ".new") << (beside.count() < 0 ? "" : "+") << beside.count() << '\n';
    std::filesystem::rename(file.string() + ".new", file);
    for (auto& member : members_) {
        const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        const auto off = member->clock() - now - beside.count();
        if (std::abs(off) > 10) throw std::runtime_error("the clock of a member was not set");
    }
}

void Scene::write(const std::stop_token& stop) {
    for (std::uint64_t number = 0; !stop.stop_requested(); ++number) {
        const auto now = microseconds(Clock::now());
        producer_->write(now + " message " + std::to_string(number) + "\n");
        if (hot_) {
            std::string lines;
            for (int i = 0; i < 20; ++i) lines += now + " hot " + std::to_string(number * 20 + i) + "\n";
            hot_producer_->write(lines);
        }
        std::this_thread::sleep_for(5ms);
    }
}

void Scene::look() {
    for (auto& member : members_) member->look();
}

bool Scene::flows(milliseconds limit) {
    const auto from = Clock::now();
    return real::await(
        [&] {
            look();
            return recovery_from(from).has_value();
        },
        limit);
}

std::optional<milliseconds> Scene::recovery_from(Clock::time_point from) const {
    std::map<int, Clock::time_point> first;
    for (const auto& member : members_) {
        const auto& events = member->observed().events;
        for (auto event = events.rbegin(); event != events.rend() && event->at >= from; ++event) {
            if (event->what != "delivered" || written_at(event->value) < from) continue;
            const auto [known, is_new] = first.try_emplace(event->partition, event->at);
            if (!is_new) known->second = std::min(known->second, event->at);
        }
    }
    if (first.size() < partitions) return std::nullopt;
    const auto last =
        std::max_element(first.begin(), first.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return std::chrono::duration_cast<milliseconds>(last->second - from);
}

void Scene::write_anew() {
    stop_writing();
    start_writing();
}

void Scene::make_topic_again() {
    stop_writing();  // kcat ends where its topic is gone
    const auto deleted =
        cluster_.tool("topics", {"--bootstrap-server", cluster_.bootstrap(), "--delete", "--topic", name_});
    if (!deleted.ok()) throw std::runtime_error("deleting " + name_ + ": " + deleted.describe());
    const auto made = [&] {
        try {
            cluster_.create_topic(name_, partitions, replication_);
            return true;
        } catch (const std::runtime_error&) {
            return false;  // the old one is still being deleted
        }
    };
    if (!real::await(made, 60s)) throw std::runtime_error(name_ + " cannot be made again");
    start_writing();
}

void Scene::delete_all_records() {
    const auto file = folder_ / "delete.json";
    std::ofstream out(file);
    out << R"({"version":1,"partitions":[)";
    for (int p = 0; p < partitions; ++p) {
        out << (p > 0 ? "," : "") << R"({"topic":")" << name_ << R"(","partition":)" << p << R"(,"offset":-1})";
    }
    out << "]}";
    out.close();
    const auto deleted =
        cluster_.tool("org.apache.kafka.tools.DeleteRecordsCommand",
                      {"--bootstrap-server", cluster_.bootstrap(), "--offset-json-file", file.string()});
    if (!deleted.ok()) throw std::runtime_error("deleting records: " + deleted.describe());
}

void Scene::write_to_each_partition(std::size_t value_bytes) {
    for (int p = 0; p < partitions; ++p) {
        auto value = microseconds(Clock::now()) + " large ";
        value.resize(value_bytes, 'x');
        cluster_.kcat_produce(name_, p, "none", {value});
    }
}

void Scene::write_aborted(milliseconds open) {
    const auto written = cluster_.tool(KWIRE_FAULTS_SOURCE_DIR "/Aborts.java",
                                       {cluster_.bootstrap(), name_, std::to_string(partitions), "20",
                                        std::to_string(open.count())});
    if (!written.ok()) throw std::runtime_error("writing aborted transactions: " + written.describe());
}

void Scene::allow_unclean_election() {
    const auto set =
        cluster_.tool("configs", {"--bootstrap-server", cluster_.bootstrap(), "--alter", "--entity-type", "topics",
                                  "--entity-name", name_, "--add-config", "unclean.leader.election.enable=true"});
    if (!set.ok()) throw std::runtime_error("allowing unclean elections: " + set.describe());
}

void Scene::await_leader(int broker) {
    const auto leads_all = [&] {
        const auto leaders = cluster_.leaders_of(name_);
        return leaders.size() == partitions &&
               std::all_of(leaders.begin(), leaders.end(), [&](const auto& each) { return each.second == broker; });
    };
    if (!real::await(leads_all, 60s)) throw std::runtime_error("broker-" + std::to_string(broker) + " does not lead");
}

bool Scene::all_read(const std::vector<real::Record>& log) const {
    std::set<std::tuple<int, std::int64_t, std::string>> seen;
    for (const auto& member : members_) {
        for (const auto& event : member->observed().events) {
            if (event.what == "delivered") seen.emplace(event.partition, event.offset, event.value);
        }
    }
    return std::all_of(log.begin(), log.end(), [&](const auto& record) {
        return seen.count({record.partition, record.offset, record.value.value_or("null")}) > 0;
    });
}

Verdict Scene::end(const Promised& promised) {
    stop_writing();
    const auto log = cluster_.kcat_read(name_);
    // Whether it succeeds is told by what is counted.
    (void)real::await(
        [&] {
            look();
            return all_read(log);
        },
        40s);
    for (auto& member : members_) member->leave();
    look();
    std::vector<Observed> observed;
    for (const auto& member : members_) observed.push_back(member->observed());
    std::map<int, std::int64_t> stored;
    for (const auto& [partition, state] : real::describe_group(cluster_, name_, name_)) {
        stored[partition] = state.offset;
    }
    return judge(log, observed, stored, promised);
}

}  // namespace kwire::faults
