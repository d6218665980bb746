// Keeps, for one group, how far each partition was processed, and writes it to a store.
//
// Purpose: the five operations of the seed's OffsetManager, with its faults mended: nothing here
// hangs, nothing is written for a partition after it was finalized, an offset goes back only if
// its log does. A program that wants to keep offsets elsewhere needs only an OffsetStore (offset_store.h); implementing
// this interface is the full way. Invariants of an implementation: committed(p) <= marked(p);
// after finalize_partition(p) returned, whether it succeeded or not, nothing of p is written until
// it is initialized again.
// Errors: the group catches whatever an implementation throws.
// Threads: all on the runtime's strand. The group calls flush on its commit interval. Lifetimes: the group holds the
// manager; a coroutine that it started may outlive the group if it never ends, and must hold what it uses.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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

/// How to forget what is stored of a group (offsets.reset_offsets), before a member of it reads anything.
struct OffsetReset {
    CommitIdentity identity = {};  ///< Its registration gives the session; the member need not be registered yet.
    /// Whether the group reads a topic. For a store that cannot remove offsets, only overwrite them. Empty: all topics.
    std::function<bool(const std::string& topic)> reads = {};
    bool newest = false;  ///< Such a store sets them to the end of the log, not to its beginning.
};

class OffsetManager {
 public:
    virtual ~OffsetManager() = default;

    /// Called by the group after each registration, before it initializes a partition, and with each new generation or
    /// epoch: who this member is from now on. Another member (see CommitIdentity::same_member) owns nothing yet, so its
    /// manager forgets what was marked; a new epoch of the same member keeps it. Nothing is written while the lease of
    /// the identity does not hold. A manager that writes without a check of its own needs not override it: the group
    /// calls flush only under the lease.
    virtual void use_identity(CommitIdentity identity) { static_cast<void>(identity); }

    /// Begins to keep tp and returns the next offset to read, -1 if none is stored. Throws if the
    /// store cannot be read or holds what is not an offset (errc::bad_stored_offset): it is never
    /// taken for "none". Any number may be under way at once.
    virtual Task<std::int64_t> initialize_partition(TopicPartition tp) = 0;

    /// The leader epoch that is stored with the offset of tp (KIP-320); -1: none.
    virtual std::int32_t committed_leader_epoch(const TopicPartition& tp) const {
        static_cast<void>(tp);
        return -1;
    }

    /// Everything before next is processed; highest wins. False if tp is not kept (any more).
    virtual bool mark_as_processed(const TopicPartition& tp, std::int64_t next) = 0;

    /// The same, with the leader epoch of the last message before next (-1: not known), for stores that keep it.
    virtual bool mark_with_leader_epoch(const TopicPartition& tp, std::int64_t next, std::int32_t leader_epoch) {
        static_cast<void>(leader_epoch);
        return mark_as_processed(tp, next);
    }

    /// The log of tp begins anew, at next or before it (its topic was made again, or it was cut back): what was marked
    /// and stored before means other messages. next is the mark from now on, and is to be written though it be lower.
    /// A manager of one's own that does not override this keeps the higher one: then what lies between is not read after
    /// the next change of owners.
    virtual void restart_partition(const TopicPartition& tp, std::int64_t next) { mark_as_processed(tp, next); }

    /// Writes every mark that is not yet written. Failures are returned, never thrown.
    virtual Task<std::vector<CommitFailure>> flush() = 0;

    /// Writes tp's mark and stops keeping it. Returns the failure, if it could not be written by
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

    /// Forgets what is stored of the group. The default throws errc::invalid_config: it is not supported.
    virtual Task<void> reset(OffsetReset reset);
};

/// Holds a program's own manager to its contract: whatever it throws, a type nobody knows included, becomes an Error that
/// is thrown or returned in its place, or given to report; finalize_partition and close return by their deadline; and a
/// partition that is not initialized within 10 s is reported. Threads: the strand.
std::shared_ptr<OffsetManager> guard_offset_manager(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetManager> own,
                                                    std::function<void(const Error&)> report);

}  // namespace kwire
