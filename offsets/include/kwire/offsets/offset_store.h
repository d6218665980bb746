// Where offsets are kept: the easy way for a program to bring a store of its own (a database, a file).
//
// Purpose: a store reads many positions and writes many, one try each. Everything else is done by the manager that
// make_offset_manager() puts in front of it: marks, batches, retries with backoff, deadlines, the lease, and that nothing
// of a partition is written after it was given up. (OffsetManager is the full way, for a store with ideas of its own.)
//
//     class MyStore : public OffsetStore {
//         Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity) override { ... }
//         Task<Outcomes> write(std::vector<Write> writes, CommitIdentity, TimePoint) override { ... }
//     };
//
// Calls: one read and one write at a time, never two of a kind. Both may throw anything; that counts as a failure of every
// partition that was asked for. An answer must name each of them: one that is left out counts as failed, never as "none".
// Threads: called on the runtime's strand; a store must not block it. Lifetimes: the manager holds the store while a
// call is under way. Cancellation: none; a call that takes too long is left behind, and its outcome is used when it comes.
#pragma once

#include <atomic>
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
#include <kwire/offsets/offset_manager.h>
#include <kwire/protocol/topic_partition.h>

namespace kwire {

class OffsetStore {
 public:
    struct Position {
        std::int64_t next = -1;          ///< The next offset to read, 0 to 2^63-1; -1: none is stored.
        std::int32_t leader_epoch = -1;  ///< Of the last message processed (KIP-320); -1: not known, or not kept.
        std::int64_t version = -1;       ///< The store's own; handed back with the next write of the partition.
        /// Set if parts of the store hold less than next: what all of them hold. Then next is written once more.
        std::optional<std::int64_t> held = std::nullopt;
    };

    struct Outcome {
        Position stored = {};                     ///< What was read or written, or something higher that was found.
        std::optional<Error> error = std::nullopt;  ///< Set if it was not read or written.
        bool try_again = false;                   ///< The error may pass: no connection, a coordinator that moves.
    };
    using Outcomes = std::map<TopicPartition, Outcome>;

    /// Whether a write may begin: the member's lease holds, the deadline lies ahead, and the partition was not given up.
    /// Threads: any.
    class Permit {
     public:
        using Flag = std::shared_ptr<const std::atomic<bool>>;
        Permit(std::shared_ptr<TimeSource> time, std::shared_ptr<const Lease> lease, TimePoint deadline, Flag given_up);
        bool holds() const;

     private:
        std::shared_ptr<TimeSource> time_;
        std::shared_ptr<const Lease> lease_;
        TimePoint deadline_;
        Flag given_up_;
    };

    struct Write {
        TopicPartition tp;
        std::int64_t next = -1;
        std::int32_t leader_epoch = -1;
        std::int64_t version = -1;  ///< As read or written last.
        bool back = false;          ///< The log begins anew: what is stored does not stand, though it be higher.
        std::shared_ptr<const Permit> permit = nullptr;  ///< Null: no limit.

        /// Asked right before each attempt to write, if anything took time since write() was called: a connection, a
        /// conflict, an attempt before. False: the partition may be another member's; answer with not_begun().
        bool may_begin() const { return permit == nullptr || permit->holds(); }
    };
    static Outcome not_begun(const Write& write);

    virtual ~OffsetStore() = default;

    /// One try. An outcome for each partition of which.
    virtual Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity identity) = 0;

    /// One try. An outcome for each write; no two are of the same partition. No request of it may run beyond deadline,
    /// which is never later than the end of the lease.
    virtual Task<Outcomes> write(std::vector<Write> writes, CommitIdentity identity, TimePoint deadline) = 0;

    /// Removes everything that is stored of the group. The default throws errc::invalid_config: it is not supported.
    virtual Task<void> reset(OffsetReset reset);

    /// How long initialize_partition and flush of the manager ask again what may succeed yet. Zero: one try, for the
    /// group itself tries again later. Finalizing a partition tries until its deadline in any case.
    virtual Duration patience() const { return Duration::zero(); }

    /// What is not written again for that long may be forgotten by the store, so the manager writes it again, also if
    /// nothing moves. Zero: it stays.
    virtual Duration refresh_interval() const { return Duration::zero(); }
};

/// The manager for a store: the five operations, with everything that is the same for all stores. See OffsetManager.
/// Invariants: committed <= marked; a batch for all partitions that are asked for in one moment, or while the store is
/// busy; nothing is written while the lease of the identity does not hold; finalize_partition and close return by their
/// deadline, initialize_partition and flush a second after patience() (30 s if that is zero), whatever the store does.
std::shared_ptr<OffsetManager> make_offset_manager(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetStore> store);

}  // namespace kwire
