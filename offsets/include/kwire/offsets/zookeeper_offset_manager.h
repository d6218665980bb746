// Offsets in ZooKeeper, where Kafka's own consumer up to 1.1 and the Go original keep them:
// /consumers/GROUP/offsets/TOPIC/PARTITION, the next offset as decimal text.
//
// Invariants: every write is one transaction with the check that this member is still registered,
// at the version the node had when it was last read or written here. So a member that lost its
// session writes nothing, and a stored offset never goes back: where somebody else wrote meanwhile,
// theirs is read, and stands if it is not lower, or if the partition is no longer this session's.
// Threads: only on the runtime's strand. Lifetimes: what is under way ends by itself when the
// manager goes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kwire/offsets/offset_manager.h>

namespace kwire {

class TrackedOffsets;

class ZookeeperOffsetManager final : public OffsetManager {
 public:
    explicit ZookeeperOffsetManager(std::string group);
    ~ZookeeperOffsetManager() override;

    /// Throws errc::invalid_config unless the identity has a registration. Forgets what another member kept.
    void use_identity(CommitIdentity identity) override;
    /// Throws errc::closed before the first use_identity, too.
    Task<std::int64_t> initialize_partition(TopicPartition tp) override;
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override;
    void restart_partition(const TopicPartition& tp, std::int64_t next) override;
    Task<std::vector<CommitFailure>> flush() override;
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp,
                                                          TimePoint deadline) override;
    void abandon_partition(const TopicPartition& tp) override;
    Task<std::vector<CommitFailure>> close(TimePoint deadline) override;
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override;

 private:
    class Store;
    std::shared_ptr<Store> store_;
    std::shared_ptr<TrackedOffsets> tracked_;
};

}  // namespace kwire
