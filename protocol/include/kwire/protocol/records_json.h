// The bytes of a `records` field as JSON: batches with what their headers say, records with key,
// value and headers.
#pragma once

#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/secrets.h>

namespace kwire::protocol {

/// `CreateTime`, `LogAppendTime`, `NoTimestampType`, as Kafka prints them.
std::string_view kafka_name(TimestampType type);

/// Appends a list of batches, each with its `records`. Keys and values are strings where they are
/// UTF-8, {"base64":...} where not. What cannot be read does not end the list silently: a batch
/// whose records are damaged has an `error`, and so has a last element {"error":...} where no
/// further batch can be found; one that is cut off, as brokers send them, is {"truncatedBytes":N}.
/// Values with credentials of the cluster's metadata in them are hidden unless secrets are shown.
void append_records_json(std::string& out, const Bytes& records, Secrets secrets = Secrets::shown);

}  // namespace kwire::protocol
