// N members driven by their state machines alone, a model of ZooKeeper that they share, logs that grow, and programs that
// take their time to process; all on a virtual clock, with every delay and every choice drawn from a seed.
//
// What is modelled: operations of a session arrive in order and are answered in order; a cut connection is noticed up to
// two thirds of the session timeout later, what was under way then may or may not have taken effect, and what its watches
// missed it hears when it is back; the server ends a
// session one timeout after it last heard of it. A process that stands still handles what waited for it when it wakes, and
// its reading threads may be faster than that; or its strand alone stands still, in a callback, and they read on. What binds
// them is the time until which the session was proven to stand (see SessionKeeper::run_proofs).
// Checked at every step, see broken(): no two owners, no commit that goes back or comes from another than the owner or is
// of what was not processed, no loss, no duplicate without a fault, no release before on_revoked returned
// or its time was up, every close in time.
// What is not modelled: the messages themselves. How far a partition was read is a function of time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "membership.h"
#include "nodes.h"

namespace kwire::simulation {

class World;

constexpr Duration session_timeout = std::chrono::seconds(6);
constexpr Duration network_max = std::chrono::milliseconds(3);

inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// One process: carries out what its Membership orders, against the world's nodes.
class Process {
 public:
    Process(World& world, std::string name, MembershipConfig config);

    void handle(const MembershipEvent& event);
    const Membership& membership() const { return *membership_; }
    const std::string& member_id() const { return member_id_; }
    const std::string& name() const { return name_; }
    const MembershipConfig& config() const { return config_; }
    /// How long it, or its strand, has stood still so far.
    Duration stood_still() const;
    SessionId session() const { return session_; }
    bool closed() const { return closed_; }
    bool alive() const { return alive_; }
    bool well() const { return alive_ && !closed_ && link_ && !paused_ && session_ != 0; }
    /// Partitions that are being handed out, with the span that does it.
    std::map<TopicPartition, SpanId> reading() const;
    bool hands_out(const TopicPartition& tp) const;
    bool reads(const std::string& topic) const;

 private:
    friend class World;
    struct Span {
        TopicPartition tp;
        bool started = false;
        bool stopping = false;
        bool program_hangs = false;
        std::int64_t start = 0;
        double position = 0;         // handed out
        std::int64_t held = 0;       // of these not yet processed
        TimePoint counted_until{};
        std::int64_t committed = -1;
        std::int32_t version = -1;
        bool writing = false;
    };

    void carry_out(const action::OpenSession& a);
    void carry_out(const action::Register& a);
    void carry_out(const action::UpdateRegistration& a);
    void carry_out(const action::RuleChosen& a);
    void carry_out(const action::ReadMembers& a);
    void carry_out(const action::ListTopics& a);
    void carry_out(const action::ReadPlan& a);
    void carry_out(const action::WritePlan& a);
    void carry_out(const action::ReadTopic& a);
    void carry_out(const action::ListOwners& a);
    void carry_out(const action::ReportMissingTopic& a);
    void carry_out(const action::ReportPlan& a);
    void carry_out(const action::ReportDisagreement& a);
    void carry_out(const action::ReportBlocked& a);
    void carry_out(const action::WatchClaim& a);
    void carry_out(const action::Claim& a);
    void carry_out(const action::WatchOwner& a);
    void carry_out(const action::Assigned& a);
    void carry_out(const action::Start& a);
    void carry_out(const action::CancelStart& a);
    void carry_out(const action::Revoked& a);
    void carry_out(const action::Stop& a);
    void carry_out(const action::Finalize& a);
    void carry_out(const action::Release& a);
    void carry_out(const action::Lost& a);
    void carry_out(const action::SuspendReading& a);
    void carry_out(const action::ResumeReading& a);
    void carry_out(const action::Deregister& a);
    void carry_out(const action::Closed& a);

    void ask(std::function<void()> effect, std::function<MembershipEvent(zk::Code)> answer);
    void tell(MembershipEvent event);
    void carry_out_all(const Membership::Actions& actions);
    bool trusted() const;
    void prove();
    void prove_now_and_then();
    MembershipEvent trust_until(TimePoint until);
    void arm_timer();
    void notice_cut();
    void set_suspended(bool suspended);
    void count(Span& span);
    std::int64_t processed(Span& span);
    void commit_all();
    void commit(SpanId id, std::function<void(zk::Code)> then);
    void finalize(SpanId id, TimePoint deadline);
    Duration callback_time();
    void end_span(SpanId id, bool graceful);
    void begin_reading(SpanId id, Nodes::Offset stored);

