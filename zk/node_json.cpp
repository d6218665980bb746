#include "node_json.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include <kwire/protocol/compressor.h>
#include <kwire/protocol/decompressor.h>

namespace kwire::zk {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// ZooKeeper's own limit of a node (jute.maxbuffer) is 1 MiB; nothing Kafka writes is nested deeper
// than four.
constexpr std::size_t json_bytes_max = 4 * 1024 * 1024;
constexpr int json_depth_max = 32;
/// A plan of 100,000 partitions in as many topics, whose names have 70 characters. It is compressed in its node.
constexpr std::size_t plan_bytes_max = 8 * 1024 * 1024;
constexpr std::size_t plan_readable_max = 64 * 1024;
constexpr std::int32_t plan_version = 1;
/// Each stream of a member takes part in the division of partitions by name, so a number from outside is not believed
/// beyond what any member has.
constexpr std::int32_t streams_max = 10'000;

int depth_of(std::string_view text) {
    int depth = 0, deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++depth);
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return deepest;
}

Read<Json> parse_object(std::string_view text, std::size_t bytes_max = json_bytes_max) {
    if (text.empty()) return {std::nullopt, "is empty"};
    if (text.size() > bytes_max) {
        return {std::nullopt, "has " + std::to_string(text.size()) + " bytes, too many"};
    }
    if (depth_of(text) > json_depth_max) return {std::nullopt, "is nested too deep"};
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return {std::nullopt, "is not JSON: " + excerpt(text)};
    if (!json.is_object()) return {std::nullopt, "is not a JSON object: " + excerpt(text)};
    return {std::move(json), {}};
}

/// Peers write the same number as a number or as a string.
template <class Int>
std::optional<Int> integer(const Json& json) {
    std::int64_t wide = 0;
    if (json.is_number_unsigned()) {
        const auto value = json.get<std::uint64_t>();
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return std::nullopt;
        }
        wide = static_cast<std::int64_t>(value);
    } else if (json.is_number_integer()) {
        wide = json.get<std::int64_t>();
    } else if (json.is_string()) {
        const auto& text = json.get_ref<const std::string&>();
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wide);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    } else {
        return std::nullopt;
    }
    if (wide < std::numeric_limits<Int>::min() || wide > std::numeric_limits<Int>::max()) {
        return std::nullopt;
    }
    return static_cast<Int>(wide);
}

template <class Int>
std::optional<Int> integer_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? std::nullopt : integer<Int>(*found);
}

std::optional<std::string> string_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

std::optional<std::vector<std::int32_t>> integers(const Json& json, std::int32_t lowest) {
    if (!json.is_array()) return std::nullopt;
    std::vector<std::int32_t> ids;
    for (const Json& each : json) {
        const auto id = integer<std::int32_t>(each);
        if (!id || *id < lowest) return std::nullopt;
        ids.push_back(*id);
    }
    return ids;
}

std::optional<std::vector<std::int32_t>> broker_ids(const Json& json) {
    return integers(json, 0);
}

std::optional<std::int32_t> partition_id(const std::string& text) {
    const auto id = integer<std::int32_t>(Json(text));
    return id && *id >= 0 && *id <= partition_id_max ? id : std::nullopt;
}

/// `PLAINTEXT://host:9092` -> listener name and address.
std::optional<std::pair<std::string, HostPort>> endpoint(const std::string& text) {
    const std::size_t scheme = text.find("://");
    const std::size_t colon = text.rfind(':');
    if (scheme == std::string::npos || colon < scheme + 3) return std::nullopt;
    std::string host = text.substr(scheme + 3, colon - scheme - 3);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc{} || stop != end || host.empty() || port == 0) return std::nullopt;
    return std::pair(text.substr(0, scheme), HostPort{std::move(host), port});
}

