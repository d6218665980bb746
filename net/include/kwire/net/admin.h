// Creating and deleting topics through the cluster's controller (KIP-4; brokers from 0.10.1 on).
//
// Threads: any; the operations keep the rules of async.h. Cancelled: what was asked of the controller is done or not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <kwire/net/cluster.h>

namespace kwire {

namespace detail {
Task<void> created_topic(std::shared_ptr<Cluster> cluster, std::string topic, std::int32_t partitions,
                         std::int16_t replication, std::map<std::string, std::string> configs);
Task<void> deleted_topic(std::shared_ptr<Cluster> cluster, std::string topic);
}  // namespace detail

/// Creates topic. -1 for partitions or replication asks for the broker's default (Kafka 2.4 and later). configs are the
/// topic's own, by Kafka's names. Returns once the controller has it; other brokers hear of it a moment later.
/// Throws broker_error (topic_already_exists, invalid_replication_factor, ...) or unsupported_version (before 0.10.1: such
/// topics are created in ZooKeeper).
template <class Token = asio::use_awaitable_t<>>
auto create_topic(std::shared_ptr<Cluster> cluster, std::string topic, std::int32_t partitions, std::int16_t replication,
                  std::map<std::string, std::string> configs, Token&& token = Token()) {
    auto runtime = cluster->runtime();
    return detail::async_operation<void>(
        std::move(runtime),
        detail::created_topic(std::move(cluster), std::move(topic), partitions, replication, std::move(configs)),
        std::forward<Token>(token));
}

/// Throws broker_error (unknown_topic_or_partition, topic_deletion_disabled, ...) or unsupported_version.
template <class Token = asio::use_awaitable_t<>>
auto delete_topic(std::shared_ptr<Cluster> cluster, std::string topic, Token&& token = Token()) {
    auto runtime = cluster->runtime();
    return detail::async_operation<void>(std::move(runtime), detail::deleted_topic(std::move(cluster), std::move(topic)),
                                         std::forward<Token>(token));
}

}  // namespace kwire
