// Many exchanges in one table: which client asks what how often, and how long it waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <kwire/protocol/conversation.h>

namespace kwire::tools {

class ExchangeSummary {
 public:
    void add(const Exchange& exchange, bool has_errors);
    void append_to(std::string& out, bool json) const;

 private:
    struct Row {
        std::uint64_t count = 0;
        std::uint64_t errors = 0;
        std::uint64_t unanswered = 0;
        std::uint64_t request_bytes = 0;
        std::uint64_t response_bytes = 0;
        std::vector<std::chrono::nanoseconds> latencies;
    };
    struct Latencies {
        std::chrono::nanoseconds total{};
        std::chrono::nanoseconds p50{};
        std::chrono::nanoseconds p99{};
        std::chrono::nanoseconds longest{};
    };
    using Key = std::tuple<std::string, std::string, std::int16_t>;  // client id, API, version

    static Latencies latencies_of(const Row& row);
    void append_json(std::string& out) const;

    std::map<Key, Row> rows_;
};

/// `12.3 ms`, `840 us`, `2.1 s`
std::string show_latency(std::chrono::nanoseconds time);

}  // namespace kwire::tools