/// The endpoints whose listeners speak PLAINTEXT. From 0.10.2 on listeners may have any name, and a
/// map beside them names the protocol. others: what the rest speak.
std::vector<HostPort> plaintext_endpoints(const Json& broker, std::set<std::string>& others) {
    std::vector<HostPort> found;
    const auto endpoints = broker.find("endpoints");
    if (endpoints == broker.end() || !endpoints->is_array()) return found;
    const auto map = broker.find("listener_security_protocol_map");
    for (const Json& each : *endpoints) {
        if (!each.is_string()) continue;
        const auto parsed = endpoint(each.get_ref<const std::string&>());
        if (!parsed) continue;
        std::string protocol = parsed->first;
        if (map != broker.end() && map->is_object()) {
            protocol = string_at(*map, parsed->first.c_str()).value_or(protocol);
        }
        if (protocol == "PLAINTEXT") {
            found.push_back(parsed->second);
        } else {
            others.insert(protocol);
        }
    }
    return found;
}

}  // namespace

std::string excerpt(std::string_view text) {
    std::string shown = "`";
    for (const char c : text.substr(0, 60)) {
        if (c >= 0x20 && c < 0x7f) {
            shown += c;
        } else {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
            shown += escaped;
        }
    }
    return shown + (text.size() > 60 ? "...`" : "`");
}

Read<std::vector<BrokerEndpoint>> read_broker(std::int32_t id, std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    const auto rack = string_at(*json.value, "rack");
    std::vector<BrokerEndpoint> endpoints;
    std::set<std::string> others;
    for (HostPort& address : plaintext_endpoints(*json.value, others)) {
        endpoints.push_back({id, std::move(address), rack});
    }
    if (!endpoints.empty()) return {std::move(endpoints), {}};
    auto host = string_at(*json.value, "host");
    const auto port = integer_at<std::uint16_t>(*json.value, "port");
    if (host && !host->empty() && port && *port != 0) {
        endpoints.push_back({id, {std::move(*host), *port}, rack});
        return {std::move(endpoints), {}};
    }
    if (others.empty()) return {std::nullopt, "names no listener: " + excerpt(text)};
    std::string spoken;
    for (const std::string& protocol : others) spoken += (spoken.empty() ? "" : ", ") + protocol;
    return {std::nullopt, "has no PLAINTEXT listener, only " + spoken};
}

Read<std::int32_t> read_controller(std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    const auto id = integer_at<std::int32_t>(*json.value, "brokerid");
    if (!id || *id < 0) return {std::nullopt, "has no brokerid: " + excerpt(text)};
    return {id, {}};
}

Read<TopicAssignment> read_topic(std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    const auto partitions = json.value->find("partitions");
    if (partitions == json.value->end() || !partitions->is_object()) {
        return {std::nullopt, "has no partitions: " + excerpt(text)};
    }
    TopicAssignment assignment;
    for (const auto& [key, replicas] : partitions->items()) {
        const auto partition = partition_id(key);
        auto ids = broker_ids(replicas);
        if (!partition || !ids) {
            return {std::nullopt, "has an unreadable partition " + excerpt(key)};
        }
        assignment.replicas[*partition] = std::move(*ids);
    }
    return {std::move(assignment), {}};
}

Read<PartitionState> read_partition_state(std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    const auto leader = integer_at<std::int32_t>(*json.value, "leader");
    if (!leader) return {std::nullopt, "has no leader: " + excerpt(text)};
    PartitionState state;
    state.leader = std::max(*leader, -1);  // the controller writes -2 while it deletes the topic
    state.leader_epoch = integer_at<std::int32_t>(*json.value, "leader_epoch").value_or(-1);
    state.controller_epoch = integer_at<std::int32_t>(*json.value, "controller_epoch").value_or(-1);
    const auto isr = json.value->find("isr");
    if (isr != json.value->end())
        state.isr = broker_ids(*isr).value_or(std::vector<std::int32_t>());
    return {std::move(state), {}};
}

Read<std::map<std::string, std::string>> read_topic_config(std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    std::map<std::string, std::string> config;
    const auto entries = json.value->find("config");
    if (entries != json.value->end() && entries->is_object()) {
        for (const auto& [key, value] : entries->items()) {
            config[key] = value.is_string() ? value.get<std::string>() : value.dump();
        }
    }
    return {std::move(config), {}};
}

