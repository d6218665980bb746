#include "story.h"

#include <algorithm>
#include <utility>

#include "program_store.h"
#include "world.h"

namespace kwire::seeds {
namespace {

using namespace std::chrono_literals;

constexpr int fault_count = 16;
constexpr Duration between_faults = 8s;  // at most
constexpr std::size_t processes_max = 4;
// Below the node of the group; "": all of it.
const std::vector<std::string> parts{"", "/ids", "/owners", "/offsets", "/plan", "/fences"};

class Story {
 public:
    Story(std::uint64_t seed, Scenarios allowed, std::function<void(const std::string&)> said)
        : world_(seed, allowed, std::move(said)), random_(world_.random) {
        storage_ = on(Scenario::dual_offsets)    ? OffsetStorage::dual
                   : on(Scenario::kafka_offsets) ? OffsetStorage::kafka
                                                 : OffsetStorage::zookeeper;
        if (on(Scenario::own_store)) shelf_ = std::make_shared<Shelf>();
        brokers_named_ = random_.chance(0.5);
        world_.lost_answers = on(Scenario::lost_answers) ? 0.01 : 0;
        world_.late_answers = on(Scenario::late_answers) ? 0.02 : 0;
        world_.expiring = on(Scenario::expiry) ? 0.0005 : 0;
        if (on(Scenario::broker_answers)) world_.brokers.set_trouble(0.01, 0.03);
    }

    Outcome run() {
        world_.create_topic("t", 2 + static_cast<int>(random_.choose(5)));
        world_.create_topic("u", 1 + static_cast<int>(random_.choose(3)));
        append_everywhere(20);
        for (std::size_t i = 0, n = 1 + random_.choose(3); i < n; ++i) start_one();
        for (int i = 0; i < fault_count && well(); ++i) {
            world_.run_for(random_.delay(between_faults));
            if (well()) fault();
            if (random_.chance(0.5)) append_some();
        }
        if (well()) end_in_peace();
        if (well()) close_all();
        Outcome outcome;
        outcome.broken = world_.judge.broken();
        outcome.digest = world_.judge.digest;
        outcome.deliveries = world_.judge.deliveries();
        outcome.duplicates = world_.judge.duplicates();
        outcome.operations = world_.operations();
        if (!well()) put_away();
        return outcome;
    }

 private:
    bool on(Scenario scenario) const { return world_.on(scenario); }
    bool well() const { return world_.judge.broken().empty(); }
    void fail(const std::string& what) { world_.judge.fail(what); }

    // ---- the group
    std::vector<std::string> some_topics() {
        if (!on(Scenario::subscribe) || random_.chance(0.6)) return {"t", "u"};
        return random_.chance(0.5) ? std::vector<std::string>{"t"} : std::vector<std::string>{"u"};
    }

    Process& start(const std::string& instance) {
        Process::Plan plan;
        plan.instance = instance;
        plan.topics = some_topics();
        plan.storage = storage_;
        plan.brokers_named = brokers_named_;
        if (shelf_) plan.own_store = std::make_shared<ProgramStore>(world_, static_cast<ProcessId>(world_.processes.size() + 1), shelf_);
        return world_.start(std::move(plan));
    }
    Process& start_one() {
        const bool instances = on(Scenario::static_members) || on(Scenario::older_process);
        return start(instances ? "instance-" + std::to_string(++instances_) : "");
    }

    std::vector<Process*> those(bool (*wanted)(const Process&)) const {
        std::vector<Process*> found;
        for (const auto& process : world_.processes) {
            if (wanted(*process)) found.push_back(process.get());
        }
        return found;
    }
    static bool alive(const Process& process) { return process.phase() != Process::Phase::ended; }
    static bool reading(const Process& process) { return process.reads() && !process.stands(); }
    static bool joining(const Process& process) { return process.phase() == Process::Phase::joining; }
    Process* any(bool (*wanted)(const Process&)) {
        const auto found = those(wanted);
        return found.empty() ? nullptr : found[random_.choose(found.size())];
    }

    void append_everywhere(int count) {
        for (const auto& tp : world_.partitions()) world_.brokers.append(tp, count);
    }
    void append_some() {
        const auto all = world_.partitions();
        for (int i = 0; i < 3; ++i) world_.brokers.append(all[random_.choose(all.size())], 1 + static_cast<int>(random_.choose(10)));
    }
    TopicPartition some_partition() {
        const auto all = world_.partitions();
        return all[random_.choose(all.size())];
    }

