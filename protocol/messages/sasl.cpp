// Proving who one is (KIP-43).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Picks the mechanism. After version 0 the tokens travel as bare frames, after version 1 as
/// SaslAuthenticate requests (KIP-152).
struct SaslHandshakeRequest {
    static constexpr std::string_view name = "SaslHandshakeRequest";
    static constexpr ApiKey api_key = ApiKey::sasl_handshake;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible = no_versions;

    std::string mechanism{};

    static constexpr void fields(auto& f) { f("mechanism", &SaslHandshakeRequest::mechanism); }
};

struct SaslHandshakeResponse {
    static constexpr std::string_view name = "SaslHandshakeResponse";
    static constexpr ApiKey api_key = ApiKey::sasl_handshake;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible = no_versions;

    ErrorCode error_code = ErrorCode::none;
    std::vector<std::string> mechanisms{};

    static constexpr void fields(auto& f) {
        f("error_code", &SaslHandshakeResponse::error_code);
        f("mechanisms", &SaslHandshakeResponse::mechanisms);
    }
};

/// One step of the mechanism. Version 1 tells how long the session lasts (KIP-368).
struct SaslAuthenticateRequest {
    static constexpr std::string_view name = "SaslAuthenticateRequest";
    static constexpr ApiKey api_key = ApiKey::sasl_authenticate;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    Bytes auth_bytes{};

    static constexpr void fields(auto& f) { f("auth_bytes", &SaslAuthenticateRequest::auth_bytes); }
};

struct SaslAuthenticateResponse {
    static constexpr std::string_view name = "SaslAuthenticateResponse";
    static constexpr ApiKey api_key = ApiKey::sasl_authenticate;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    Bytes auth_bytes{};
    std::int64_t session_lifetime_ms = 0;

    static constexpr void fields(auto& f) {
        f("error_code", &SaslAuthenticateResponse::error_code);
        f("error_message", &SaslAuthenticateResponse::error_message);
        f("auth_bytes", &SaslAuthenticateResponse::auth_bytes);
        f("session_lifetime_ms", &SaslAuthenticateResponse::session_lifetime_ms,
          since(1).ignorable());
    }
};

}  // namespace

void add_sasl(Messages& messages) {
    add_messages<SaslHandshakeRequest, SaslHandshakeResponse, SaslAuthenticateRequest,
                 SaslAuthenticateResponse>(messages);
}

}  // namespace kwire::protocol
