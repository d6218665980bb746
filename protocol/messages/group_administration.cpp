// What an administrator asks of groups.
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

/// State and members of classic groups, with the bytes they gave JoinGroup and SyncGroup. Version 3
/// can tell what the caller may do (KIP-430), 4 has static members (KIP-345), 6 a message
/// (KIP-1043).
struct DescribeGroupsRequest {
    static constexpr std::string_view name = "DescribeGroupsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_groups;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{5};

    std::vector<std::string> groups{};
    bool include_authorized_operations = false;

    static constexpr void fields(auto& f) {
        f("groups", &DescribeGroupsRequest::groups);
        f("include_authorized_operations", &DescribeGroupsRequest::include_authorized_operations,
          since(3));
    }
};

struct DescribeGroupsResponse {
    static constexpr std::string_view name = "DescribeGroupsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_groups;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{5};

    struct DescribedGroupMember {
        std::string member_id{};
        std::optional<std::string> group_instance_id{};
        std::string client_id{};
        std::string client_host{};
        Bytes member_metadata{};
        Bytes member_assignment{};

        static constexpr void fields(auto& f) {
            f("member_id", &DescribedGroupMember::member_id);
            f("group_instance_id", &DescribedGroupMember::group_instance_id, since(4).ignorable());
            f("client_id", &DescribedGroupMember::client_id);
            f("client_host", &DescribedGroupMember::client_host);
            f("member_metadata", &DescribedGroupMember::member_metadata);
            f("member_assignment", &DescribedGroupMember::member_assignment);
        }
    };

    struct DescribedGroup {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::string group_id{};
        std::string group_state{};
        std::string protocol_type{};
        std::string protocol_data{};
        std::vector<DescribedGroupMember> members{};
        std::int32_t authorized_operations = -2147483648;

        static constexpr void fields(auto& f) {
            f("error_code", &DescribedGroup::error_code);
            f("error_message", &DescribedGroup::error_message, since(6));
            f("group_id", &DescribedGroup::group_id);
            f("group_state", &DescribedGroup::group_state);
            f("protocol_type", &DescribedGroup::protocol_type);
            f("protocol_data", &DescribedGroup::protocol_data);
            f("members", &DescribedGroup::members);
            f("authorized_operations", &DescribedGroup::authorized_operations, since(3));
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<DescribedGroup> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeGroupsResponse::throttle_time_ms, since(1).ignorable());
        f("groups", &DescribeGroupsResponse::groups);
    }
};

/// The groups that a broker coordinates, filtered by state from version 4 (KIP-518) and by type
/// from 5 (KIP-848).
struct ListGroupsRequest {
    static constexpr std::string_view name = "ListGroupsRequest";
    static constexpr ApiKey api_key = ApiKey::list_groups;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};

    std::vector<std::string> states_filter{};
    std::vector<std::string> types_filter{};

    static constexpr void fields(auto& f) {
        f("states_filter", &ListGroupsRequest::states_filter, since(4));
        f("types_filter", &ListGroupsRequest::types_filter, since(5));
    }
};

struct ListGroupsResponse {
    static constexpr std::string_view name = "ListGroupsResponse";
    static constexpr ApiKey api_key = ApiKey::list_groups;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};

    struct ListedGroup {
        std::string group_id{};
        std::string protocol_type{};
        std::string group_state{};
        std::string group_type{};

        static constexpr void fields(auto& f) {
            f("group_id", &ListedGroup::group_id);
            f("protocol_type", &ListedGroup::protocol_type);
            f("group_state", &ListedGroup::group_state, since(4).ignorable());
            f("group_type", &ListedGroup::group_type, since(5).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<ListedGroup> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ListGroupsResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &ListGroupsResponse::error_code);
        f("groups", &ListGroupsResponse::groups);
    }
};

}  // namespace

void add_group_administration(Messages& messages) {
    add_messages<DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest,
                 ListGroupsResponse>(messages);
}

}  // namespace kwire::protocol
