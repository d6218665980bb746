// Produce: appends record batches to partitions.
//
// acks 0 means that the broker never answers. Topics are named by id from version 13. Versions 0
// and 1 carry message sets v0, 2 those of v1, 3 and later record batches v2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

struct ProduceResponse;

struct ProduceRequest {
    static constexpr std::string_view name = "ProduceRequest";
    static constexpr ApiKey api_key = ApiKey::produce;
    static constexpr VersionRange versions{0, 13};
    static constexpr VersionRange flexible{9};
    using Response = ProduceResponse;

    struct Partition {
        std::int32_t index = 0;
        std::optional<Bytes> records{};

        static constexpr void fields(auto& f) {
            f("index", &Partition::index);
            f("records", &Partition::records, always().records());
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        std::vector<Partition> partition_data{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, until(12).ignorable());
            f("topic_id", &Topic::topic_id, since(13).ignorable());
            f("partition_data", &Topic::partition_data);
        }
    };

    std::optional<std::string> transactional_id{};
    std::int16_t acks = 0;
    std::int32_t timeout_ms = 0;
    std::vector<Topic> topic_data{};

    static constexpr void fields(auto& f) {
        f("transactional_id", &ProduceRequest::transactional_id, since(3));
        f("acks", &ProduceRequest::acks);
        f("timeout_ms", &ProduceRequest::timeout_ms);
        f("topic_data", &ProduceRequest::topic_data);
    }
};

struct ProduceResponse {
    static constexpr std::string_view name = "ProduceResponse";
    static constexpr ApiKey api_key = ApiKey::produce;
    static constexpr VersionRange versions{0, 13};
    static constexpr VersionRange flexible{9};

    struct RecordError {
        std::int32_t batch_index = 0;
        std::optional<std::string> batch_index_error_message{};

        static constexpr void fields(auto& f) {
            f("batch_index", &RecordError::batch_index);
            f("batch_index_error_message", &RecordError::batch_index_error_message);
        }
    };

    struct LeaderIdAndEpoch {
        std::int32_t leader_id = -1;
        std::int32_t leader_epoch = -1;

        static constexpr void fields(auto& f) {
            f("leader_id", &LeaderIdAndEpoch::leader_id);
            f("leader_epoch", &LeaderIdAndEpoch::leader_epoch);
        }
    };

    struct Partition {
        std::int32_t index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::int64_t base_offset = 0;
        std::int64_t log_append_time_ms = -1;
        std::int64_t log_start_offset = -1;
        std::vector<RecordError> record_errors{};
        std::optional<std::string> error_message{};
        LeaderIdAndEpoch current_leader{};

        static constexpr void fields(auto& f) {
            f("index", &Partition::index);
            f("error_code", &Partition::error_code);
            f("base_offset", &Partition::base_offset);
            f("log_append_time_ms", &Partition::log_append_time_ms, since(2).ignorable());
            f("log_start_offset", &Partition::log_start_offset, since(5).ignorable());
            f("record_errors", &Partition::record_errors, since(8).ignorable());
            f("error_message", &Partition::error_message, since(8).ignorable());
            f.tagged(0, "current_leader", &Partition::current_leader, since(10));
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        std::vector<Partition> partition_responses{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, until(12).ignorable());
            f("topic_id", &Topic::topic_id, since(13).ignorable());
            f("partition_responses", &Topic::partition_responses);
        }
    };

    struct NodeEndpoint {
        std::int32_t node_id = 0;
        std::string host{};
        std::int32_t port = 0;
        std::optional<std::string> rack{};

        static constexpr void fields(auto& f) {
            f("node_id", &NodeEndpoint::node_id);
            f("host", &NodeEndpoint::host);
            f("port", &NodeEndpoint::port);
            f("rack", &NodeEndpoint::rack);
        }
    };

    std::vector<Topic> responses{};
    std::int32_t throttle_time_ms = 0;
    std::vector<NodeEndpoint> node_endpoints{};

    static constexpr void fields(auto& f) {
        f("responses", &ProduceResponse::responses);
        f("throttle_time_ms", &ProduceResponse::throttle_time_ms, since(1).ignorable());
        f.tagged(0, "node_endpoints", &ProduceResponse::node_endpoints, since(10));
    }
};

extern template const Schema& schema_of<ProduceRequest>();
extern template const Schema& schema_of<ProduceResponse>();

}  // namespace kwire::protocol
