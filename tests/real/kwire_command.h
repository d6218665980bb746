#pragma once

// The kwire command as the tests run it, and what it prints.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "real_cluster.h"

namespace kwire::real {

// The command with arguments, for run_process or a Process.
std::vector<std::string> kwire_command(std::vector<std::string> arguments);

// `kwire consume --format json` of these topics from the oldest message on. It runs until `more`
// (such as --max-messages) or a signal ends it.
std::vector<std::string> consume_command(const RealCluster& cluster, const std::string& group,
                                         const std::vector<std::string>& topics,
                                         const std::vector<std::string>& more = {});

// What consume printed, in the order it did; a line that was cut short by a kill is left out.
std::vector<Record> parse_records(std::string_view json_lines);
// The same, sorted by partition and offset as kcat_read gives them.
std::vector<Record> parse_sorted_records(std::string_view json_lines);

struct PartitionState {
    std::string owner;         // empty: none
    std::int64_t offset = -1;  // stored, the next to read; -1: none
    std::int64_t lag = -1;
};

// `kwire group describe` for one topic, by partition; empty where the group does not exist (yet).
std::map<int, PartitionState> describe_group(const RealCluster& cluster, const std::string& group,
                                             const std::string& topic);
// How many partitions each owner has; those without one count under "".
std::map<std::string, int> owners_of(const RealCluster& cluster, const std::string& group,
                                     const std::string& topic);

}  // namespace kwire::real
