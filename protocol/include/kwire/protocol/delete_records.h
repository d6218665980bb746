// DeleteRecords: moves the start of partitions forward (KIP-107). Offset -1 means the high
// watermark.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct DeleteRecordsResponse;

struct DeleteRecordsRequest {
    static constexpr std::string_view name = "DeleteRecordsRequest";
    static constexpr ApiKey api_key = ApiKey::delete_records;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};
    using Response = DeleteRecordsResponse;

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t offset = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("offset", &Partition::offset);
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

    std::vector<Topic> topics{};
    std::int32_t timeout_ms = 0;

    static constexpr void fields(auto& f) {
        f("topics", &DeleteRecordsRequest::topics);
        f("timeout_ms", &DeleteRecordsRequest::timeout_ms);
    }
};

struct DeleteRecordsResponse {
    static constexpr std::string_view name = "DeleteRecordsResponse";
    static constexpr ApiKey api_key = ApiKey::delete_records;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t low_watermark = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("low_watermark", &Partition::low_watermark);
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

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DeleteRecordsResponse::throttle_time_ms);
        f("topics", &DeleteRecordsResponse::topics);
    }
};

extern template const Schema& schema_of<DeleteRecordsRequest>();
extern template const Schema& schema_of<DeleteRecordsResponse>();

}  // namespace kwire::protocol
