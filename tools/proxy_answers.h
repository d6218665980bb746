// What the proxy changes in messages: addresses of brokers, errors, damage. No I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/net/transport.h>
#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/uuid.h>

namespace kwire::tools {

/// What the first bytes of a request say.
struct RequestId {
    ApiKey api{};
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;

    /// Precondition: twelve bytes, those of the size first.
    static RequestId from_head(std::string_view head);
    /// That of an answer. Precondition: eight bytes.
    static std::int32_t correlation_id_of(std::string_view head);
};

/// False for a Produce with acks 0.
bool is_answered(const RequestId& request, const Bytes& body);

/// The frame of an answer in which all that was asked fails with this error; nothing where kwire
/// cannot read the request or write its answer.
std::optional<std::string> failing_answer(const RequestId& request, const Bytes& body,
                                          ErrorCode error);

/// Flips a bit in the middle of the frame.
void corrupt(std::string& frame);

/// Puts the proxy's addresses in place of the brokers', and remembers the topics' ids on the way.
class AnswerChanges {
 public:
    AnswerChanges(std::function<HostPort(const HostPort&)> address_for,
                  std::function<void(const std::string&)> tell)
        : address_for_(std::move(address_for)), tell_(std::move(tell)) {}

    /// Whether an answer to this request can name brokers.
    static bool may_name_brokers(const RequestId& request);
    /// The frame of an answer, with addresses replaced where it has any.
    std::string rewritten(const RequestId& request, std::string_view frame);
    /// The topics that a request names.
    std::vector<std::string> topics_of(const RequestId& request, const Bytes& body) const;

 private:
    std::function<HostPort(const HostPort&)> address_for_;
    std::function<void(const std::string&)> tell_;
    std::map<Uuid, std::string> topic_ids_;
    std::set<std::pair<ApiKey, std::int16_t>> told_;
};

}  // namespace kwire::tools