    // ---- what happens to it
    void fault() {
        if (random_.chance(0.3)) return membership_fault();
        for (int tries = 0; tries < 50; ++tries) {
            const auto scenario = static_cast<Scenario>(random_.choose(scenario_count));
            if (on(scenario) && play(scenario)) return;
        }
    }

    void membership_fault() {
        const auto alive_now = those(alive);
        if (alive_now.size() < 2 || (alive_now.size() < processes_max && random_.chance(0.5))) {
            start_one();
        } else if (auto* process = any(reading)) {
            const auto instance = process->plan().instance;
            process->close();
            if (!instance.empty() && random_.chance(0.6)) {
                world_.after(2s + random_.delay(8s), [this, instance] { come_back(instance); });
            }
        }
    }

    void come_back(const std::string& instance) {
        const bool there = std::any_of(world_.processes.begin(), world_.processes.end(), [&](const auto& process) {
            return process->plan().instance == instance && alive(*process);
        });
        if (!there) start(instance);
    }

    bool play(Scenario scenario) {
        switch (scenario) {
            case Scenario::expiry: return with(any(reading), [this](Process& p) { world_.expire(p.id()); });
            case Scenario::disconnect: return with(any(reading), [this](Process& p) { cut(p); });
            case Scenario::standstill: return with(any(reading), [this](Process& p) { stand_still(p, random_.delay(12s)); });
            case Scenario::killed:
                return those(alive).size() > 1 && with(any(reading), [this](Process& p) { stand_still(p, 1h); });
            case Scenario::factory_throws:
            case Scenario::unavailable: return for_a_while([this](bool begins) { world_.set_factory_failing(begins); });
            case Scenario::subscribe: return with(any(reading), [this](Process& p) { p.subscribe(some_topics()); });
            case Scenario::older_process:
                return with(any(reading), [this](Process& p) {
                    world_.judge.excuse(p.id(), 1h);  // the younger one may take over, and may fail to
                    start(p.plan().instance);
                });
            case Scenario::cancel_join: return with(any(joining), [](Process& p) { p.cancel_join(); });
            case Scenario::cancel_poll: return with(any(reading), [](Process& p) { p.cancel_poll(); });
            case Scenario::cancel_close:
                return with(any(reading), [this](Process& p) {
                    p.close();
                    world_.after(random_.delay(1s), [&p] { p.cancel_close(); });
                });
            case Scenario::dropped: return with(any(reading), [](Process& p) { p.drop(); });
            case Scenario::coordinator:
                return for_a_while([this](bool begins) {
                    const auto error = random_.chance(0.5) ? ErrorCode::coordinator_load_in_progress : ErrorCode::not_coordinator;
                    world_.brokers.set_coordinator_error(begins ? error : ErrorCode::none);
                });
            case Scenario::leaders_move:
                world_.brokers.cluster().move_leader(some_partition(), 1 + static_cast<std::int32_t>(random_.choose(2)));
                return true;
            case Scenario::brokers_stop: return stop_a_broker();
            case Scenario::topic_grows: return grow(true);
            case Scenario::differing_views: return grow(false);
            default: return tool(scenario);
        }
    }

    template <class Action>
    bool with(Process* process, Action action) {
        if (process == nullptr) return false;
        action(*process);
        return true;
    }
    template <class Action>
    bool for_a_while(Action action) {
        action(true);
        world_.after(random_.delay(15s), [action] { action(false); });
        return true;
    }

    void cut(Process& process) {
        world_.disconnect(process.id());
        world_.after(random_.delay(12s), [this, id = process.id()] { world_.reconnect(id); });
    }

    void stand_still(Process& process, Duration duration) {
        world_.judge.say(process.name() + " stands still");
        process.stand_still();
        world_.fall_silent(process.id());
        if (duration < 1h) world_.after(duration, [this, &process] { go_on(process); });
    }
    void go_on(Process& process) {
        if (!process.stands()) return;
        world_.judge.say(process.name() + " goes on");
        world_.speak_again(process.id());
        process.go_on();
    }

