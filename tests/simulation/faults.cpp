#include "faults.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "world.h"

namespace kwire::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int fault_count = 20;
constexpr Duration between_faults = 58s;  // at most, evenly drawn: twenty of them make ten minutes

class Story {
 public:
    Story(std::uint64_t seed, std::function<void(const std::string&)> trace) : world_(seed) {
        world_.trace = std::move(trace);
        world_.failing_starts = 0.05;
        world_.hanging_programs = 0.02;
        world_.slow_callbacks = 0.02;
        rule_ = pick({Assignment::automatic, Assignment::automatic, Assignment::automatic, Assignment::original,
                      Assignment::java_range, Assignment::java_roundrobin});
        mixed_topics_ = rule_ == Assignment::automatic && world_.chance(0.5);
        instances_ = world_.chance(0.3);
        // Where views of the leaders differ, or roundrobin meets topics of others, partitions wait to be adopted.
        const bool adopts = rule_ == Assignment::original || rule_ == Assignment::java_roundrobin;
        recovery_ = session_timeout + 5s + (adopts ? Duration(20s) : Duration{});
        if (world_.trace) {
            world_.trace(std::string(name(rule_)) + (mixed_topics_ ? ", members read different topics" : "") +
                         (instances_ ? ", with instance ids" : ""));
        }
    }

    Outcome run() {
        world_.set_topic("t", 3 + static_cast<std::int32_t>(world_.choose(12)));
        if (mixed_topics_) world_.set_topic("u", 1 + static_cast<std::int32_t>(world_.choose(6)));
        const auto members = 1 + world_.choose(5);
        for (std::size_t i = 0; i < members; ++i) add();
        calm_from_ = world_.now();
        Outcome outcome;
        for (int i = 0; i < fault_count && world_.broken().empty(); ++i) {
            world_.run_for(world_.delay(between_faults));
            if (world_.now() - calm_from_ > recovery_) check_recovered();
            if (failure().empty()) fault();
            ++outcome.faults;
        }
        if (failure().empty()) end_in_peace();
        outcome.broken = failure();
        outcome.digest = world_.digest;
        outcome.operations = world_.operations;
        outcome.duplicates = world_.duplicates;
        return outcome;
    }

 private:
    Assignment pick(std::initializer_list<Assignment> rules) {
        return *(rules.begin() + static_cast<std::ptrdiff_t>(world_.choose(rules.size())));
    }
    std::string failure() const { return world_.broken().empty() ? failure_ : world_.broken(); }

    MemberSubscription some_topics() {
        if (!mixed_topics_) return MemberSubscription::of_topics({"t", "late"});
        switch (world_.choose(4)) {
            case 0: return MemberSubscription::of_topics({"t"});
            case 1: return MemberSubscription::of_topics({"t", "u", "late"});
            case 2: return MemberSubscription::white_list("t|u|late");
            default: return MemberSubscription::black_list("u");
        }
    }

    Process& add() { return start('m' + std::to_string(names_++)); }

    Process& start(std::string name) {
        MembershipConfig config;
        config.subscription = some_topics();
        config.rule = rule_;
        config.static_member = instances_;
        config.processing_timeout = 1s;
        return world_.add(std::move(name), std::move(config));
    }

    void trouble_for(Duration duration) { calm_from_ = std::max(calm_from_, world_.now() + duration); }

    void fault() {
        auto& victim = *world_.processes[world_.choose(world_.processes.size())];
        trouble_for(0s);
        switch (world_.choose(14)) {
            case 0: add(); break;
            case 1: world_.close(victim); break;
            case 2: world_.kill(victim); break;
            case 3: if (victim.well()) world_.expire(victim); break;
            case 4: resize("late", 1 + static_cast<std::int32_t>(world_.choose(9))); break;
            case 5: resize("t", 15 + static_cast<std::int32_t>(world_.choose(9))); break;
            case 6: cut(victim, world_.delay(3s)); break;
            case 7: cut(victim, world_.delay(20s)); break;
            case 8: pause(victim, world_.chance(0.5) ? session_timeout / 2 : session_timeout * 3 / 2); break;
            case 9: stop_zookeeper(world_.delay(60s)); break;
            case 10: fail_starts(world_.delay(20s)); break;
            case 11: if (victim.well()) victim.handle(event::SubscriptionChanged{some_topics()}); break;
            case 12: restart(victim); break;
            case 13: block(victim, world_.delay(session_timeout * 3 / 2)); break;
        }
    }

