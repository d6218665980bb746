// All messages that kwire knows, for those who learn only at run time which one they have.
#pragma once

#include <span>
#include <string_view>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

/// Requests and responses by API key, then the two headers.
std::span<const Schema* const> all_messages();

/// What stands in the bytes of other messages and in the records of Kafka's own topics: the consumer
/// protocol, control records, `__consumer_offsets`, `__transaction_state`, `__share_group_state`,
/// `__cluster_metadata` (embedded.h finds the one that a record holds). They have no API key.
std::span<const Schema* const> embedded_messages();

/// By Kafka's own name, such as `FetchRequest` or `OffsetCommitValue`; null where kwire does not know the message.
const Schema* find_message(std::string_view name);

/// By API; null where kwire does not know the messages of that API.
const Schema* request_schema(ApiKey key);
const Schema* response_schema(ApiKey key);

}  // namespace kwire::protocol
