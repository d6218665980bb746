// FindCoordinator: which broker keeps a group or a transaction. Up to 0.10 it was called
// ConsumerMetadata and then GroupCoordinator. Version 4 asks for many keys at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
    static constexpr std::string_view name = "FindCoordinatorRequest";
    static constexpr ApiKey api_key = ApiKey::find_coordinator;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{3};
    using Response = FindCoordinatorResponse;

    std::string key{};
    std::int8_t key_type = 0;
    std::vector<std::string> coordinator_keys{};

    static constexpr void fields(auto& f) {
        f("key", &FindCoordinatorRequest::key, until(3));
        f("key_type", &FindCoordinatorRequest::key_type, since(1));
        f("coordinator_keys", &FindCoordinatorRequest::coordinator_keys, since(4));
    }
};

struct FindCoordinatorResponse {
    static constexpr std::string_view name = "FindCoordinatorResponse";
    static constexpr ApiKey api_key = ApiKey::find_coordinator;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{3};

    struct Coordinator {
        std::string key{};
        std::int32_t node_id = 0;
        std::string host{};
        std::int32_t port = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("key", &Coordinator::key);
            f("node_id", &Coordinator::node_id);
            f("host", &Coordinator::host);
            f("port", &Coordinator::port);
            f("error_code", &Coordinator::error_code);
            f("error_message", &Coordinator::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::int32_t node_id = 0;
    std::string host{};
    std::int32_t port = 0;
    std::vector<Coordinator> coordinators{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &FindCoordinatorResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &FindCoordinatorResponse::error_code, until(3));
        f("error_message", &FindCoordinatorResponse::error_message, between(1, 3).ignorable());
        f("node_id", &FindCoordinatorResponse::node_id, until(3));
        f("host", &FindCoordinatorResponse::host, until(3));
        f("port", &FindCoordinatorResponse::port, until(3));
        f("coordinators", &FindCoordinatorResponse::coordinators, since(4));
    }
};

extern template const Schema& schema_of<FindCoordinatorRequest>();
extern template const Schema& schema_of<FindCoordinatorResponse>();

}  // namespace kwire::protocol
