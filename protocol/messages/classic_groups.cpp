// Groups whose members divide partitions among themselves, one of them leading (KIP-62).
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

/// A member enters the group, or enters again because it rebalances; the answer comes once all
/// have. Version 1 tells the rebalance timeout apart from the session's (KIP-62), 4 makes a new
/// member come twice (KIP-394), 5 has static members (KIP-345), 8 a reason (KIP-800), 9 a leader
/// that need not assign (KIP-814).
struct JoinGroupRequest {
    static constexpr std::string_view name = "JoinGroupRequest";
    static constexpr ApiKey api_key = ApiKey::join_group;
    static constexpr VersionRange versions{0, 9};
    static constexpr VersionRange flexible{6};

    struct Protocol {
        std::string name{};
        Bytes metadata{};

        static constexpr void fields(auto& f) {
            f("name", &Protocol::name);
            f("metadata", &Protocol::metadata);
        }
    };

    std::string group_id{};
    std::int32_t session_timeout_ms = 0;
    std::int32_t rebalance_timeout_ms = -1;
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    std::string protocol_type{};
    std::vector<Protocol> protocols{};
    std::optional<std::string> reason{};

    static constexpr void fields(auto& f) {
        f("group_id", &JoinGroupRequest::group_id);
        f("session_timeout_ms", &JoinGroupRequest::session_timeout_ms);
        f("rebalance_timeout_ms", &JoinGroupRequest::rebalance_timeout_ms, since(1).ignorable());
        f("member_id", &JoinGroupRequest::member_id);
        f("group_instance_id", &JoinGroupRequest::group_instance_id, since(5));
        f("protocol_type", &JoinGroupRequest::protocol_type);
        f("protocols", &JoinGroupRequest::protocols);
        f("reason", &JoinGroupRequest::reason, since(8).ignorable());
    }
};

struct JoinGroupResponse {
    static constexpr std::string_view name = "JoinGroupResponse";
    static constexpr ApiKey api_key = ApiKey::join_group;
    static constexpr VersionRange versions{0, 9};
    static constexpr VersionRange flexible{6};

    struct Member {
        std::string member_id{};
        std::optional<std::string> group_instance_id{};
        Bytes metadata{};

        static constexpr void fields(auto& f) {
            f("member_id", &Member::member_id);
            f("group_instance_id", &Member::group_instance_id, since(5).ignorable());
            f("metadata", &Member::metadata);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int32_t generation_id = -1;
    std::optional<std::string> protocol_type{};
    std::optional<std::string> protocol_name = "";
    std::string leader{};
    bool skip_assignment = false;
    std::string member_id{};
    std::vector<Member> members{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &JoinGroupResponse::throttle_time_ms, since(2).ignorable());
        f("error_code", &JoinGroupResponse::error_code);
        f("generation_id", &JoinGroupResponse::generation_id);
        f("protocol_type", &JoinGroupResponse::protocol_type, since(7).ignorable());
        f("protocol_name", &JoinGroupResponse::protocol_name, always().nullable_since(7));
        f("leader", &JoinGroupResponse::leader);
        f("skip_assignment", &JoinGroupResponse::skip_assignment, since(9));
        f("member_id", &JoinGroupResponse::member_id);
        f("members", &JoinGroupResponse::members);
    }
};

/// A member says that it lives, and learns that the group rebalances.
struct HeartbeatRequest {
    static constexpr std::string_view name = "HeartbeatRequest";
    static constexpr ApiKey api_key = ApiKey::heartbeat;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    std::string group_id{};
    std::int32_t generation_id = 0;
    std::string member_id{};
    std::optional<std::string> group_instance_id{};

    static constexpr void fields(auto& f) {
        f("group_id", &HeartbeatRequest::group_id);
        f("generation_id", &HeartbeatRequest::generation_id);
        f("member_id", &HeartbeatRequest::member_id);
        f("group_instance_id", &HeartbeatRequest::group_instance_id, since(3));
    }
};

struct HeartbeatResponse {
    static constexpr std::string_view name = "HeartbeatResponse";
    static constexpr ApiKey api_key = ApiKey::heartbeat;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &HeartbeatResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &HeartbeatResponse::error_code);
    }
};

