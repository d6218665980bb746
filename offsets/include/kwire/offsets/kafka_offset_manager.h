// Offsets in Kafka itself, as simple commits (generation -1, no member) of the group.
//
// Needs brokers from 0.8.2 on. The coordinator is found and followed; while it loads or moves it is
// asked again, and that is never taken for "no offset". The metadata of a commit is empty. Brokers
// forget what is not committed again for some time (offsets.retention.minutes, by default one day
// up to 1.1 and seven from 2.0), so flush writes idle partitions again every six hours.
// Not fenced: a broker takes a simple commit from anybody while it sees no members of its own in
// the group. A write whose answer did not come in time may still take effect later.
// Threads: only on the runtime's strand. Lifetimes: what is under way ends by itself when the
// manager goes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>
#include <kwire/net/error.h>
#include <kwire/offsets/offset_manager.h>

namespace kwire {

class TrackedOffsets;

class KafkaOffsetManager final : public OffsetManager {
 public:
    KafkaOffsetManager(std::shared_ptr<Cluster> cluster, std::string group);
    ~KafkaOffsetManager() override;

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
    std::shared_ptr<TrackedOffsets> tracked_;
};

/// What Kafka keeps of one partition: an offset, none (-1), or one that cannot be read.
struct KafkaOffset {
    std::int64_t next = -1;
    std::optional<Error> problem;
};

/// What Kafka keeps of group, of the partitions named (all of which come back) or of all that have
/// an offset (from 0.10.2 on; before, errc::unsupported_version). What the coordinator answers with
/// "later" is asked again until the request timeout passes. Throws where the group as a whole
/// cannot be read.
Task<std::map<TopicPartition, KafkaOffset>> read_offsets(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which);

/// The same for who needs all of them: partitions without an offset are absent, and the first that
/// cannot be read is thrown.
Task<std::map<TopicPartition, std::int64_t>> fetch_offsets(
    std::shared_ptr<Cluster> cluster, std::string group,
    std::optional<std::vector<TopicPartition>> which);

/// Sets them, back too. Throws the first failure, naming the partition.
Task<void> store_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                         std::map<TopicPartition, std::int64_t> next);

/// Removes all offsets of group, and the group, which must have no members (DeleteGroups, Kafka 1.1 and later). A group that
/// the coordinator does not know is fine: it has none. Throws errc::unsupported_version, broker_error (non_empty_group, ...).
Task<void> delete_offsets(std::shared_ptr<Cluster> cluster, std::string group);

/// Removes the offsets of which (OffsetDelete, Kafka 2.4 and later) and returns those that were not removed, each with the
/// reason. A partition without an offset is fine. Throws where the request as a whole is refused.
Task<std::map<TopicPartition, Error>> delete_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                                                     std::vector<TopicPartition> which);

}  // namespace kwire
