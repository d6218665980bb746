// What can be said of any message by the names of its fields: which errors it tells, which topics
// it names.
//
// Purpose: filters and rules of tools that know no message by its type. Threads: the functions keep
// no state.
#pragma once

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

/// Makes the message's every error_code this one.
void set_errors(const Schema& schema, void* message, ErrorCode code);

}  // namespace kwire::protocol
