// OffsetCommit: stores the positions of a group.
//
// Version 0 stores them in ZooKeeper, later ones in Kafka. A group that no broker manages commits
// with generation -1 and an empty member id. Topics are named by id from version 10 (KIP-848).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

struct OffsetCommitResponse;

struct OffsetCommitRequest {
    static constexpr std::string_view name = "OffsetCommitRequest";
    static constexpr ApiKey api_key = ApiKey::offset_commit;
    static constexpr VersionRange versions{0, 10};
    static constexpr VersionRange flexible{8};
    using Response = OffsetCommitResponse;

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t committed_offset = 0;
        std::int32_t committed_leader_epoch = -1;
        std::int64_t commit_timestamp = -1;
        std::optional<std::string> committed_metadata = "";

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("committed_offset", &Partition::committed_offset);
            f("committed_leader_epoch", &Partition::committed_leader_epoch, since(6).ignorable());
            f("commit_timestamp", &Partition::commit_timestamp, only(1));
            f("committed_metadata", &Partition::committed_metadata);
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, until(9).ignorable());
            f("topic_id", &Topic::topic_id, since(10).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    std::string group_id{};
    std::int32_t generation_id_or_member_epoch = -1;
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    std::int64_t retention_time_ms = -1;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &OffsetCommitRequest::group_id);
        f("generation_id_or_member_epoch", &OffsetCommitRequest::generation_id_or_member_epoch,
          since(1).ignorable());
        f("member_id", &OffsetCommitRequest::member_id, since(1).ignorable());
        f("group_instance_id", &OffsetCommitRequest::group_instance_id, since(7));
        f("retention_time_ms", &OffsetCommitRequest::retention_time_ms, between(2, 4).ignorable());
        f("topics", &OffsetCommitRequest::topics);
    }
};

struct OffsetCommitResponse {
    static constexpr std::string_view name = "OffsetCommitResponse";
    static constexpr ApiKey api_key = ApiKey::offset_commit;
    static constexpr VersionRange versions{0, 10};
    static constexpr VersionRange flexible{8};

    struct Partition {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("error_code", &Partition::error_code);
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, until(9).ignorable());
            f("topic_id", &Topic::topic_id, since(10).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &OffsetCommitResponse::throttle_time_ms, since(3).ignorable());
        f("topics", &OffsetCommitResponse::topics);
    }
};

extern template const Schema& schema_of<OffsetCommitRequest>();
extern template const Schema& schema_of<OffsetCommitResponse>();

}  // namespace kwire::protocol
