// The JSON that brokers, controllers and members of every release keep in ZooKeeper nodes.
//
// Input is another process's and never trusted: size and depth are bounded before it is parsed, and
// what does not fit comes back as a sentence, not as an exception.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/zk/registry.h>

namespace kwire::zk {

/// A value, or why there is none.
template <class T>
struct Read {
    std::optional<T> value;
    std::string problem;
};

/// An endpoint for each listener that speaks PLAINTEXT; never none.
Read<std::vector<BrokerEndpoint>> read_broker(std::int32_t id, std::string_view json);
Read<std::int32_t> read_controller(std::string_view json);
Read<TopicAssignment> read_topic(std::string_view json);
Read<PartitionState> read_partition_state(std::string_view json);
Read<std::map<std::string, std::string>> read_topic_config(std::string_view json);
Read<Registration> read_registration(std::string_view json);
struct ReadPlan : Read<std::map<TopicPartition, std::string>> {
    /// False if it may well be a plan, but of a later kwire: not to be overwritten.
    bool replaceable = true;
};
/// What write_plan() wrote, or its JSON.
ReadPlan read_plan(std::string_view data);
/// Decimal digits, 0 to 2^63-1, nothing else.
std::optional<std::int64_t> read_offset(std::string_view text);

std::string write_topic(const TopicAssignment& assignment);
std::string write_topic_config(const std::map<std::string, std::string>& config);
std::string write_registration(const Registration& registration);
/// JSON, as a person can read it; compressed by gzip if it is long, since a node holds no more than 1 MB and every
/// member reads it. Nothing, if the JSON is longer than read_plan() reads.
std::optional<std::string> write_plan(const std::map<TopicPartition, std::string>& owners);

/// At most 60 bytes of text, with what is not printable escaped: for messages.
std::string excerpt(std::string_view text);

}  // namespace kwire::zk
