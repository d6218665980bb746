// Transactions as brokers and administrators see them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// The coordinator has partitions write the end of transactions (KIP-98). Version 2 tells the
/// version of the transaction (KIP-1228).
struct WriteTxnMarkersRequest {
    static constexpr std::string_view name = "WriteTxnMarkersRequest";
    static constexpr ApiKey api_key = ApiKey::write_txn_markers;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{1};

    struct WritableTxnMarkerTopic {
        std::string name{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &WritableTxnMarkerTopic::name);
            f("partition_indexes", &WritableTxnMarkerTopic::partition_indexes);
        }
    };

    struct WritableTxnMarker {
        std::int64_t producer_id = 0;
        std::int16_t producer_epoch = 0;
        bool transaction_result = false;
        std::vector<WritableTxnMarkerTopic> topics{};
        std::int32_t coordinator_epoch = 0;
        std::int8_t transaction_version = 0;

        static constexpr void fields(auto& f) {
            f("producer_id", &WritableTxnMarker::producer_id);
            f("producer_epoch", &WritableTxnMarker::producer_epoch);
            f("transaction_result", &WritableTxnMarker::transaction_result);
            f("topics", &WritableTxnMarker::topics);
            f("coordinator_epoch", &WritableTxnMarker::coordinator_epoch);
            f("transaction_version", &WritableTxnMarker::transaction_version, since(2).ignorable());
        }
    };

    std::vector<WritableTxnMarker> markers{};

    static constexpr void fields(auto& f) { f("markers", &WriteTxnMarkersRequest::markers); }
};

struct WriteTxnMarkersResponse {
    static constexpr std::string_view name = "WriteTxnMarkersResponse";
    static constexpr ApiKey api_key = ApiKey::write_txn_markers;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{1};

    struct WritableTxnMarkerPartitionResult {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &WritableTxnMarkerPartitionResult::partition_index);
            f("error_code", &WritableTxnMarkerPartitionResult::error_code);
        }
    };

    struct WritableTxnMarkerTopicResult {
        std::string name{};
        std::vector<WritableTxnMarkerPartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &WritableTxnMarkerTopicResult::name);
            f("partitions", &WritableTxnMarkerTopicResult::partitions);
        }
    };

    struct WritableTxnMarkerResult {
        std::int64_t producer_id = 0;
        std::vector<WritableTxnMarkerTopicResult> topics{};

        static constexpr void fields(auto& f) {
            f("producer_id", &WritableTxnMarkerResult::producer_id);
            f("topics", &WritableTxnMarkerResult::topics);
        }
    };

    std::vector<WritableTxnMarkerResult> markers{};

    static constexpr void fields(auto& f) { f("markers", &WriteTxnMarkersResponse::markers); }
};

/// The producers that a partition remembers (KIP-664).
struct DescribeProducersRequest {
    static constexpr std::string_view name = "DescribeProducersRequest";
    static constexpr ApiKey api_key = ApiKey::describe_producers;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicRequest {
        std::string name{};
        std::vector<std::int32_t> partition_indexes{};

        static constexpr void fields(auto& f) {
            f("name", &TopicRequest::name);
            f("partition_indexes", &TopicRequest::partition_indexes);
        }
    };

    std::vector<TopicRequest> topics{};

    static constexpr void fields(auto& f) { f("topics", &DescribeProducersRequest::topics); }
};

struct DescribeProducersResponse {
    static constexpr std::string_view name = "DescribeProducersResponse";
    static constexpr ApiKey api_key = ApiKey::describe_producers;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct ProducerState {
        std::int64_t producer_id = 0;
        std::int32_t producer_epoch = 0;
        std::int32_t last_sequence = -1;
        std::int64_t last_timestamp = -1;
        std::int32_t coordinator_epoch = 0;
        std::int64_t current_txn_start_offset = -1;

        static constexpr void fields(auto& f) {
            f("producer_id", &ProducerState::producer_id);
            f("producer_epoch", &ProducerState::producer_epoch);
            f("last_sequence", &ProducerState::last_sequence);
            f("last_timestamp", &ProducerState::last_timestamp);
            f("coordinator_epoch", &ProducerState::coordinator_epoch);
            f("current_txn_start_offset", &ProducerState::current_txn_start_offset);
        }
    };

    struct PartitionResponse {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::vector<ProducerState> active_producers{};

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionResponse::partition_index);
            f("error_code", &PartitionResponse::error_code);
            f("error_message", &PartitionResponse::error_message);
            f("active_producers", &PartitionResponse::active_producers);
        }
    };

    struct TopicResponse {
        std::string name{};
        std::vector<PartitionResponse> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &TopicResponse::name);
            f("partitions", &TopicResponse::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<TopicResponse> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeProducersResponse::throttle_time_ms);
        f("topics", &DescribeProducersResponse::topics);
    }
};

