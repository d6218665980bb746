// N members driven by their state machines alone, a model of the nodes in ZooKeeper that they share, and a program that
// takes its time to process; all on a virtual clock, with every delay and every fault drawn from a seed.
#pragma once

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

namespace kwire::simulation {

class World;

/// One process: carries out what its Membership orders, against the world's nodes.
class Process {
 public:
    Process(World& world, std::string name, MembershipConfig config);

    void handle(const MembershipEvent& event);
    const Membership& membership() const { return *membership_; }
    const std::string& member_id() const { return member_id_; }
    std::uint64_t session() const { return zookeeper_session_; }
    bool closed() const { return closed_; }
    bool alive = true;
    bool connected = true;

    /// Partitions that are being handed out, with the span that does it.
    std::map<TopicPartition, SpanId> reading;
    bool suspended = false;

 private:
    friend class World;
    void carry_out(const action::OpenSession& a);
    void carry_out(const action::Register& a);
    void carry_out(const action::ReadMembers& a);
    void carry_out(const action::ReadTopic& a);
    void carry_out(const action::ListOwners& a);
    void carry_out(const action::ReportMissingTopic& a);
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

    /// Runs operation at the servers after a while and tells its answer after another; a lost connection loses either.
    void ask(std::function<zk::Code()> operation, std::function<MembershipEvent(zk::Code)> answer);
    void tell(MembershipEvent event);
    void arm_timer();

    World& world_;
    const std::string name_;
    std::unique_ptr<Membership> membership_;
    std::string member_id_;
    std::uint64_t zookeeper_session_ = 0;
    std::uint64_t connection_ = 0;  // grows when the connection is lost: what was in flight then fails
    std::map<SpanId, TopicPartition> starting_;
    std::map<SpanId, TopicPartition> held_;
    std::optional<TimePoint> timer_;
    bool closed_ = false;
};

/// The clock, the nodes, and the processes.
class World {
 public:
    explicit World(std::uint64_t seed) : random(seed) {}

    Process& add(std::string name, MembershipConfig config);
    void after(Duration delay, std::function<void()> what);
    Duration delay(int microseconds_max);
    void run_for(Duration duration);
    TimePoint now() const { return now_; }

    void set_topic(const std::string& topic, std::int32_t partitions);
    void lose_connection(Process& process);
    void restore_connection(Process& process);
    void expire(Process& process);
    void kill(Process& process);

    /// Notes it if more than one process hands out tp.
    void check_overlap(const TopicPartition& tp);
    /// Empty, or the first partition that no living process reads.
    std::string unread() const;

    struct Owner {
        std::uint64_t session;
        std::string text;
    };
    std::mt19937_64 random;
    std::map<std::string, std::uint64_t> ids;  // member id -> session
    std::map<TopicPartition, Owner> owners;
    std::map<std::string, std::vector<PartitionLeader>> topics;
    std::vector<std::unique_ptr<Process>> processes;
    std::uint64_t next_session = 1;
    std::string first_overlap;
    std::size_t operations = 0;

 private:
    friend class Process;
    void end_session(std::uint64_t session);
    void members_changed();
    void owner_gone(const TopicPartition& tp);
    void topic_changed(const std::string& topic);

    struct Entry {
        TimePoint when;
        std::uint64_t order;
        std::function<void()> what;
        bool operator<(const Entry& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    std::priority_queue<Entry> queue_;
    std::uint64_t next_order_ = 0;
    TimePoint now_{};
    std::vector<std::function<void()>> member_watches_;
    std::map<TopicPartition, std::vector<std::function<void()>>> owner_watches_;
    std::map<std::string, std::vector<std::function<void()>>> topic_watches_;
};

}  // namespace kwire::simulation
