// The name of a partition.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace kwire {

/// No real topic has a partition with a higher id; one that is read from outside is not believed. Ids may have gaps, so
/// nothing is ever sized by an id.
inline constexpr std::int32_t partition_id_max = 999'999;

struct TopicPartition {
    std::string topic;
    std::int32_t partition = 0;

    /// Constructors, because GCC 12 destroys an aggregate twice whose braces stand inside an awaited call.
    TopicPartition() = default;
    TopicPartition(std::string its_topic, std::int32_t its_partition)
        : topic(std::move(its_topic)), partition(its_partition) {}

    auto operator<=>(const TopicPartition&) const = default;

    /// `topic/partition`, the form in which ZooKeeper paths and kwire's own messages write it.
    std::string to_string() const { return topic + '/' + std::to_string(partition); }
};

}  // namespace kwire

template <>
struct std::hash<kwire::TopicPartition> {
    std::size_t operator()(const kwire::TopicPartition& tp) const noexcept {
        return std::hash<std::string>{}(tp.topic) * 31 + static_cast<std::size_t>(tp.partition);
    }
};
