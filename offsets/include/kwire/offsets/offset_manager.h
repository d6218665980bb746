// Keeps, for one group, how far each partition was processed, and writes it down.
//
// Purpose: the five operations of the seed's OffsetManager, with its faults mended: nothing here
// hangs, nothing is written for a partition after it was finalised, an offset goes back only where
// its log does. A program may bring its own store. Invariants of an implementation: committed(p) <= marked(p);
// after finalize_partition(p) returned, whether it succeeded or not, nothing of p is written until
// it is initialised again.
// Threads: all on the runtime's strand. The group calls flush on its commit interval; a manager
// needs no timer.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>
#include <kwire/offsets/commit_identity.h>
#include <kwire/protocol/topic_partition.h>

namespace kwire {

/// What a flush could not write: the partition's mark stays and is tried again by the next flush.
struct CommitFailure {
    TopicPartition tp;
    std::int64_t next = -1;
    Error error;
};

class OffsetManager {
 public:
    virtual ~OffsetManager() = default;

    /// Called by the group after each registration, before it initialises a partition, and with each new generation or
    /// epoch: who this member is from now on. Another member (see CommitIdentity::same_member) owns nothing yet, so its
    /// manager forgets what was marked; a new epoch of the same member keeps it. Nothing is written while the lease of
    /// the identity does not hold. A manager that writes without a check of its own needs not override it: the group
    /// calls flush only under the lease.
    virtual void use_identity(CommitIdentity identity) { static_cast<void>(identity); }

    /// Begins to keep tp and answers the next offset to read, -1 if none is stored. Throws if the
    /// store cannot be read or holds what is not an offset (errc::bad_stored_offset): it is never
    /// taken for "none".
    virtual Task<std::int64_t> initialize_partition(TopicPartition tp) = 0;

    /// Everything before next is processed; highest wins. False if tp is not kept (any more).
    virtual bool mark_as_processed(const TopicPartition& tp, std::int64_t next) = 0;

    /// The log of tp begins anew, at next or before it (its topic was made again, or it was cut back): what was marked
    /// and stored before means other messages. next is the mark from now on, and is to be written though it be lower.
    /// A store of one's own that does not override this keeps the higher one: then what lies between is not read after
    /// the next change of owners.
    virtual void restart_partition(const TopicPartition& tp, std::int64_t next) { mark_as_processed(tp, next); }

    /// Writes every mark that is not yet written. Failures are returned, never thrown.
    virtual Task<std::vector<CommitFailure>> flush() = 0;

    /// Writes tp's mark and stops keeping it. Answers the failure, if it could not be written by
    /// deadline: then the mark is given up, and the next owner reads those messages again.
    virtual Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp,
                                                                  TimePoint deadline) = 0;

    /// Stops keeping tp without writing: it is already somebody else's.
    virtual void abandon_partition(const TopicPartition& tp) = 0;

    /// Flushes what is left within the deadline and ends. Later calls answer as for a partition
    /// that is not kept.
    virtual Task<std::vector<CommitFailure>> close(TimePoint deadline) = 0;

    /// What is stored by now, as far as this manager wrote or read it; for display and for tests.
    virtual std::optional<std::int64_t> committed(const TopicPartition& tp) const = 0;
};

}  // namespace kwire