/// A member leaves; from version 3 an administrator can make several leave (KIP-345), from 5 with a
/// reason (KIP-800).
struct LeaveGroupRequest {
    static constexpr std::string_view name = "LeaveGroupRequest";
    static constexpr ApiKey api_key = ApiKey::leave_group;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{4};

    struct MemberIdentity {
        std::string member_id{};
        std::optional<std::string> group_instance_id{};
        std::optional<std::string> reason{};

        static constexpr void fields(auto& f) {
            f("member_id", &MemberIdentity::member_id);
            f("group_instance_id", &MemberIdentity::group_instance_id);
            f("reason", &MemberIdentity::reason, since(5).ignorable());
        }
    };

    std::string group_id{};
    std::string member_id{};
    std::vector<MemberIdentity> members{};

    static constexpr void fields(auto& f) {
        f("group_id", &LeaveGroupRequest::group_id);
        f("member_id", &LeaveGroupRequest::member_id, until(2));
        f("members", &LeaveGroupRequest::members, since(3));
    }
};

struct LeaveGroupResponse {
    static constexpr std::string_view name = "LeaveGroupResponse";
    static constexpr ApiKey api_key = ApiKey::leave_group;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{4};

    struct MemberResponse {
        std::string member_id{};
        std::optional<std::string> group_instance_id = "";
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("member_id", &MemberResponse::member_id);
            f("group_instance_id", &MemberResponse::group_instance_id);
            f("error_code", &MemberResponse::error_code);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<MemberResponse> members{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &LeaveGroupResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &LeaveGroupResponse::error_code);
        f("members", &LeaveGroupResponse::members, since(3));
    }
};

/// The leader hands in the assignments, every member receives its own. From version 5 both sides
/// name what they believe the group to speak (KIP-559).
struct SyncGroupRequest {
    static constexpr std::string_view name = "SyncGroupRequest";
    static constexpr ApiKey api_key = ApiKey::sync_group;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{4};

    struct Assignment {
        std::string member_id{};
        Bytes assignment{};

        static constexpr void fields(auto& f) {
            f("member_id", &Assignment::member_id);
            f("assignment", &Assignment::assignment);
        }
    };

    std::string group_id{};
    std::int32_t generation_id = 0;
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    std::optional<std::string> protocol_type{};
    std::optional<std::string> protocol_name{};
    std::vector<Assignment> assignments{};

    static constexpr void fields(auto& f) {
        f("group_id", &SyncGroupRequest::group_id);
        f("generation_id", &SyncGroupRequest::generation_id);
        f("member_id", &SyncGroupRequest::member_id);
        f("group_instance_id", &SyncGroupRequest::group_instance_id, since(3));
        f("protocol_type", &SyncGroupRequest::protocol_type, since(5).ignorable());
        f("protocol_name", &SyncGroupRequest::protocol_name, since(5).ignorable());
        f("assignments", &SyncGroupRequest::assignments);
    }
};

struct SyncGroupResponse {
    static constexpr std::string_view name = "SyncGroupResponse";
    static constexpr ApiKey api_key = ApiKey::sync_group;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{4};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> protocol_type{};
    std::optional<std::string> protocol_name{};
    Bytes assignment{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &SyncGroupResponse::throttle_time_ms, since(1).ignorable());
        f("error_code", &SyncGroupResponse::error_code);
        f("protocol_type", &SyncGroupResponse::protocol_type, since(5).ignorable());
        f("protocol_name", &SyncGroupResponse::protocol_name, since(5).ignorable());
        f("assignment", &SyncGroupResponse::assignment);
    }
};

}  // namespace

void add_classic_groups(Messages& messages) {
    add_messages<JoinGroupRequest, JoinGroupResponse, HeartbeatRequest, HeartbeatResponse,
                 LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse>(
        messages);
}

}  // namespace kwire::protocol
