// OffsetForLeaderEpoch: where a leader epoch ended (KIP-101, KIP-320). Tells truncation from an
// offset out of range.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderEpochRequest {
    static constexpr std::string_view name = "OffsetForLeaderEpochRequest";
    static constexpr ApiKey api_key = ApiKey::offset_for_leader_epoch;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};
    using Response = OffsetForLeaderEpochResponse;

    struct Partition {
        std::int32_t partition = 0;
        std::int32_t current_leader_epoch = -1;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition", &Partition::partition);
            f("current_leader_epoch", &Partition::current_leader_epoch, since(2).ignorable());
            f("leader_epoch", &Partition::leader_epoch);
        }
    };

    struct Topic {
        std::string topic{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &Topic::topic);
            f("partitions", &Topic::partitions);
        }
    };

    std::int32_t replica_id = -2;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("replica_id", &OffsetForLeaderEpochRequest::replica_id, since(3).ignorable());
        f("topics", &OffsetForLeaderEpochRequest::topics);
    }
};

struct OffsetForLeaderEpochResponse {
    static constexpr std::string_view name = "OffsetForLeaderEpochResponse";
    static constexpr ApiKey api_key = ApiKey::offset_for_leader_epoch;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    struct EpochEndOffset {
        ErrorCode error_code = ErrorCode::none;
        std::int32_t partition = 0;
        std::int32_t leader_epoch = -1;
        std::int64_t end_offset = -1;

        static constexpr void fields(auto& f) {
            f("error_code", &EpochEndOffset::error_code);
            f("partition", &EpochEndOffset::partition);
            f("leader_epoch", &EpochEndOffset::leader_epoch, since(1).ignorable());
            f("end_offset", &EpochEndOffset::end_offset);
        }
    };

    struct Topic {
        std::string topic{};
        std::vector<EpochEndOffset> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &Topic::topic);
            f("partitions", &Topic::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &OffsetForLeaderEpochResponse::throttle_time_ms,
          since(2).ignorable());
        f("topics", &OffsetForLeaderEpochResponse::topics);
    }
};

extern template const Schema& schema_of<OffsetForLeaderEpochRequest>();
extern template const Schema& schema_of<OffsetForLeaderEpochResponse>();

}  // namespace kwire::protocol
