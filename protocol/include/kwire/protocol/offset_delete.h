// OffsetDelete: deletes offsets of partitions to which no member is subscribed (KIP-496, Kafka 2.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct OffsetDeleteResponse;

struct OffsetDeleteRequest {
    static constexpr std::string_view name = "OffsetDeleteRequest";
    static constexpr ApiKey api_key = ApiKey::offset_delete;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;
    using Response = OffsetDeleteResponse;

    struct Partition {
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) { f("partition_index", &Partition::partition_index); }
    };

    struct Topic {
        std::string name{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partitions", &Topic::partitions);
        }
    };

    std::string group_id{};
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &OffsetDeleteRequest::group_id);
        f("topics", &OffsetDeleteRequest::topics);
    }
};

struct OffsetDeleteResponse {
    static constexpr std::string_view name = "OffsetDeleteResponse";
    static constexpr ApiKey api_key = ApiKey::offset_delete;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

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
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partitions", &Topic::partitions);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("error_code", &OffsetDeleteResponse::error_code);
        f("throttle_time_ms", &OffsetDeleteResponse::throttle_time_ms);
        f("topics", &OffsetDeleteResponse::topics);
    }
};

extern template const Schema& schema_of<OffsetDeleteRequest>();
extern template const Schema& schema_of<OffsetDeleteResponse>();

}  // namespace kwire::protocol
