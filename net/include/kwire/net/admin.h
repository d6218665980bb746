// Creating and deleting topics through the cluster's controller (KIP-4; brokers from 0.10.1 on).
//
// Threads: coroutines on the cluster's strand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <kwire/net/cluster.h>

namespace kwire {

/// Creates topic. -1 for partitions or replication asks for the broker's default (Kafka 2.4 and later). configs are the
/// topic's own, by Kafka's names. Returns once the controller has it; other brokers hear of it a moment later.
/// Throws broker_error (topic_already_exists, invalid_replication_factor, ...) or unsupported_version (before 0.10.1: such
/// topics are created in ZooKeeper).
Task<void> create_topic(std::shared_ptr<Cluster> cluster, std::string topic, std::int32_t partitions,
                        std::int16_t replication, std::map<std::string, std::string> configs);

/// Throws broker_error (unknown_topic_or_partition, topic_deletion_disabled, ...) or unsupported_version.
Task<void> delete_topic(std::shared_ptr<Cluster> cluster, std::string topic);

}  // namespace kwire
