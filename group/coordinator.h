// Decides which partitions a member gets: the part of a membership that depends on who coordinates the group.
//
// Purpose: what Membership needs of ZooKeeper's way and of the brokers' ways. A coordinator says to Tenancy what is
// wanted, grants what Tenancy asks to acquire, and takes back what it releases; the life of a partition in between is
// not its business. A broker grants and takes back at once; with ZooKeeper that is a node which is claimed and deleted.
// Pure: orders go to the Turn that it was made with.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <kwire/group/assignment.h>

#include "membership_protocol.h"
#include "tenancy/tenancy.h"

namespace kwire {

/// What keeps the subscription from being read as a whole by this member and its peers: of a topic (partition -1), of a
/// partition, or of everything (no topic). starting: it is ours, and where to begin is being looked up.
struct ReadingGap {
    enum class Kind { not_ready, topic_unread, topic_missing, unassigned, not_claimed, blocked, starting };
    Kind kind;
    TopicPartition tp;
};

class Coordinator {
 public:
    Coordinator() = default;
    Coordinator(const Coordinator&) = delete;
    Coordinator& operator=(const Coordinator&) = delete;
    virtual ~Coordinator() = default;

    /// Every event but those that are for Tenancy.
    virtual void handle(const MembershipEvent& event) = 0;
    /// What is due: reads, registration, the division of partitions.
    virtual void progress() = 0;
    /// As Tenancy asks; answered by its granted() and released().
    virtual void carry_out(const Tenancy::Request& request) = 0;
    /// Does what requests led to, and passes the outcomes on to Tenancy.
    virtual void settle() = 0;
    /// More of what was asked for is about to be granted.
    virtual bool grants_pending() const = 0;
    /// After everything else: leaves once that was asked for and nothing is held any more.
    virtual void leave_if_done() = 0;
    virtual std::optional<TimePoint> next_timer() const = 0;

    virtual bool registered() const = 0;
    virtual bool closed() const = 0;
    virtual std::vector<TopicPartition> owned() const = 0;
    virtual std::uint64_t owned_version() const = 0;
    virtual std::vector<ReadingGap> gaps() const = 0;
    virtual std::vector<TopicPartition> left_to_others() const = 0;
    virtual Assignment rule() const = 0;
};

}  // namespace kwire
