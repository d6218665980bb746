// TxnOffsetCommit: stores the positions of a group once the transaction commits (KIP-98, KIP-447).
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

struct TxnOffsetCommitResponse;

struct TxnOffsetCommitRequest {
    static constexpr std::string_view name = "TxnOffsetCommitRequest";
    static constexpr ApiKey api_key = ApiKey::txn_offset_commit;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{3};
    using Response = TxnOffsetCommitResponse;

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t committed_offset = 0;
        std::int32_t committed_leader_epoch = -1;
        std::optional<std::string> committed_metadata = "";

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("committed_offset", &Partition::committed_offset);
            f("committed_leader_epoch", &Partition::committed_leader_epoch, since(2).ignorable());
            f("committed_metadata", &Partition::committed_metadata);
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, until(5).ignorable());
            f("topic_id", &Topic::topic_id, since(6).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    std::string transactional_id{};
    std::string group_id{};
    std::int64_t producer_id = 0;
    std::int16_t producer_epoch = 0;
    std::int32_t generation_id_or_member_epoch = -1;
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("transactional_id", &TxnOffsetCommitRequest::transactional_id);
        f("group_id", &TxnOffsetCommitRequest::group_id);
        f("producer_id", &TxnOffsetCommitRequest::producer_id);
        f("producer_epoch", &TxnOffsetCommitRequest::producer_epoch);
        f("generation_id_or_member_epoch",
          &TxnOffsetCommitRequest::generation_id_or_member_epoch, since(3));
        f("member_id", &TxnOffsetCommitRequest::member_id, since(3));
        f("group_instance_id", &TxnOffsetCommitRequest::group_instance_id, since(3));
        f("topics", &TxnOffsetCommitRequest::topics);
    }
};

struct TxnOffsetCommitResponse {
    static constexpr std::string_view name = "TxnOffsetCommitResponse";
    static constexpr ApiKey api_key = ApiKey::txn_offset_commit;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{3};

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
            f("name", &Topic::name, until(5).ignorable());
            f("topic_id", &Topic::topic_id, since(6).ignorable());
            f("partitions", &Topic::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &TxnOffsetCommitResponse::throttle_time_ms);
        f("topics", &TxnOffsetCommitResponse::topics);
    }
};

extern template const Schema& schema_of<TxnOffsetCommitRequest>();
extern template const Schema& schema_of<TxnOffsetCommitResponse>();

}  // namespace kwire::protocol
