// A member of a group from join to leaving: the engine, with its parts wired.
//
// How it works: whatever happens becomes an event (post), which the state machine answers with actions for the parts.
// Threads: the strand, except for what says "any thread".
// Lifetimes: coroutines hold it; it ends when it has left. It leaves by itself once that was begun, whoever still waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "clients.h"
#include "committer.h"
#include "coordinators/zookeeper/carrier.h"
#include "engine.h"
#include "membership.h"
#include "published_state.h"
#include "tenancy/partition_carrier.h"

namespace kwire {

class Member final : public Engine {
 public:
    using Self = std::shared_ptr<Member>;

    explicit Member(MemberSettings settings);

    /// Connects and returns once the registration stands. If it throws, nothing is left running; it throws soon after
    /// abandoned was asked to stop.
    static Task<void> join(Self self, std::stop_token abandoned);
    /// Begins to leave unless that was begun before, and returns the report once it has left.
    static Task<CloseReport> close(Self self, std::optional<std::chrono::milliseconds> drain);
    static Task<void> flush(Self self);
    static Task<bool> instance_registered(Self self);

    // ---- any thread
    /// Leaves without waiting for what was handed out, and without being waited for.
    void leave_soon() noexcept;
    void subscribe(MemberSubscription subscription);  ///< Takes effect soon.
    std::string member_id() const { return published_.member_id(); }
    std::vector<TopicPartition> owned() const { return published_.owned(); }
    std::optional<Ended> ended() const;
    bool closing() const override { return close_called() || over_.load(std::memory_order_acquire); }
    bool close_called() const { return closing_.load(std::memory_order_acquire); }
    void note_end(EndReason reason, const Error& error) override;
    /// Once joined.
    const std::shared_ptr<Consumer>& consumer() const { return clients_.consumer; }

    // ---- the strand
    void post(MembershipEvent event) override;
    bool finished() const override { return membership_.closed() || broken_; }
    void publish() override;

    const Membership& membership() const { return membership_; }
    const Clients& clients() const { return clients_; }
    ZookeeperCarrier& zookeeper() { return zookeeper_; }
    const PartitionCarrier& partitions() const { return partitions_; }

 private:
    static Task<void> set_up(Self self, std::stop_token abandoned);
    static Task<void> reset_offsets(Self self);
    static Task<void> wait_until_registered(Self self, std::stop_token abandoned);
    static Task<void> leave(Self self, std::optional<Duration> drain);
    static Task<void> tear_down(Self self);
    static Task<void> run_timer(Self self);
    void wire(std::vector<BrokerEndpoint> brokers);
    void handle(const MembershipEvent& event) noexcept;
    void carry_out(const MembershipAction& order);
    void finish(const action::Closed& a);
    void publish_soon();
    Error not_registered() const;

    Membership membership_;
    std::deque<MembershipEvent> events_;
    bool handling_ = false;
    bool broken_ = false;  // the state machine itself threw

    ZookeeperCarrier zookeeper_;
    Committer committer_;
    PartitionCarrier partitions_;
    Clients clients_;

    Timer timer_;
    std::optional<TimePoint> timer_at_;
    PublishedState published_;
    bool publishing_ = false;  // posted

    std::atomic<bool> closing_{false};
    std::atomic<bool> over_{false};
    bool static_member_ = false;  // the session is to outlive us
    bool left_ = false;
    CloseReport close_report_;
    mutable std::mutex ended_mutex_;
    std::optional<Ended> ended_;
};

}  // namespace kwire
