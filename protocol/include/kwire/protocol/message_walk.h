// What can be said of any message by the names of its fields: which errors it tells, which topics
// it names.
//
// Purpose: filters and rules of tools that know no message by its type. Threads: the functions keep
// no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

/// The errors in the message (its fields called error_code), each once, in order of appearance.
std::vector<ErrorCode> errors_in(const Schema& schema, const void* message);

/// The names of the topics that the message speaks of, each once. Topics that it names by id only
/// appear if `names` has them.
std::vector<std::string> topics_in(const Schema& schema, const void* message,
                                   const std::map<Uuid, std::string>& names = {});

/// Adds the topics of which the message tells both name and id.
void learn_topic_ids(const Schema& schema, const void* message, std::map<Uuid, std::string>& names);

/// Calls `change` with host and port of every broker that the message names; it may change them.
/// Answers how many there were. A broker without a host (an answer that has none) is left out.
std::size_t change_addresses(
    const Schema& schema, void* message,
    const std::function<void(std::string& host, std::int32_t& port)>& change);

/// Fills `response`, which is new-made, as a broker would that fails at all of `request`: topics,
/// partitions, groups and the like stand in it as they were asked for, each with this error.
void fail_all(const Schema& request_schema, const void* request, const Schema& response_schema,
              void* response, std::int16_t version, ErrorCode code);

/// Makes every error_code that the message has at the version this one.
void set_errors(const Schema& schema, void* message, std::int16_t version, ErrorCode code);

}  // namespace kwire::protocol
