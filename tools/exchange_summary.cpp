#include "exchange_summary.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "exchange_printer.h"
#include "message_text.h"
#include "numbers.h"
#include "table.h"

namespace kwire::tools {
namespace {

using std::chrono::nanoseconds;

std::string microseconds(nanoseconds time) {
    return std::to_string(time.count() / 1000);
}

}  // namespace

std::string show_latency(nanoseconds time) {
    const auto ns = static_cast<double>(time.count());
    char text[32];
    if (ns < 1e6) {
        std::snprintf(text, sizeof text, "%.0f us", ns / 1e3);
    } else if (ns < 1e9) {
        std::snprintf(text, sizeof text, "%.1f ms", ns / 1e6);
    } else {
        std::snprintf(text, sizeof text, "%.2f s", ns / 1e9);
    }
    return text;
}

void ExchangeSummary::add(const Exchange& exchange, bool has_errors) {
    Row& row = rows_[{exchange.header.client_id.value_or(""), api_text(exchange),
                      exchange.header.request_api_version}];
    ++row.count;
    if (has_errors) ++row.errors;
    if (exchange.answer == Exchange::Answer::missing) ++row.unanswered;
    if (exchange.request) row.request_bytes += exchange.request->bytes.size() + 4;
    if (exchange.response) row.response_bytes += exchange.response->bytes.size() + 4;
    if (const auto latency = exchange.latency()) row.latencies.push_back(*latency);
}

ExchangeSummary::Latencies ExchangeSummary::latencies_of(const Row& row) {
    Latencies result;
    if (row.latencies.empty()) return result;
    std::vector<nanoseconds> sorted = row.latencies;
    std::sort(sorted.begin(), sorted.end());
    for (const nanoseconds latency : sorted) result.total += latency;
    result.p50 = sorted[sorted.size() / 2];
    result.p99 = sorted[sorted.size() * 99 / 100];
    result.longest = sorted.back();
    return result;
}

void ExchangeSummary::append_to(std::string& out, bool json) const {
    if (json) return append_json(out);
    Table table({"CLIENT ID", "API", "VERSION", "COUNT", "ERRORS", "UNANSWERED", "P50", "P99",
                 "MAX", "TOTAL", "ASKED", "ANSWERED"});
    for (const auto& [key, row] : rows_) {
        const auto& [client_id, api, version] = key;
        const Latencies latencies = latencies_of(row);
        table.row({client_id.empty() ? "-" : printable(client_id), api, std::to_string(version),
                   std::to_string(row.count), std::to_string(row.errors),
                   std::to_string(row.unanswered), show_latency(latencies.p50),
                   show_latency(latencies.p99), show_latency(latencies.longest),
                   show_latency(latencies.total), show_bytes(row.request_bytes),
                   show_bytes(row.response_bytes)});
    }
    table.append_to(out);
}

void ExchangeSummary::append_json(std::string& out) const {
    for (const auto& [key, row] : rows_) {
        const auto& [client_id, api, version] = key;
        const Latencies latencies = latencies_of(row);
        out += "{\"client_id\":";
        append_json_string(out, client_id);
        out += ",\"api\":\"" + api + "\",\"version\":" + std::to_string(version) +
               ",\"count\":" + std::to_string(row.count) +
               ",\"errors\":" + std::to_string(row.errors) +
               ",\"unanswered\":" + std::to_string(row.unanswered) +
               ",\"latency_us\":{\"p50\":" + microseconds(latencies.p50) +
               ",\"p99\":" + microseconds(latencies.p99) +
               ",\"max\":" + microseconds(latencies.longest) +
               ",\"total\":" + microseconds(latencies.total) +
               "},\"request_bytes\":" + std::to_string(row.request_bytes) +
               ",\"response_bytes\":" + std::to_string(row.response_bytes) + "}\n";
    }
}

}  // namespace kwire::tools