/// State and partitions of transactions (KIP-664).
struct DescribeTransactionsRequest {
    static constexpr std::string_view name = "DescribeTransactionsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_transactions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> transactional_ids{};

    static constexpr void fields(auto& f) {
        f("transactional_ids", &DescribeTransactionsRequest::transactional_ids);
    }
};

struct DescribeTransactionsResponse {
    static constexpr std::string_view name = "DescribeTransactionsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_transactions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct TopicData {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &TopicData::topic);
            f("partitions", &TopicData::partitions);
        }
    };

    struct TransactionState {
        ErrorCode error_code = ErrorCode::none;
        std::string transactional_id{};
        std::string transaction_state{};
        std::int32_t transaction_timeout_ms = 0;
        std::int64_t transaction_start_time_ms = 0;
        std::int64_t producer_id = 0;
        std::int16_t producer_epoch = 0;
        std::vector<TopicData> topics{};

        static constexpr void fields(auto& f) {
            f("error_code", &TransactionState::error_code);
            f("transactional_id", &TransactionState::transactional_id);
            f("transaction_state", &TransactionState::transaction_state);
            f("transaction_timeout_ms", &TransactionState::transaction_timeout_ms);
            f("transaction_start_time_ms", &TransactionState::transaction_start_time_ms);
            f("producer_id", &TransactionState::producer_id);
            f("producer_epoch", &TransactionState::producer_epoch);
            f("topics", &TransactionState::topics);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<TransactionState> transaction_states{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeTransactionsResponse::throttle_time_ms);
        f("transaction_states", &DescribeTransactionsResponse::transaction_states);
    }
};

/// The transactions a coordinator knows, by state and producer (KIP-664), by age from version 1
/// (KIP-994), by a pattern from 2 (KIP-1152).
struct ListTransactionsRequest {
    static constexpr std::string_view name = "ListTransactionsRequest";
    static constexpr ApiKey api_key = ApiKey::list_transactions;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    std::vector<std::string> state_filters{};
    std::vector<std::int64_t> producer_id_filters{};
    std::int64_t duration_filter = -1;
    std::optional<std::string> transactional_id_pattern{};

    static constexpr void fields(auto& f) {
        f("state_filters", &ListTransactionsRequest::state_filters);
        f("producer_id_filters", &ListTransactionsRequest::producer_id_filters);
        f("duration_filter", &ListTransactionsRequest::duration_filter, since(1));
        f("transactional_id_pattern", &ListTransactionsRequest::transactional_id_pattern, since(2));
    }
};

struct ListTransactionsResponse {
    static constexpr std::string_view name = "ListTransactionsResponse";
    static constexpr ApiKey api_key = ApiKey::list_transactions;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{0};

    struct TransactionState {
        std::string transactional_id{};
        std::int64_t producer_id = 0;
        std::string transaction_state{};

        static constexpr void fields(auto& f) {
            f("transactional_id", &TransactionState::transactional_id);
            f("producer_id", &TransactionState::producer_id);
            f("transaction_state", &TransactionState::transaction_state);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<std::string> unknown_state_filters{};
    std::vector<TransactionState> transaction_states{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ListTransactionsResponse::throttle_time_ms);
        f("error_code", &ListTransactionsResponse::error_code);
        f("unknown_state_filters", &ListTransactionsResponse::unknown_state_filters);
        f("transaction_states", &ListTransactionsResponse::transaction_states);
    }
};

/// A broker takes a block of producer ids from the controller (KIP-730).
struct AllocateProducerIdsRequest {
    static constexpr std::string_view name = "AllocateProducerIdsRequest";
    static constexpr ApiKey api_key = ApiKey::allocate_producer_ids;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;

    static constexpr void fields(auto& f) {
        f("broker_id", &AllocateProducerIdsRequest::broker_id);
        f("broker_epoch", &AllocateProducerIdsRequest::broker_epoch);
    }
};

struct AllocateProducerIdsResponse {
    static constexpr std::string_view name = "AllocateProducerIdsResponse";
    static constexpr ApiKey api_key = ApiKey::allocate_producer_ids;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int64_t producer_id_start = 0;
    std::int32_t producer_id_len = 0;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AllocateProducerIdsResponse::throttle_time_ms);
        f("error_code", &AllocateProducerIdsResponse::error_code);
        f("producer_id_start", &AllocateProducerIdsResponse::producer_id_start);
        f("producer_id_len", &AllocateProducerIdsResponse::producer_id_len);
    }
};

}  // namespace

void add_transactions(Messages& messages) {
    add_messages<WriteTxnMarkersRequest, WriteTxnMarkersResponse, DescribeProducersRequest,
                 DescribeProducersResponse, DescribeTransactionsRequest,
                 DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse,
                 AllocateProducerIdsRequest, AllocateProducerIdsResponse>(messages);
}

}  // namespace kwire::protocol
