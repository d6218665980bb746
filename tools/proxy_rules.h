// How `kwire proxy` is told to misbehave: a rule a line, read and applied without any I/O.
//
//     # API      which of them                   what is done
//     OffsetCommit  topic=clicks count=3            error NOT_COORDINATOR
//     Fetch         client=billing                  delay 300ms
//     *             every=100                       cut
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>

namespace kwire::tools {

struct ProxyRule {
    enum class Action {
        delay,       ///< The answer is held back, and those behind it.
        drop,        ///< The broker never sees the request, the client never gets an answer.
        cut,         ///< The connection is closed in place of passing the request on.
        cut_answer,  ///< The connection is closed in the middle of the answer.
        reset,       ///< As cut, but the client's connection is aborted (RST).
        hang,        ///< From this request on nothing passes, either way, and the connections stay open.
        trickle,     ///< The answer comes at so many bytes a second, and those behind it wait.
        error,       ///< The broker never sees the request; all in it is answered with this error.
        corrupt,     ///< One bit in the middle of the answer is flipped.
    };

    std::optional<ApiKey> api;  ///< Nothing: any.
    std::string topic;          ///< Empty: any.
    std::string client_id;      ///< Empty: any.
    std::uint64_t after = 0;    ///< So many that would match pass first.
    std::uint64_t count = 0;    ///< So many are acted on; 0: all.
    std::uint64_t every = 1;    ///< Only every so manieth.
    Action action = Action::drop;
    std::chrono::milliseconds delay{};
    std::uint64_t bytes_per_second = 0;
    ErrorCode error = ErrorCode::none;
    std::string text;  ///< As it was written.
};

/// Reads one rule. Throws UsageError with what is wrong in it.
ProxyRule parse_rule(std::string_view line);
/// Reads all rules of a file; empty lines and what stands behind `#` do not count.
std::vector<ProxyRule> parse_rules(std::string_view text);

/// What is known of a request when a rule for it is looked for.
struct ProxiedRequest {
    ApiKey api{};
    std::string_view client_id;
    std::vector<std::string> topics;
};

class ProxyRules {
 public:
    explicit ProxyRules(std::vector<ProxyRule> rules);

    /// Whether any rule may be for requests of this API; if not, they need not be looked at.
    bool concerns(ApiKey api) const;
    /// The first rule that is for this request, now; counts it. Null: none.
    const ProxyRule* apply(const ProxiedRequest& request);

 private:
    struct Counted {
        ProxyRule rule;
        std::uint64_t seen = 0;
        std::uint64_t acted = 0;
    };
    std::vector<Counted> rules_;
};

}  // namespace kwire::tools
