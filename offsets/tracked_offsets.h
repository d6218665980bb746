// The manager in front of every OffsetStore: marks against what is stored, one write of a partition at a time, and an end
// by the deadline whatever the store does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <kwire/offsets/offset_store.h>

#include "store_queue.h"

namespace kwire {

/// A partition from initialize_partition until it is finalized or abandoned.
struct KeptOffset {
    std::int64_t marked = -1;
    std::int32_t marked_epoch = -1;
    OffsetStore::Position stored;
    bool finalizing = false;
    TimePoint written_at;
    std::uint32_t restarts = 0;         // how often the log began anew
    std::uint32_t restarts_stored = 0;  // of these, those that what is stored knows of
    StoreRequestPtr write;              // the last one, perhaps under way

    bool behind() const { return stored.held && *stored.held < stored.next; }
    bool dirty() const { return marked > stored.next || restarts != restarts_stored || behind(); }
    bool writing() const { return write && !write->done; }
};

class TrackedOffsets final : public OffsetManager, public std::enable_shared_from_this<TrackedOffsets> {
 public:
    TrackedOffsets(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetStore> store);
    ~TrackedOffsets() override;
    /// Once, after it was made.
    void begin();

    void use_identity(CommitIdentity identity) override;
    Task<std::int64_t> initialize_partition(TopicPartition tp) override;
    std::int32_t committed_leader_epoch(const TopicPartition& tp) const override;
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override;
    bool mark_with_leader_epoch(const TopicPartition& tp, std::int64_t next, std::int32_t leader_epoch) override;
    void restart_partition(const TopicPartition& tp, std::int64_t next) override;
    Task<std::vector<CommitFailure>> flush() override;
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp, TimePoint deadline) override;
    void abandon_partition(const TopicPartition& tp) override;
    Task<std::vector<CommitFailure>> close(TimePoint deadline) override;
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override;
    Task<void> reset(OffsetReset reset) override;

 private:
    using Self = std::shared_ptr<TrackedOffsets>;
    using KeptPtr = std::shared_ptr<KeptOffset>;
    /// A write on its way, and what it was of.
    struct Pending {
        KeptPtr kept;
        OffsetStore::Write write;
        std::uint32_t restarts = 0;
    };

    static Task<std::int64_t> initialize(Self self, TopicPartition tp);
    static Task<std::vector<CommitFailure>> flush_all(Self self);
    static Task<std::optional<CommitFailure>> finalize(Self self, TopicPartition tp, TimePoint deadline);
    static Task<std::vector<CommitFailure>> close_all(Self self, TimePoint deadline);
    static Task<OffsetStore::Outcomes> read_once(std::weak_ptr<TrackedOffsets> weak, std::vector<StoreRequestPtr> batch);
    static Task<OffsetStore::Outcomes> write_once(std::weak_ptr<TrackedOffsets> weak, std::vector<StoreRequestPtr> batch);
    static Task<void> run_refresh(std::weak_ptr<TrackedOffsets> weak, std::shared_ptr<Timer> timer);

    TimePoint patience_ends() const;
    KeptPtr find(const TopicPartition& tp) const;
    bool stale(const KeptOffset& kept) const;
    void keep(const TopicPartition& tp, const OffsetStore::Position& stored);
    void note_stored(const TopicPartition& tp, const OffsetStore::Position& stored);
    StoreRequestPtr ask_to_write(const TopicPartition& tp, const KeptPtr& kept, TimePoint deadline);
    Pending begin_write(const StoreRequest& request) const;
    void take(const Pending& pending, const OffsetStore::Outcome& outcome);
    void forget_all(const Error& why);
    void refresh();

    const std::shared_ptr<Runtime> runtime_;
    const std::shared_ptr<OffsetStore> store_;
    CommitIdentity identity_;
    StoreQueue::Self reads_;
    StoreQueue::Self writes_;
    std::shared_ptr<Timer> refresh_timer_;
    std::map<TopicPartition, KeptPtr> kept_;
    std::map<TopicPartition, OffsetStore::Position> committed_;  // also of those not kept any more
    bool refreshing_ = false;
    bool closed_ = false;
};

}  // namespace kwire