Read<Registration> read_registration(std::string_view text) {
    const Read<Json> json = parse_object(text);
    if (!json.value) return {std::nullopt, json.problem};
    Registration registration;
    const std::string pattern = string_at(*json.value, "pattern").value_or("");
    if (pattern == "white_list") {
        registration.pattern = SubscriptionPattern::white_list;
    } else if (pattern == "black_list") {
        registration.pattern = SubscriptionPattern::black_list;
    } else if (pattern != "static") {
        return {std::nullopt, "has no pattern static, white_list or black_list: " + excerpt(text)};
    }
    const auto subscription = json.value->find("subscription");
    if (subscription == json.value->end() || !subscription->is_object()) {
        return {std::nullopt, "has no subscription: " + excerpt(text)};
    }
    for (const auto& [topic, streams] : subscription->items()) {
        const auto count = integer<std::int32_t>(streams);
        if (!count || *count < 0 || *count > streams_max) {
            return {std::nullopt, "has an unreadable number of streams for " + excerpt(topic)};
        }
        registration.subscription[topic] = *count;
    }
    // Of no consequence to anybody but Java, so what is missing here does not make the member
    // unreadable.
    registration.timestamp_ms = integer_at<std::int64_t>(*json.value, "timestamp").value_or(0);
    registration.version = integer_at<std::int32_t>(*json.value, "version").value_or(1);
    registration.client = string_at(*json.value, "client").value_or("");
    registration.host = string_at(*json.value, "host").value_or("");
    registration.rule = string_at(*json.value, "rule").value_or("");
    return {std::move(registration), {}};
}

namespace {

bool is_gzip(std::string_view data) {
    return data.starts_with("\x1f\x8b");
}

ReadPlan no_plan(std::string problem, bool replaceable = true) {
    return {{std::nullopt, std::move(problem)}, replaceable};
}

ReadPlan read_plan_json(std::string_view text) {
    const Read<Json> json = parse_object(text, plan_bytes_max);
    if (!json.value) return no_plan(json.problem);
    if (const auto version = json.value->find("version"); version != json.value->end() && *version != plan_version) {
        return no_plan("is a plan of version " + excerpt(version->dump()) + ", which this kwire does not know: " +
                           excerpt(text) + "; upgrade it, or delete the node if no other member needs it",
                       false);
    }
    const auto members = json.value->find("members");
    const auto topics = json.value->find("topics");
    const bool complete = members != json.value->end() && members->is_array() &&
                          topics != json.value->end() && topics->is_object();
    if (!complete) return no_plan("has no members and topics: " + excerpt(text));
    std::map<TopicPartition, std::string> owners;
    const auto own = [&](const std::string& topic, std::int32_t partition, std::int32_t number) {
        if (number < 0 || static_cast<std::size_t>(number) >= members->size()) return;
        const Json& member = (*members)[static_cast<std::size_t>(number)];
        if (member.is_string()) owners[{topic, partition}] = member.get<std::string>();
    };
    for (const auto& [topic, list] : topics->items()) {
        if (list.is_object()) {
            for (const auto& [key, value] : list.items()) {
                const auto partition = partition_id(key);
                const auto number = integer<std::int32_t>(value);
                if (!partition || !number) return no_plan("has an unreadable topic " + excerpt(topic));
                own(topic, *partition, *number);
            }
            continue;
        }
        const auto numbers = integers(list, INT32_MIN);
        const bool is_readable = numbers && numbers->size() <= static_cast<std::size_t>(partition_id_max) + 1;
        if (!is_readable) return no_plan("has an unreadable topic " + excerpt(topic));
        for (std::size_t p = 0; p < numbers->size(); ++p) own(topic, static_cast<std::int32_t>(p), (*numbers)[p]);
    }
    return {{std::move(owners), {}}, true};
}

}  // namespace

ReadPlan read_plan(std::string_view data) {
    if (!is_gzip(data)) return read_plan_json(data);
    Decompressor decompressor;
    RecordBuffer text;
    const auto problem = decompressor.decompress(Compression::gzip, 2, data, plan_bytes_max, text);
    if (!problem) return read_plan_json(text.view());
    // It may be longer than is read here. A later kwire may read it, so it stands.
    return no_plan("cannot be decompressed: " + problem->what, false);
}