    bool stop_a_broker() {
        const auto id = 1 + static_cast<std::int32_t>(random_.choose(2));
        if (stopped_.contains(id)) return false;
        stopped_.insert(id);
        world_.brokers.cluster().stop(id);
        world_.after(random_.delay(10s), [this, id] {
            world_.brokers.cluster().start(id);
            stopped_.erase(id);
        });
        return true;
    }

    bool grow(bool in_zookeeper) {
        const std::string topic = random_.chance(0.5) ? "t" : "u";
        const int count = world_.topics[topic] + 1;
        if (count > 9) return false;
        world_.grow_topic(topic, count, in_zookeeper);
        if (!in_zookeeper) {
            world_.after(random_.delay(20s), [this, topic] { world_.write_topic_node(topic, world_.topics[topic]); });
        }
        return true;
    }

    bool tool(Scenario scenario) {
        auto& zookeeper = world_.ensemble;
        const auto tp = some_partition();
        const auto owner = world_.owner_path(tp);
        const auto offset = world_.offset_path(tp);
        switch (scenario) {
            case Scenario::owner_deleted:
                if (!zookeeper.peek(owner)) return false;
                world_.disturb(tp);
                world_.tool("deletes " + owner, [&] { zookeeper.erase(owner); });
                return true;
            case Scenario::owner_persistent:
                if (zookeeper.peek(owner)) return false;
                world_.tool("leaves " + owner, [&] { zookeeper.put(owner, "gone-long-ago"); });
                world_.after(random_.delay(20s), [this, owner] {
                    world_.tool("deletes " + owner, [&] { world_.ensemble.erase(owner); });
                });
                return true;
            case Scenario::registration_deleted: return delete_child("/consumers/g/ids");
            case Scenario::fence_deleted: return delete_child("/consumers/g/fences");
            case Scenario::plan_deleted:
                world_.tool("deletes the plan", [&] { zookeeper.erase("/consumers/g/plan"); });
                return true;
            case Scenario::plan_unreadable:
                world_.tool("writes a plan", [&] { zookeeper.put("/consumers/g/plan", "no plan at all"); });
                return true;
            case Scenario::offsets_deleted:
                if (!zookeeper.peek(offset)) return false;
                world_.tool("deletes " + offset, [&] { zookeeper.erase(offset); });
                return true;
            case Scenario::group_deleted:
                for (const auto& each : world_.partitions()) world_.disturb(each);
                world_.tool("deletes the group", [&] { zookeeper.erase("/consumers/g"); });
                return true;
            case Scenario::offset_unreadable: return spoil(tp);
            case Scenario::unreadable:
                return for_a_while([this, path = random_.chance(0.5) ? owner : offset](bool begins) {
                    world_.judge.say(path + (begins ? " cannot be read" : " can be read"));
                    world_.make_unreadable(begins ? path : "");
                });
            case Scenario::too_large:
                return for_a_while([this](bool begins) {
                    world_.judge.say(begins ? "requests may be of 300 bytes only" : "requests may be of any size");
                    world_.ensemble.set_request_bytes_max(begins ? 300 : 1 << 20);
                });
            case Scenario::acl: return refuse(parts[random_.choose(parts.size())]);
            default: return false;
        }
    }

    bool spoil(const TopicPartition& tp) {
        const auto path = world_.offset_path(tp);
        const auto before = world_.ensemble.peek(path);
        if (!before) return false;
        world_.tool("spoils " + path, [&] { world_.ensemble.put(path, "junk"); });
        world_.after(random_.delay(15s), [this, path, data = before->data] {
            const auto now = world_.ensemble.peek(path);
            if (!now || now->data != "junk") return;
            world_.tool("mends " + path, [&] { world_.ensemble.put(path, data); });
        });
        return true;
    }

    bool delete_child(const std::string& path) {
        const auto children = world_.ensemble.children_of(path);
        if (children.empty()) return false;
        const auto victim = path + '/' + children[random_.choose(children.size())];
        world_.tool("deletes " + victim, [&] { world_.ensemble.erase(victim); });
        return true;
    }

    bool refuse(const std::string& below) {
        const std::string path = "/consumers/g" + below;
        return for_a_while([this, path](bool begins) {
            world_.judge.say((begins ? "nobody may touch " : "all may touch ") + path);
            begins ? world_.ensemble.deny(path) : world_.ensemble.allow(path);
        });
    }

