// The headers before every request and response.
//
// Request header version 0 belongs to ControlledShutdown version 0 alone, 1 to other versions that
// are not flexible, 2 to flexible ones. Response header version 1 belongs to flexible versions, but
// never to ApiVersions (KIP-511): frame.h knows which.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct RequestHeader {
    static constexpr std::string_view name = "RequestHeader";
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    ApiKey request_api_key{};
    std::int16_t request_api_version = 0;
    std::int32_t correlation_id = 0;
    std::optional<std::string> client_id = "";

    static constexpr void fields(auto& f) {
        f("request_api_key", &RequestHeader::request_api_key);
        f("request_api_version", &RequestHeader::request_api_version);
        f("correlation_id", &RequestHeader::correlation_id);
        // Brokers must be able to read it in an ApiVersions request of any version.
        f("client_id", &RequestHeader::client_id, since(1).ignorable().never_compact());
    }
};

struct ResponseHeader {
    static constexpr std::string_view name = "ResponseHeader";
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    std::int32_t correlation_id = 0;

    static constexpr void fields(auto& f) { f("correlation_id", &ResponseHeader::correlation_id); }
};

extern template const Schema& schema_of<RequestHeader>();
extern template const Schema& schema_of<ResponseHeader>();

}  // namespace kwire::protocol
