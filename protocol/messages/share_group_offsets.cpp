// The start offsets of share groups, for administrators (KIP-932).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Where share groups begin to deliver. Version 1 adds the lag (KIP-1226).
struct DescribeShareGroupOffsetsRequest {
    static constexpr std::string_view name = "DescribeShareGroupOffsetsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_share_group_offsets;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct Topic {
        std::string topic_name{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &Topic::topic_name);
            f("partitions", &Topic::partitions);
        }
    };

    struct Group {
        std::string group_id{};
        std::optional<std::vector<Topic>> topics{std::in_place};

        static constexpr void fields(auto& f) {
            f("group_id", &Group::group_id);
            f("topics", &Group::topics);
        }
    };

    std::vector<Group> groups{};

    static constexpr void fields(auto& f) {
        f("groups", &DescribeShareGroupOffsetsRequest::groups);
    }
};

struct DescribeShareGroupOffsetsResponse {
    static constexpr std::string_view name = "DescribeShareGroupOffsetsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_share_group_offsets;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t start_offset = 0;
        std::int32_t leader_epoch = 0;
        std::int64_t lag = -1;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("start_offset", &Partition::start_offset);
            f("leader_epoch", &Partition::leader_epoch);
            f("lag", &Partition::lag, since(1).ignorable());
            f("error_code", &Partition::error_code);
            f("error_message", &Partition::error_message);
        }
    };

    struct Topic {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &Topic::topic_name);
            f("topic_id", &Topic::topic_id);
            f("partitions", &Topic::partitions);
        }
    };

    struct Group {
        std::string group_id{};
        std::vector<Topic> topics{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("group_id", &Group::group_id);
            f("topics", &Group::topics);
            f("error_code", &Group::error_code);
            f("error_message", &Group::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Group> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeShareGroupOffsetsResponse::throttle_time_ms);
        f("groups", &DescribeShareGroupOffsetsResponse::groups);
    }
};

/// Moves where an empty share group begins to deliver.
struct AlterShareGroupOffsetsRequest {
    static constexpr std::string_view name = "AlterShareGroupOffsetsRequest";
    static constexpr ApiKey api_key = ApiKey::alter_share_group_offsets;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t start_offset = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("start_offset", &Partition::start_offset);
        }
    };

    struct Topic {
        std::string topic_name{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &Topic::topic_name);
            f("partitions", &Topic::partitions);
        }
    };

    std::string group_id{};
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &AlterShareGroupOffsetsRequest::group_id);
        f("topics", &AlterShareGroupOffsetsRequest::topics);
    }
};

struct AlterShareGroupOffsetsResponse {
    static constexpr std::string_view name = "AlterShareGroupOffsetsResponse";
    static constexpr ApiKey api_key = ApiKey::alter_share_group_offsets;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Partition {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("error_code", &Partition::error_code);
            f("error_message", &Partition::error_message);
        }
    };

    struct Topic {
        std::string topic_name{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &Topic::topic_name);
            f("topic_id", &Topic::topic_id);
            f("partitions", &Topic::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};
    std::vector<Topic> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterShareGroupOffsetsResponse::throttle_time_ms);
        f("error_code", &AlterShareGroupOffsetsResponse::error_code);
        f("error_message", &AlterShareGroupOffsetsResponse::error_message);
        f("responses", &AlterShareGroupOffsetsResponse::responses);
    }
};

/// Forgets topics of an empty share group.
struct DeleteShareGroupOffsetsRequest {
    static constexpr std::string_view name = "DeleteShareGroupOffsetsRequest";
    static constexpr ApiKey api_key = ApiKey::delete_share_group_offsets;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Topic {
        std::string topic_name{};

        static constexpr void fields(auto& f) { f("topic_name", &Topic::topic_name); }
    };

    std::string group_id{};
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &DeleteShareGroupOffsetsRequest::group_id);
        f("topics", &DeleteShareGroupOffsetsRequest::topics);
    }
};

struct DeleteShareGroupOffsetsResponse {
    static constexpr std::string_view name = "DeleteShareGroupOffsetsResponse";
    static constexpr ApiKey api_key = ApiKey::delete_share_group_offsets;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Topic {
        std::string topic_name{};
        Uuid topic_id{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("topic_name", &Topic::topic_name);
            f("topic_id", &Topic::topic_id);
            f("error_code", &Topic::error_code);
            f("error_message", &Topic::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{};
    std::vector<Topic> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DeleteShareGroupOffsetsResponse::throttle_time_ms);
        f("error_code", &DeleteShareGroupOffsetsResponse::error_code);
        f("error_message", &DeleteShareGroupOffsetsResponse::error_message);
        f("responses", &DeleteShareGroupOffsetsResponse::responses);
    }
};

}  // namespace

void add_share_group_offsets(Messages& messages) {
    add_messages<DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
                 AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse,
                 DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse>(messages);
}

}  // namespace kwire::protocol