std::optional<std::int64_t> read_offset(std::string_view text) {
    std::int64_t offset = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (error != std::errc{} || end != text.data() + text.size() || offset < 0) return std::nullopt;
    return text.front() == '-' ? std::nullopt : std::optional(offset);
}

namespace {
/// A key that the object does not have yet. Its own operator[] compares with all that it has.
void append(OrderedJson& object, std::string key, OrderedJson value) {
    object.get_ref<OrderedJson::object_t&>().emplace_back(std::move(key), std::move(value));
}

std::string dump(const OrderedJson& json) {
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}
}  // namespace

std::string write_topic(const TopicAssignment& assignment) {
    OrderedJson partitions = OrderedJson::object();
    for (const auto& [partition, replicas] : assignment.replicas) {
        append(partitions, std::to_string(partition), replicas);
    }
    return dump({{"version", 1}, {"partitions", std::move(partitions)}});
}

std::string write_topic_config(const std::map<std::string, std::string>& config) {
    OrderedJson entries = OrderedJson::object();
    for (const auto& [key, value] : config) append(entries, key, value);
    return dump({{"version", 1}, {"config", std::move(entries)}});
}

std::string write_registration(const Registration& registration) {
    const char* pattern = "static";
    if (registration.pattern == SubscriptionPattern::white_list) pattern = "white_list";
    if (registration.pattern == SubscriptionPattern::black_list) pattern = "black_list";
    OrderedJson subscription = OrderedJson::object();
    for (const auto& [topic, streams] : registration.subscription) append(subscription, topic, streams);
    OrderedJson json{{"version", registration.version},
                     {"subscription", std::move(subscription)},
                     {"pattern", pattern},
                     {"timestamp", std::to_string(registration.timestamp_ms)}};
    if (!registration.client.empty()) json["client"] = registration.client;
    if (!registration.host.empty()) json["host"] = registration.host;
    if (!registration.rule.empty()) json["rule"] = registration.rule;
    return dump(json);
}

namespace {

/// Partition by partition if that is shorter than with its gaps, else one by one.
OrderedJson owners_json(const std::map<std::int32_t, int>& owners) {
    const auto places = static_cast<std::size_t>(owners.rbegin()->first) + 1;
    if (places > 4 * owners.size() + 100) {
        OrderedJson sparse = OrderedJson::object();
        for (const auto& [partition, number] : owners) append(sparse, std::to_string(partition), number);
        return sparse;
    }
    OrderedJson list = OrderedJson::array();
    for (const auto& [partition, number] : owners) {
        while (list.size() < static_cast<std::size_t>(partition)) list.push_back(-1);
        list.push_back(number);
    }
    return list;
}

}  // namespace

// A member's place in "members" stands for its id, and a partition is its place in the list of its topic: thousands of
// partitions fit well into the megabyte that ZooKeeper allows a node.
std::optional<std::string> write_plan(const std::map<TopicPartition, std::string>& owners) {
    OrderedJson members = OrderedJson::array();
    std::map<std::string, int> numbers;
    std::map<std::string, std::map<std::int32_t, int>> by_topic;
    for (const auto& [tp, owner] : owners) {
        if (tp.partition < 0 || tp.partition > partition_id_max) continue;  // of no topic that could be read
        const auto [number, is_new] = numbers.try_emplace(owner, static_cast<int>(numbers.size()));
        if (is_new) members.push_back(owner);
        by_topic[tp.topic][tp.partition] = number->second;
    }
    OrderedJson topics = OrderedJson::object();
    for (const auto& [topic, partitions] : by_topic) append(topics, topic, owners_json(partitions));
    std::string text =
        dump({{"version", plan_version}, {"members", std::move(members)}, {"topics", std::move(topics)}});
    if (text.size() <= plan_readable_max) return text;
    if (text.size() > plan_bytes_max) return std::nullopt;
    std::string packed;
    Compressor().compress(Compression::gzip, std::nullopt, 2, text, packed);
    return packed;
}

}  // namespace kwire::zk