    World& world_;
    const std::string name_;
    const MembershipConfig config_;
    std::unique_ptr<Membership> membership_;
    std::string member_id_;
    SessionId session_ = 0;
    bool alive_ = true;
    bool closed_ = false;
    bool paused_ = false;
    bool link_ = true;             // as the network has it
    bool connected_ = true;        // as the client knows
    bool suspended_ = false;
    bool readers_go_on_ = false;   // paused is the strand alone
    TimePoint paused_at_{};
    Duration stood_still_{};       // in pauses that are over
    TimePoint trusted_until_{};    // the session stands for certain, and messages are handed out
    bool trust_told_ = false;      // as the state machine knows it
    std::uint64_t cuts_ = 0;
    std::uint64_t pauses_ = 0;
    TimePoint sent_until_{};
    TimePoint answered_until_{};
    std::uint64_t next_operation_ = 0;
    std::map<std::uint64_t, std::function<MembershipEvent(zk::Code)>> in_flight_;
    std::vector<std::function<void()>> missed_;   // what watches had to tell while it was cut off
    std::vector<std::function<void()>> waiting_;  // for the end of a pause
    std::map<SpanId, Span> spans_;
    TimePoint callbacks_until_{};           // those that were called have all returned
    std::map<SpanId, TimePoint> revoking_;  // to when on_revoked is to have returned
    std::optional<TimePoint> timer_;
};

/// The clock, the nodes, and the processes.
class World {
 public:
    explicit World(std::uint64_t seed);
    World(const World&) = delete;

    Process& add(std::string name, MembershipConfig config);
    void after(Duration delay, std::function<void()> what);
    /// From one microsecond to max.
    Duration delay(Duration max);
    /// An integer from 0 to count - 1.
    std::size_t choose(std::size_t count);
    bool chance(double probability);
    void run_for(Duration duration);
    TimePoint now() const { return now_; }

    void set_topic(const std::string& topic, std::int32_t partitions);
    void delete_topic(const std::string& topic);
    void close(Process& process);
    void kill(Process& process);
    void cut(Process& process);
    void mend(Process& process);
    /// As by a second client of the session that closes it.
    void expire(Process& process);
    void pause(Process& process, Duration duration);
    /// Its strand alone: the program blocks it in a callback.
    void block(Process& process, Duration duration);
    /// No server answers, and no session ends, for duration.
    void stop_zookeeper(Duration duration);

    /// Empty, or the first promise that was broken, when, by whom.
    const std::string& broken() const { return broken_; }
    /// Empty, or the first partition of a topic that a well member subscribes to which nobody hands out.
    std::string unread() const;
    /// The members and the owners, for a person who looks into a failure.
    std::string describe() const;
    bool zookeeper_runs() const { return zookeeper_runs_; }

    Nodes nodes;
    std::map<std::string, std::vector<PartitionLeader>> topics;
    std::vector<std::unique_ptr<Process>> processes;
    double failing_starts = 0;        // chance that a start finds no leader
    double slow_callbacks = 0;        // chance that a callback takes longer than the partitions wait for it
    double hanging_programs = 0;      // chance that what a span handed out is never processed
    std::size_t operations = 0;
    std::size_t claims = 0;
    std::size_t duplicates = 0;       // messages, after faults
    std::uint64_t digest = 0;         // of all that happened, for comparing two runs
    std::function<void(const std::string&)> trace;  // may be empty

 private:
    friend class Process;
    struct Log {
        std::int64_t processed = 0;   // all before it was processed by somebody
        std::int64_t delivered = 0;
        std::int64_t left_at = 0;     // what a member that ended well had been handed
    };
    std::int64_t log_end() const;
    void end_session(SessionId session);
    void schedule_expiry(Process& process);
    void stand_still(Process& process, Duration duration, bool readers_go_on);
    void wake(Process& process);
    void expect_closed(Process& process, Duration within, Duration stood_still);
    void check_owner(const TopicPartition& tp);
    void fail(const std::string& what);
    void note(const std::string& what);
    bool session_lives(SessionId session) const { return session != 0 && ended_.count(session) == 0; }

    struct Watch {
        Process* process;
        SessionId session;
        std::function<void()> call;
    };
    using Watches = std::vector<Watch>;
    void fire(Watches& watches);
    void notify(Process& process, std::function<void()> call);
    void notify_missed(Process& process);
    void watch(Watches& watches, Process& process, std::function<void()> call);

    struct Entry {
        TimePoint when;
        std::uint64_t order;
        std::function<void()> what;
        bool operator<(const Entry& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    std::mt19937_64 random_;
    std::priority_queue<Entry> queue_;
    std::uint64_t next_order_ = 0;
    TimePoint now_{};
    SessionId next_session_ = 1;
    std::set<SessionId> ended_;
    bool zookeeper_runs_ = true;
    std::map<TopicPartition, Log> logs_;
    std::string broken_;
    Watches member_watches_;
    Watches topics_watches_;
    Watches plan_watches_;
    std::map<std::string, Watches> registration_watches_;
    std::map<TopicPartition, Watches> owner_watches_;
    std::map<std::string, Watches> topic_watches_;
};

}  // namespace kwire::simulation
