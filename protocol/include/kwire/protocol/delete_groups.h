// DeleteGroups: deletes groups without members, and their offsets (KIP-229, Kafka 1.1).
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

struct DeleteGroupsResponse;

struct DeleteGroupsRequest {
    static constexpr std::string_view name = "DeleteGroupsRequest";
    static constexpr ApiKey api_key = ApiKey::delete_groups;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};
    using Response = DeleteGroupsResponse;

    std::vector<std::string> groups_names{};

    static constexpr void fields(auto& f) { f("groups_names", &DeleteGroupsRequest::groups_names); }
};

struct DeleteGroupsResponse {
    static constexpr std::string_view name = "DeleteGroupsResponse";
    static constexpr ApiKey api_key = ApiKey::delete_groups;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct DeletableGroupResult {
        std::string group_id{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("group_id", &DeletableGroupResult::group_id);
            f("error_code", &DeletableGroupResult::error_code);
            f("error_message", &DeletableGroupResult::error_message, since(3).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<DeletableGroupResult> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DeleteGroupsResponse::throttle_time_ms);
        f("results", &DeleteGroupsResponse::results);
    }
};

extern template const Schema& schema_of<DeleteGroupsRequest>();
extern template const Schema& schema_of<DeleteGroupsResponse>();

}  // namespace kwire::protocol