    /// A plan lets go of partitions once nobody was seen to own them for half a minute, and moves others then.
    void resize(const std::string& topic, std::int32_t partitions) {
        const auto found = world_.topics.find(topic);
        const bool shrinks = found != world_.topics.end() && std::ssize(found->second) > partitions;
        if (shrinks) trouble_for(30s + 5s);
        world_.set_topic(topic, partitions);
    }

    void cut(Process& victim, Duration duration) {
        if (!victim.well()) return;
        trouble_for(duration);
        world_.cut(victim);
        world_.after(duration, [this, &victim] { mend(victim); });
    }

    void mend(Process& victim) {
        if (world_.zookeeper_runs()) return world_.mend(victim);
        world_.after(100ms, [this, &victim] { mend(victim); });
    }

    void pause(Process& victim, Duration duration) {
        if (!victim.well()) return;
        trouble_for(duration);
        world_.pause(victim, duration);
    }

    void block(Process& victim, Duration duration) {
        if (!victim.well()) return;
        trouble_for(duration);
        world_.block(victim, duration);
    }

    void stop_zookeeper(Duration duration) {
        if (!world_.zookeeper_runs()) return;
        trouble_for(duration + session_timeout);
        world_.stop_zookeeper(duration);
    }

    void fail_starts(Duration duration) {
        trouble_for(duration);
        world_.failing_starts = 0.7;
        world_.after(duration, [this] { world_.failing_starts = 0.05; });
    }

    void restart(Process& victim) {
        if (!victim.well()) return;
        if (world_.chance(0.5)) {
            world_.kill(victim);
        } else {
            world_.close(victim);
        }
        const auto name = instances_ ? victim.name() : 'm' + std::to_string(names_++);
        trouble_for(8s);
        world_.after(world_.delay(5s), [this, name, &victim] { start_after(name, victim); });
    }

    void start_after(const std::string& name, Process& before) {
        if (!before.alive() || before.closed()) {
            start(name);
        } else {
            world_.after(10ms, [this, name, &before] { start_after(name, before); });
        }
    }

    void check_recovered() {
        const auto all_well = std::all_of(world_.processes.begin(), world_.processes.end(), [](const auto& process) {
            return !process->alive() || process->closed() || process->well();
        });
        if (!world_.zookeeper_runs() || !all_well) return;
        if (const auto unread = world_.unread(); !unread.empty()) fail(unread + " is read by nobody, " + world_.describe());
    }

    void end_in_peace() {
        add();
        world_.run_for(90s);
        if (!failure().empty()) return;
        check_recovered();
        const auto operations = world_.operations;
        const auto claims = world_.claims;
        const auto plan = world_.nodes.plan_version();
        world_.run_for(60s);
        check_recovered();
        if (world_.claims != claims) fail("partitions go on moving though nothing happens");
        if (world_.nodes.plan_version() != plan) fail("the plan goes on changing though nothing happens");
        const auto members = static_cast<std::size_t>(std::count_if(
            world_.processes.begin(), world_.processes.end(), [](const auto& process) { return process->well(); }));
        // Commits of 40 partitions every five seconds, a sweep of three topics by each member, and its proofs.
        if (world_.operations - operations > 12 * 45 + members * (12 * 4 + 61)) fail("ZooKeeper is asked without end");
        if (rule_ == Assignment::automatic && !mixed_topics_) check_shares();
    }

    void check_shares() {
        std::size_t most = 0;
        std::size_t least = SIZE_MAX;
        for (const auto& process : world_.processes) {
            if (!process->reads("t")) continue;
            most = std::max(most, process->reading().size());
            least = std::min(least, process->reading().size());
        }
        if (least != SIZE_MAX && most > least + 1) fail("shares are uneven");
    }

    void fail(const std::string& what) {
        const auto at = std::chrono::duration<double>(world_.now().time_since_epoch()).count();
        if (failure_.empty()) failure_ = "after " + std::to_string(at) + " s: " + what;
    }

    World world_;
    Assignment rule_ = Assignment::automatic;
    bool mixed_topics_ = false;
    bool instances_ = false;
    Duration recovery_{};
    TimePoint calm_from_{};
    int names_ = 0;
    std::string failure_;
};

}  // namespace

Outcome run_seed(std::uint64_t seed, std::function<void(const std::string&)> trace) {
    return Story(seed, std::move(trace)).run();
}

}  // namespace kwire::simulation
