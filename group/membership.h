// What a member of a group decides: when to register, what to claim, what to let go, in which order.
//
// Purpose: every decision of the group folder, as a function (event, now) -> actions without I/O, clock or thread, so
// that a simulation can drive it through any order of events. The engine carries the actions out.
//
// How it works: a Coordinator decides who gets what, Tenancy leads each partition through its life. This pairs the two:
// it gives each event to the one that it is for, and lets them go on until neither has anything left to do.
// Invariants: no claim is made for a partition that the newest assignment gives to somebody else; a node that may be
// ours is always released or lost; nothing is ordered of ZooKeeper while the session is suspended; after Closed,
// nothing.
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "coordinator.h"
#include "membership_config.h"
#include "membership_protocol.h"
#include "tenancy/tenancy.h"
#include "turn.h"

namespace kwire {

class Membership {
 public:
    using Actions = std::vector<MembershipAction>;
    using Gap = ReadingGap;

    /// Coordinated by ZooKeeper. Begins where a first session is about to be opened.
    explicit Membership(MembershipConfig config);
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

    /// The actions are to be carried out in their order.
    Actions handle(const MembershipEvent& event, TimePoint now);
    /// When to call handle with a Tick.
    std::optional<TimePoint> next_timer() const;

    /// True while our registration stands, as far as we know.
    bool registered() const { return coordinator_->registered(); }
    bool closed() const { return coordinator_->closed(); }
    /// The partitions whose node is ours.
    std::vector<TopicPartition> owned() const { return coordinator_->owned(); }
    /// Another number whenever owned() is another.
    std::uint64_t owned_version() const { return coordinator_->owned_version(); }
    std::vector<Gap> gaps() const { return coordinator_->gaps(); }
    /// The partitions of our subscription that the assignment gives to others.
    std::vector<TopicPartition> left_to_others() const { return coordinator_->left_to_others(); }
    /// What partitions are divided by at the moment.
    Assignment rule() const { return coordinator_->rule(); }

 private:
    void progress();

    Turn turn_;
    Tenancy tenancy_;
    const std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace kwire
