#include "kwire_command.h"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace kwire::real {
namespace {

// Text is a JSON string; other bytes are {"base64": "..."}, which stays as it is: tests compare
// text.
std::optional<std::string> text_of(const nlohmann::json& value) {
    if (value.is_null()) {
        return std::nullopt;
    }
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::int64_t number_or(const nlohmann::json& value, std::int64_t otherwise) {
    return value.is_number() ? value.get<std::int64_t>() : otherwise;
}

}  // namespace

std::vector<std::string> kwire_command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), KWIRE_COMMAND);
    return arguments;
}

std::vector<std::string> consume_command(const RealCluster& cluster, const std::string& group,
                                         const std::vector<std::string>& topics,
                                         const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"consume", "--zookeeper", cluster.zookeeper(),
                                       "--group", group,         "--initial",
                                       "oldest",  "--format",    "json"};
    for (const auto& topic : topics) {
        arguments.insert(arguments.end(), {"--topic", topic});
    }
    if (!cluster.has_zookeeper_brokers()) {
        arguments.insert(arguments.end(), {"--bootstrap", cluster.bootstrap()});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return kwire_command(std::move(arguments));
}

std::vector<Record> parse_records(std::string_view json_lines) {
    std::vector<Record> records;
    for (const auto& line : split_lines(json_lines.substr(0, json_lines.rfind('\n') + 1))) {
        const auto parsed = nlohmann::json::parse(line);
        Record record;
        record.partition = parsed.at("partition").get<std::int32_t>();
        record.offset = parsed.at("offset").get<std::int64_t>();
        record.key = text_of(parsed.at("key"));
        record.value = text_of(parsed.at("value"));
        records.push_back(std::move(record));
    }
    return records;
}

std::vector<Record> parse_sorted_records(std::string_view json_lines) {
    auto records = parse_records(json_lines);
    std::sort(records.begin(), records.end());
    return records;
}

std::map<int, PartitionState> describe_group(const RealCluster& cluster, const std::string& group,
                                             const std::string& topic) {
    const auto result =
        run_process(kwire_command({"group", "describe", group, "--zookeeper", cluster.zookeeper(),
                                   "--bootstrap", cluster.bootstrap(), "--format", "json"}));
    if (result.err.find("there is no group") != std::string::npos) {
        return {};
    }
    if (!result.ok()) {
        throw std::runtime_error("describing group " + group + ": " + result.describe());
    }
    const auto described = nlohmann::json::parse(result.out);
    std::map<int, PartitionState> partitions;
    for (const auto& entry : described.at("partitions")) {
        if (entry.at("topic") != topic) {
            continue;
        }
        auto& state = partitions[entry.at("partition").get<int>()];
        state.owner = text_of(entry.at("owner")).value_or("");
        state.offset = number_or(entry.at("offset"), -1);
        state.lag = number_or(entry.at("lag"), -1);
    }
    return partitions;
}

std::map<std::string, int> owners_of(const RealCluster& cluster, const std::string& group,
                                     const std::string& topic) {
    std::map<std::string, int> owners;
    for (const auto& [partition, state] : describe_group(cluster, group, topic)) {
        ++owners[state.owner];
    }
    return owners;
}

}  // namespace kwire::real
