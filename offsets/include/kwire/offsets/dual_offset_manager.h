// Offsets in two stores at once, for a group that moves from one to the other
// (dual.commit.enabled).
//
// Writes both and reads the higher: whichever members have moved already, nothing is read twice.
// The store that is behind is brought up by the next flush. A failure of either is a failure.
// Threads: only on the runtime's strand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kwire/offsets/offset_manager.h>

namespace kwire {

class DualOffsetManager final : public OffsetManager {
 public:
    DualOffsetManager(std::shared_ptr<OffsetManager> first, std::shared_ptr<OffsetManager> second);
    ~DualOffsetManager() override;

    void use_identity(CommitIdentity identity) override;
    Task<std::int64_t> initialize_partition(TopicPartition tp) override;
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override;
    void restart_partition(const TopicPartition& tp, std::int64_t next) override;
    Task<std::vector<CommitFailure>> flush() override;
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp,
                                                          TimePoint deadline) override;
    void abandon_partition(const TopicPartition& tp) override;
    Task<std::vector<CommitFailure>> close(TimePoint deadline) override;
    /// What both stores hold at least, for only that survives whichever is read.
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override;

 private:
    std::shared_ptr<OffsetManager> first_;
    std::shared_ptr<OffsetManager> second_;
};

}  // namespace kwire
