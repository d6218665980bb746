#include "exchange_printer.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>

#include "error_name.h"
#include "frame_text.h"
#include "message_text.h"
#include "numbers.h"

namespace kwire::tools {
namespace {

using protocol::Schema;
using std::chrono::nanoseconds;

/// 2026-11-22T18:31:02.123456Z
void append_time(std::string& out, nanoseconds time) {
    append_utc(out, std::chrono::floor<std::chrono::microseconds>(time).count(), 1'000'000);
}

nanoseconds time_of(const Exchange& exchange) {
    return exchange.request ? exchange.request->begun : exchange.response->begun;
}

std::size_t wire_bytes(const std::optional<Exchange::Frame>& frame) {
    return frame ? frame->bytes.size() + 4 : 0;
}

bool listed(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

/// The request or the answer of an exchange, decoded.
struct ExchangePrinter::Half {
    bool present = false;
    const Schema* schema = nullptr;
    std::int16_t version = 0;
    std::shared_ptr<void> message;  ///< null if it could not be decoded
    Bytes body;
    std::string problem;  ///< why not
    bool broken = false;  ///< though API and version are known
};

void add_exchange_options(Command command, ExchangeOptions& options, const std::string& api_help) {
    command.option("--format", options.format, "FORMAT", "text (default) or json, a line each")
        .one_of({"text", "json"});
    command.flag("--bodies", options.bodies, "show the messages in text, too");
    command.flag("--records", options.records,
                 "open record batches; without it their size is shown");
    command.flag("--summary", options.summary,
                 "a table of clients, APIs and how long answers took in place of the lines");
    command.option("--api", options.apis, "NAME", api_help);
    command.option("--client-id", options.client_ids, "ID", "only this client id; may be repeated");
    command.option("-t,--topic", options.topics, "NAME",
                   "only what names this topic; may be repeated");
    command.option("--error", options.errors, "NAME",
                   "only answers with this error, such as NOT_COORDINATOR; may be repeated");
    command.flag("--errors", options.only_errors, "only answers with an error, missing ones, and what does not decode");
    add_show_secrets(command, options.show_secrets);
}

void add_show_secrets(Command command, bool& show_secrets) {
    command.flag("--show-secrets", show_secrets,
                 "show passwords, tokens and keys, which are {\"hidden\":true} without it");
}

std::string api_text(const Exchange& exchange) {
    if (exchange.is_sasl_token) return "SaslToken";
    if (!exchange.request) return "(unknown)";
    return to_string(exchange.header.request_api_key);
}

ExchangePrinter::ExchangePrinter(const ExchangeOptions& options) : options_(options) {
    for (const std::string& text : options_.apis) {
        const auto key = api_key_of(text);
        if (!key) throw UsageError("--api " + text + " is no API; `kwire apis` lists them");
        apis_.push_back(*key);
    }
    for (const std::string& text : options_.errors) {
        const auto error = error_named(text);
        if (!error) {
            throw UsageError("--error " + text +
                             " is no error of Kafka's; give its name, such as NOT_COORDINATOR");
        }
        errors_.push_back(*error);
    }
}

ExchangePrinter::Half ExchangePrinter::decoded(const Exchange& exchange, bool is_request) {
    Half half;
    half.present = is_request ? exchange.request.has_value() : exchange.response.has_value();
    if (!half.present) return half;
    half.body = is_request ? exchange.request_body : exchange.response_body;
    half.version = is_request ? exchange.header.request_api_version : exchange.response_version;
    const auto& frame = is_request ? exchange.request : exchange.response;
    if (exchange.is_sasl_token || !exchange.request) {
        half.body = frame->bytes;
        half.problem = exchange.is_sasl_token ? "a token of SASL"
                                              : "the answer to a request that was not seen";
        return half;
    }
    if (!is_request && exchange.error) {
        half.body = frame->bytes;
        half.problem = exchange.error->message();
        half.broken = true;
        ++broken_;
        return half;
    }
    const ApiKey key = exchange.header.request_api_key;
    half.schema = is_request ? protocol::request_schema(key) : protocol::response_schema(key);
    if (!half.schema) {
        half.problem = (is_request ? "an unknown request: " : "the answer to an unknown request: ") +
                       ("kwire does not know " + to_string(key));
        return half;
    }
    if (!half.schema->versions.contains(half.version)) {
        half.problem = (is_request ? "an unknown request: " : "the answer to an unknown request: ") +
                       ("kwire knows versions " + std::to_string(half.schema->versions.lowest)) +
                       " to " + std::to_string(half.schema->versions.highest) + " of " + to_string(key);
        return half;
    }
    auto message = half.schema->make();
    if (const auto error = decode(*half.schema, message.get(), half.version, half.body)) {
        half.problem = error->message();
        half.broken = true;
        ++broken_;
        return half;
    }
    half.message = std::move(message);
    return half;
}

bool ExchangePrinter::wanted_by_header(const Exchange& exchange) const {
    if (!apis_.empty() &&
        (!exchange.request || exchange.is_sasl_token ||
         std::find(apis_.begin(), apis_.end(), exchange.header.request_api_key) == apis_.end())) {
        return false;
    }
    return options_.client_ids.empty() ||
           listed(options_.client_ids, exchange.header.client_id.value_or(""));
}

bool ExchangePrinter::wanted(const Exchange& exchange, const Half& request, const Half& response,
                             const std::vector<ErrorCode>& errors) const {
    if (options_.only_errors && errors.empty() && !request.broken && !response.broken &&
        exchange.answer != Exchange::Answer::missing) {
        return false;
    }
    if (!errors_.empty() && std::none_of(errors.begin(), errors.end(), [this](ErrorCode code) {
            return std::find(errors_.begin(), errors_.end(), code) != errors_.end();
        })) {
        return false;
    }
    if (options_.topics.empty()) return true;
    for (const Half* half : {&request, &response}) {
        if (!half->message) continue;
        for (const auto& topic : topics_in(*half->schema, half->message.get(), topic_ids_)) {
            if (listed(options_.topics, topic)) return true;
        }
    }
    return false;
}

void ExchangePrinter::append(std::string& out, std::string_view client, std::string_view broker,
                             const Exchange& exchange) {
    const bool is_metadata =
        exchange.request && exchange.header.request_api_key == ApiKey::metadata;
    if (!wanted_by_header(exchange) && (options_.topics.empty() || !is_metadata)) return;
    const Half request = decoded(exchange, true);
    const Half response = decoded(exchange, false);
    std::vector<ErrorCode> errors;
    if (response.message) {
        errors = errors_in(*response.schema, response.message.get());
        if (is_metadata) learn_topic_ids(*response.schema, response.message.get(), topic_ids_);
    }
    if (!wanted_by_header(exchange) || !wanted(exchange, request, response, errors)) return;
    if (exchange.answer == Exchange::Answer::missing) ++unanswered_;
    if (options_.summary) {
        summary_.add(exchange, !errors.empty());
    } else if (options_.format == "json") {
        append_json_line(out, client, broker, exchange, request, response, errors);
    } else {
        append_text_line(out, client, broker, exchange, request, response, errors);
    }
}

void ExchangePrinter::append_end(std::string& out) const {
    if (options_.summary) summary_.append_to(out, options_.format == "json");
}

void ExchangePrinter::append_body(std::string& out, const Half& half) const {
    append_json(out, *half.schema, half.message.get(), half.version,
                options_.records ? protocol::RecordsAs::batches : protocol::RecordsAs::size, secrets());
}

protocol::Secrets ExchangePrinter::secrets() const {
    return options_.show_secrets ? protocol::Secrets::shown : protocol::Secrets::hidden;
}

void ExchangePrinter::append_json_line(std::string& out, std::string_view client,
                                       std::string_view broker, const Exchange& exchange,
                                       const Half& request, const Half& response,
                                       const std::vector<ErrorCode>& errors) const {
    out += "{\"time\":\"";
    append_time(out, time_of(exchange));
    out.append("\",\"client\":\"").append(client).append("\",\"broker\":\"").append(broker);
    out += "\",\"api\":\"" + api_text(exchange) + '"';
    if (exchange.request && !exchange.is_sasl_token) {
        out += ",\"api_key\":" + std::to_string(static_cast<int>(exchange.header.request_api_key)) +
               ",\"version\":" + std::to_string(exchange.header.request_api_version);
    }
    out += ",\"correlation_id\":" + std::to_string(exchange.header.correlation_id);
    if (exchange.header.client_id) {
        out += ",\"client_id\":";
        append_json_string(out, *exchange.header.client_id);
    }
    if (const auto latency = exchange.latency()) {
        out += ",\"latency_us\":" + std::to_string(latency->count() / 1000);
    }
    if (response.version != request.version && request.present && response.present) {
        out += ",\"response_version\":" + std::to_string(response.version);
    }
    if (exchange.answer != Exchange::Answer::came) {
        out += exchange.answer == Exchange::Answer::missing ? ",\"answer\":\"missing\""
                                                            : ",\"answer\":\"none asked\"";
    }
    out += ",\"request_bytes\":" + std::to_string(wire_bytes(exchange.request)) +
           ",\"response_bytes\":" + std::to_string(wire_bytes(exchange.response));
    if (!errors.empty()) {
        out += ",\"errors\":[";
        for (std::size_t i = 0; i < errors.size(); ++i) {
            const std::string_view text = name(errors[i]);
            out += i > 0 ? ",\"" : "\"";
            out += text.empty() ? std::to_string(static_cast<int>(errors[i])) : std::string(text);
            out += '"';
        }
        out += ']';
    }
    for (const auto& [key, half] : {std::pair{"request", &request}, {"response", &response}}) {
        if (!half->present) continue;
        out.append(",\"").append(key).append("\":");
        if (half->message) {
            append_body(out, *half);
            continue;
        }
        out += "{\"hex\":";
        append_undecoded(out, half->schema, half->body.view(), secrets());
        out += ",\"note\":";
        append_json_string(out, half->problem);
        out += '}';
    }
    out += "}\n";
}

void ExchangePrinter::append_text_line(std::string& out, std::string_view client,
                                       std::string_view broker, const Exchange& exchange,
                                       const Half& request, const Half& response,
                                       const std::vector<ErrorCode>& errors) const {
    append_time(out, time_of(exchange));
    out.append("  ").append(client).append(" > ").append(broker).append("  ");
    out += api_text(exchange);
    if (exchange.request && !exchange.is_sasl_token) {
        out += " v" + std::to_string(exchange.header.request_api_version);
    }
    out += " #" + std::to_string(exchange.header.correlation_id);
    if (exchange.header.client_id) out += "  " + printable(*exchange.header.client_id);
    if (const auto latency = exchange.latency()) {
        out += "  " + show_latency(*latency);
    } else if (exchange.request) {
        out +=
            exchange.answer == Exchange::Answer::none_asked ? "  no answer asked" : "  NO ANSWER";
    }
    out += "  " + show_bytes(wire_bytes(exchange.request)) + " > " +
           show_bytes(wire_bytes(exchange.response));
    for (const ErrorCode code : errors) out += "  " + to_string(code);
    out += '\n';
    for (const auto& [key, half] : {std::pair{"request ", &request}, {"response", &response}}) {
        if (!half->present) continue;
        if (half->message) {
            if (!options_.bodies) continue;
            out.append("    ").append(key).append(" ");
            append_body(out, *half);
            out += '\n';
        } else {
            constexpr std::size_t shown_bytes = 64;
            out.append("    ").append(key).append(" ");
            if (hides_undecoded(half->schema, half->body.view(), secrets())) {
                out += "hidden";
            } else {
                append_hex(out, half->body.view().substr(0, shown_bytes));
                if (half->body.size() > shown_bytes) out += "...";
            }
            out += " (" + half->problem + ")\n";
        }
    }
}

}  // namespace kwire::tools
