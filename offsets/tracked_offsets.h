// What ZooKeeper's and Kafka's managers have in common: marks against what is stored, one write of
// a partition at a time, and an end by the deadline whatever the store does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <kwire/offsets/offset_manager.h>

namespace kwire {

/// Where offsets are kept. Calls for different partitions may overlap.
class OffsetStore {
 public:
    struct Position {
        std::int64_t next = -1;     ///< -1: none stored.
        std::int32_t version = -1;  ///< The store's own; handed back with the next write.
    };
    struct Write {
        TopicPartition tp;
        std::int64_t next = -1;
        std::int32_t version = -1;
        bool back = false;  ///< The log begins anew: what is stored does not stand, though it be higher.
    };
    struct Outcome {
        Position stored;             ///< Where it was written, or something higher was found.
        std::optional<Error> error;  ///< Otherwise.
        bool try_again = false;      ///< The error may pass: no connection, a moving coordinator.
    };

    virtual ~OffsetStore() = default;
    virtual const std::shared_ptr<Runtime>& runtime() const = 0;
    virtual Task<Position> read(TopicPartition tp) = 0;
    /// One outcome a write, in order. Never throws.
    virtual Task<std::vector<Outcome>> write(std::vector<Write> writes, TimePoint deadline) = 0;
    /// Returns when another try may do better, or at the deadline.
    virtual Task<void> wait_to_try_again(TimePoint deadline) = 0;
    /// How long a flush goes on with writes that may succeed yet; what it did not get done the next one does.
    virtual Duration flush_patience() const { return Duration::zero(); }
    /// What is not written again for that long is lost. Zero: it stays.
    virtual Duration refresh_interval() const { return Duration::zero(); }
};

class TrackedOffsets {
 public:
    explicit TrackedOffsets(std::shared_ptr<OffsetStore> store);
    ~TrackedOffsets();

    using Self = std::shared_ptr<TrackedOffsets>;
    static Task<std::int64_t> initialize(Self self, TopicPartition tp);
    bool mark(const TopicPartition& tp, std::int64_t next);
    void restart(const TopicPartition& tp, std::int64_t next);
    static Task<std::vector<CommitFailure>> flush(Self self);
    static Task<std::optional<CommitFailure>> finalize(Self self, TopicPartition tp,
                                                       TimePoint deadline);
    void abandon(const TopicPartition& tp);
    void abandon_all();
    static Task<std::vector<CommitFailure>> close(Self self, TimePoint deadline);
    std::optional<std::int64_t> committed(const TopicPartition& tp) const;

 private:
    struct Kept {
        std::int64_t marked = -1;
        OffsetStore::Position stored;
        bool writing = false;
        bool finalizing = false;
        TimePoint written_at;
        std::uint32_t restarts = 0;         // how often the log began anew
        std::uint32_t restarts_stored = 0;  // of these, those that what is stored knows of

        bool dirty() const { return marked > stored.next || restarts != restarts_stored; }
    };
    using KeptPtr = std::shared_ptr<Kept>;
    struct Attempt;
    /// A write on its way, and what it was of.
    struct Pending {
        KeptPtr kept;
        OffsetStore::Write write;
        std::uint32_t restarts = 0;
    };

    KeptPtr find(const TopicPartition& tp) const;
    Pending begin_write(const TopicPartition& tp, const KeptPtr& kept) const;
    void take(const Pending& pending, const OffsetStore::Outcome& outcome);
    std::vector<Pending> writes_due();
    static Task<std::vector<OffsetStore::Outcome>> write(Self self, std::vector<Pending> pending, TimePoint deadline);
    static Task<void> finish(Self self, TopicPartition tp, KeptPtr kept,
                             std::shared_ptr<Attempt> attempt, TimePoint deadline);

    std::shared_ptr<OffsetStore> store_;
    std::map<TopicPartition, KeptPtr> kept_;
    std::map<TopicPartition, std::int64_t> committed_;  ///< Also of those not kept any more.
    std::shared_ptr<Event> settled_;  ///< A write ended. Made with the first partition.
    bool closed_ = false;
};

}  // namespace kwire
