// ListOffsets: the offset of a timestamp in a partition, or its first or last one.
//
// Version 0 answers with a list of segment borders, `old_style_offsets`, later ones with a single
// offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct ListOffsetsResponse;

struct ListOffsetsRequest {
    static constexpr std::string_view name = "ListOffsetsRequest";
    static constexpr ApiKey api_key = ApiKey::list_offsets;
    static constexpr VersionRange versions{0, 11};
    static constexpr VersionRange flexible{6};
    using Response = ListOffsetsResponse;

    struct Partition {
        std::int32_t partition_index = 0;
        std::int32_t current_leader_epoch = -1;
        std::int64_t timestamp = 0;
        std::int32_t max_num_offsets = 1;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("current_leader_epoch", &Partition::current_leader_epoch, since(4).ignorable());
            f("timestamp", &Partition::timestamp);
            f("max_num_offsets", &Partition::max_num_offsets, only(0));
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

    std::int32_t replica_id = 0;
    std::int8_t isolation_level = 0;
    std::vector<Topic> topics{};
    std::int32_t timeout_ms = 0;

    static constexpr void fields(auto& f) {
        f("replica_id", &ListOffsetsRequest::replica_id);
        f("isolation_level", &ListOffsetsRequest::isolation_level, since(2));
        f("topics", &ListOffsetsRequest::topics);
        f("timeout_ms", &ListOffsetsRequest::timeout_ms, since(10).ignorable());
    }
};

struct ListOffsetsResponse {
    static constexpr std::string_view name = "ListOffsetsResponse";
    static constexpr ApiKey api_key = ApiKey::list_offsets;
    static constexpr VersionRange versions{0, 11};
    static constexpr VersionRange flexible{6};

    struct Partition {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::vector<std::int64_t> old_style_offsets{};
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
        std::int32_t leader_epoch = -1;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("error_code", &Partition::error_code);
            f("old_style_offsets", &Partition::old_style_offsets, only(0));
            f("timestamp", &Partition::timestamp, since(1));
            f("offset", &Partition::offset, since(1));
            f("leader_epoch", &Partition::leader_epoch, since(4));
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

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ListOffsetsResponse::throttle_time_ms, since(2).ignorable());
        f("topics", &ListOffsetsResponse::topics);
    }
};

extern template const Schema& schema_of<ListOffsetsRequest>();
extern template const Schema& schema_of<ListOffsetsResponse>();

}  // namespace kwire::protocol
