// Requests and answers as lines: what `decode --pcap` and `proxy` show of traffic.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/conversation.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/uuid.h>

#include "command_line.h"
#include "exchange_summary.h"

namespace kwire::tools {

struct ExchangeOptions {
    std::string format = "text";
    bool bodies = false;   ///< In text, too; JSON always has them.
    bool records = false;  ///< Open record batches.
    bool summary = false;  ///< A table in place of the lines.
    bool only_errors = false;
    bool show_secrets = false;  ///< Passwords, tokens and keys, which are hidden otherwise.
    std::vector<std::string> apis;
    std::vector<std::string> client_ids;
    std::vector<std::string> topics;
    std::vector<std::string> errors;
};

void add_exchange_options(
    Command command, ExchangeOptions& options,
    const std::string& api_help = "only this API, such as Fetch; may be repeated");

/// `--show-secrets`, for every command that prints messages.
void add_show_secrets(Command command, bool& show_secrets);

/// Turns exchanges into lines. Remembers the ids of topics that Metadata told, for the filter by
/// topic. For one thread.
class ExchangePrinter {
 public:
    /// Throws UsageError where a filter names what does not exist.
    explicit ExchangePrinter(const ExchangeOptions& options);

    /// Appends the exchange, unless a filter leaves it out.
    void append(std::string& out, std::string_view client, std::string_view broker,
                const Exchange& exchange);
    /// Appends what is shown at the end.
    void append_end(std::string& out) const;

    std::uint64_t unanswered() const { return unanswered_; }
    /// Frames of a known API and version that do not decode.
    std::uint64_t broken() const { return broken_; }

 private:
    struct Half;

    bool wanted_by_header(const Exchange& exchange) const;
    bool wanted(const Exchange& exchange, const Half& request, const Half& response,
                const std::vector<ErrorCode>& errors) const;
    Half decoded(const Exchange& exchange, bool is_request);
    void append_json_line(std::string& out, std::string_view client, std::string_view broker,
                          const Exchange& exchange, const Half& request, const Half& response,
                          const std::vector<ErrorCode>& errors) const;
    void append_text_line(std::string& out, std::string_view client, std::string_view broker,
                          const Exchange& exchange, const Half& request, const Half& response,
                          const std::vector<ErrorCode>& errors) const;
    void append_body(std::string& out, const Half& half) const;
    protocol::Secrets secrets() const;

    ExchangeOptions options_;
    std::vector<ApiKey> apis_;
    std::vector<ErrorCode> errors_;
    std::map<Uuid, std::string> topic_ids_;
    ExchangeSummary summary_;
    std::uint64_t unanswered_ = 0;
    std::uint64_t broken_ = 0;
};

/// `Fetch`, or `API 999`.
std::string api_text(const Exchange& exchange);

}  // namespace kwire::tools
