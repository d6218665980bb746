// OffsetFetch: the committed positions of a group, of many groups from version 8.
//
// Version 0 reads those in ZooKeeper. From version 2 null topics ask for all of them. Version 8
// moves everything into `groups`; topics are named by id from version 10.
#pragma once

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

namespace kwire::protocol {

struct OffsetFetchResponse;

struct OffsetFetchRequest {
    static constexpr std::string_view name = "OffsetFetchRequest";
    static constexpr ApiKey api_key = ApiKey::offset_fetch;
    static constexpr VersionRange versions{0, 10};
    static constexpr VersionRange flexible{6};
    using Response = OffsetFetchResponse;

    struct Topic {
        std::string name{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partition_indexes", &Topic::partition_indexes);
        }
    };

    struct GroupTopic {
        std::string name{};
        Uuid topic_id{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &GroupTopic::name, until(9).ignorable());
            f("topic_id", &GroupTopic::topic_id, since(10).ignorable());
            f("partition_indexes", &GroupTopic::partition_indexes);
        }
    };

    struct Group {
        std::string group_id{};
        std::optional<std::string> member_id{};
        std::int32_t member_epoch = -1;
        std::optional<std::vector<GroupTopic>> topics{std::in_place};

        static constexpr void fields(auto& f) {
            f("group_id", &Group::group_id);
            f("member_id", &Group::member_id, since(9).ignorable());
            f("member_epoch", &Group::member_epoch, since(9).ignorable());
            f("topics", &Group::topics);
        }
    };

    std::string group_id{};
    std::optional<std::vector<Topic>> topics{std::in_place};
    std::vector<Group> groups{};
    bool require_stable = false;

    static constexpr void fields(auto& f) {
        f("group_id", &OffsetFetchRequest::group_id, until(7));
        f("topics", &OffsetFetchRequest::topics, until(7).nullable_since(2));
        f("groups", &OffsetFetchRequest::groups, since(8));
        f("require_stable", &OffsetFetchRequest::require_stable, since(7));
    }
};

struct OffsetFetchResponse {
    static constexpr std::string_view name = "OffsetFetchResponse";
    static constexpr ApiKey api_key = ApiKey::offset_fetch;
    static constexpr VersionRange versions{0, 10};
    static constexpr VersionRange flexible{6};

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t committed_offset = 0;
        std::int32_t committed_leader_epoch = -1;
        std::optional<std::string> metadata = "";
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("committed_offset", &Partition::committed_offset);
            f("committed_leader_epoch", &Partition::committed_leader_epoch, since(5).ignorable());
            f("metadata", &Partition::metadata);
            f("error_code", &Partition::error_code);
        }
    };

    struct Topic {
        std::string name{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partitions", &Topic::partitions);
        }
    };

    struct GroupPartition {
        std::int32_t partition_index = 0;
        std::int64_t committed_offset = 0;
        std::int32_t committed_leader_epoch = -1;
        std::optional<std::string> metadata = "";
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &GroupPartition::partition_index);
            f("committed_offset", &GroupPartition::committed_offset);
            f("committed_leader_epoch", &GroupPartition::committed_leader_epoch);
            f("metadata", &GroupPartition::metadata);
            f("error_code", &GroupPartition::error_code);
        }
    };

    struct GroupTopic {
        std::string name{};
        Uuid topic_id{};
        std::vector<GroupPartition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &GroupTopic::name, until(9).ignorable());
            f("topic_id", &GroupTopic::topic_id, since(10).ignorable());
            f("partitions", &GroupTopic::partitions);
        }
    };

    struct Group {
        std::string group_id{};
        std::vector<GroupTopic> topics{};
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("group_id", &Group::group_id);
            f("topics", &Group::topics);
            f("error_code", &Group::error_code);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};
    ErrorCode error_code = ErrorCode::none;
    std::vector<Group> groups{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &OffsetFetchResponse::throttle_time_ms, since(3).ignorable());
        f("topics", &OffsetFetchResponse::topics, until(7));
        f("error_code", &OffsetFetchResponse::error_code, between(2, 7).ignorable());
        f("groups", &OffsetFetchResponse::groups, since(8));
    }
};

extern template const Schema& schema_of<OffsetFetchRequest>();
extern template const Schema& schema_of<OffsetFetchResponse>();

}  // namespace kwire::protocol