    // ---- the end
    void end_in_peace() {
        world_.judge.say("peace");
        world_.peace();
        world_.brokers.set_trouble(0, 0);
        world_.brokers.set_coordinator_error(ErrorCode::none);
        for (const auto& process : world_.processes) {
            if (process->stands() && process->reads()) go_on(*process);
        }
        world_.run_for(21s);  // what was put off has happened by then
        if (those(reading).empty()) {
            start_one();
            world_.run_for(5s);  // to join, before it subscribes to everything
        }
        for (auto* process : those(reading)) process->subscribe({"t", "u"});
        world_.run_for(40s);
        if (well()) check_owners();
        append_everywhere(5);
        world_.run_for(15s);
        if (well()) check_owners();
        if (well()) check_read();
        const auto operations = world_.operations();
        world_.run_for(20s);
        const auto took = world_.operations() - operations;
        if (well() && took > 20 * 30) fail("ZooKeeper is asked " + std::to_string(took) + " times in 20 s though nothing happens");
    }

    void check_owners() {
        std::map<TopicPartition, std::vector<std::string>> owners;
        for (const auto* process : those(reading)) {
            for (const auto& tp : process->owned()) owners[tp].push_back(process->name());
        }
        for (const auto& tp : world_.partitions()) {
            const auto& of = owners[tp];
            if (of.size() == 1) continue;
            std::string names;
            for (const auto& name : of) names += ' ' + name;
            return fail("at rest " + tp.to_string() + (of.empty() ? " has no owner" : " is owned by" + names));
        }
    }

    void check_read() {
        for (const auto& tp : world_.partitions()) {
            const auto end = world_.brokers.end(tp);
            const auto processed = world_.judge.processed(tp);
            if (processed != end) {
                return fail("at rest " + tp.to_string() + " is processed up to " + std::to_string(processed) + " of " + std::to_string(end));
            }
            for (const std::string store : {"ZooKeeper", "Kafka", "the program's store"}) {
                if (!uses(store)) continue;
                const auto stored = world_.judge.stored(store, tp);
                if (stored != end) {
                    return fail("at rest " + store + " holds " + std::to_string(stored) + " for " + tp.to_string() + ", which ends at " +
                                std::to_string(end));
                }
            }
        }
    }
    bool uses(const std::string& store) const {
        if (shelf_) return store == "the program's store";
        if (store == "ZooKeeper") return storage_ != OffsetStorage::kafka;
        return store == "Kafka" && storage_ != OffsetStorage::zookeeper;
    }

    void close_all() {
        for (const auto& process : world_.processes) process->close();
        world_.run_for(10s);
        for (const auto& process : world_.processes) process->close();  // that had joined only just now
        world_.run_for(50s);
        for (const auto& process : world_.processes) {
            if (!well()) return;
            if (const auto left = process->left_behind(); !left.empty()) fail(left);
            if (const auto left = world_.left_behind(process->id()); !left.empty()) fail(left);
        }
        for (const std::string part : {"/consumers/g/owners/t", "/consumers/g/owners/u", "/consumers/g/ids", "/consumers/g/fences"}) {
            const auto left = world_.ensemble.children_of(part);
            if (!left.empty() && well()) fail("all have left, and " + part + '/' + left.front() + " is still there");
        }
    }

    /// So that nothing is destroyed in the middle.
    void put_away() {
        world_.peace();
        for (const auto& process : world_.processes) {
            if (process->stands()) go_on(*process);
            process->close();
        }
        world_.loop.advance(30s);
        for (const auto& process : world_.processes) process->close();
        world_.loop.advance(30s);
    }

    World world_;
    Random& random_;
    OffsetStorage storage_ = OffsetStorage::zookeeper;
    std::shared_ptr<Shelf> shelf_;
    bool brokers_named_ = false;
    int instances_ = 0;
    std::set<std::int32_t> stopped_;
};

}  // namespace

Outcome run_seed(std::uint64_t seed, Scenarios allowed, std::function<void(const std::string&)> said) {
    Story story(seed, allowed, std::move(said));
    return story.run();
}

}  // namespace kwire::seeds
