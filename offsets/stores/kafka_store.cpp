#include <utility>

#include <kwire/offsets/kafka_offset_store.h>

#include "stores/kafka_tries.h"

namespace kwire {
namespace {

class KafkaStore final : public OffsetStore {
 public:
    KafkaStore(std::shared_ptr<Cluster> cluster, std::string group, KafkaOffsetStoreConfig config)
        : cluster_(std::move(cluster)), group_(std::move(group)), config_(config) {}

    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity) override {
        const TimePoint deadline = later(cluster_->runtime()->now(), patience());
        const FetchTry result = co_await try_fetch(cluster_, group_, which, deadline);
        if (!result.error) co_return result.offsets;
        Outcomes outcomes;
        for (const TopicPartition& tp : which) {
            const ErrorWhere where{.topic = tp.topic, .partition = tp.partition};
            outcomes[tp] = {{}, result.error->at(where), result.try_again};
        }
        co_return outcomes;
    }

    Task<Outcomes> write(std::vector<Write> writes, CommitIdentity identity, TimePoint deadline) override {
        return try_commit(cluster_, group_, std::move(writes), std::move(identity), deadline);
    }

    Task<void> reset(OffsetReset reset) override { return reset_offsets(cluster_, group_, std::move(reset)); }

    Duration patience() const override { return cluster_->config().request_timeout; }
    Duration refresh_interval() const override { return Duration(config_.retention) / 4; }

 private:
    const std::shared_ptr<Cluster> cluster_;
    const std::string group_;
    const KafkaOffsetStoreConfig config_;
};

}  // namespace

std::shared_ptr<OffsetStore> kafka_offset_store(std::shared_ptr<Cluster> cluster, std::string group,
                                                KafkaOffsetStoreConfig config) {
    if (!cluster) throw Error(errc::invalid_config, "kafka_offset_store needs a cluster");
    if (config.retention <= std::chrono::minutes(0)) {
        throw Error(errc::invalid_config, "KafkaOffsetStoreConfig::retention is " +
                                              std::to_string(config.retention.count()) + " minutes; it must be above 0");
    }
    return std::make_shared<KafkaStore>(std::move(cluster), std::move(group), config);
}

}  // namespace kwire
