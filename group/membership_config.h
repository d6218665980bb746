// How a member of a group decides: its subscription and its times.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <kwire/group/assignment.h>
#include <kwire/net/backoff.h>
#include <kwire/net/runtime.h>

namespace kwire {

struct MembershipConfig {
    MemberSubscription subscription;
    Assignment rule = Assignment::automatic;
    /// The id is the same each time (group.instance.id). Leaving keeps our place for the session's timeout.
    bool static_member = false;
    /// How long a partition that goes waits until what was handed out is processed and the program's on_revoked has
    /// returned.
    Duration processing_timeout = std::chrono::seconds(60);
    /// How long to commit, to release and to deregister may take before close gives up on ZooKeeper.
    Duration leave_timeout = std::chrono::seconds(4);
    std::optional<std::uint64_t> jitter_seed = {};  ///< Of waits; another one in each member. Nothing: no jitter.
    Backoff::Milliseconds retry_backoff{100};
    Backoff::Milliseconds retry_backoff_max{5'000};
    /// How often to look for partitions that nobody owns, and how often one must be seen so before we adopt it. The
    /// product must be longer than a Java peer stays without its partitions while it rebalances: four tries, two
    /// seconds apart.
    Duration sweep_interval = std::chrono::seconds(5);
    int sweeps_before_adoption = 3;
    /// How long a member that is not the first leaves it to the first to write the plan; also how long anybody leaves a
    /// plan of another's that it does not agree with, and twice as long each time that happens again.
    Duration plan_patience = std::chrono::seconds(1);
    Duration plan_patience_max = std::chrono::seconds(30);
    /// Between two plans of the first member: if many join, every member reads each plan.
    Duration plan_pace = std::chrono::milliseconds(150);
    /// So much later than the one before it by name does each of the other members write the plan.
    Duration plan_stagger = std::chrono::milliseconds(50);
    /// How long a new member waits for its topics before it registers: peers release to it, and it must know what to
    /// claim.
    Duration register_patience = std::chrono::seconds(1);
};

}  // namespace kwire
