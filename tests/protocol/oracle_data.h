// What the official Java client said of Kafka's messages (tests/oracle/generate.sh wrote it down).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>

namespace kwire::test {

struct OracleMessage {
    std::string name;
    std::int16_t version = 0;
    Bytes bytes;
    std::string json;

    /// For the message of a failed assertion.
    std::string where() const { return name + " " + std::to_string(version) + " " + json; }
};

/// Several values of every message at every version: all defaults, mostly nulls, some with unknown
/// tags, random ones.
const std::vector<OracleMessage>& oracle_messages();

/// Requests, responses, headers and what is embedded in others.
std::vector<const protocol::Schema*> every_schema();

/// The lines of one of the files. KWIRE_ORACLE_DATA in the environment names another folder than
/// the repository's own.
std::vector<std::string> oracle_lines(const std::string& file);

}  // namespace kwire::test
