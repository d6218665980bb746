// AddPartitionsToTxn: makes partitions part of a transaction (KIP-98). From version 4 many
// transactions, between brokers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct AddPartitionsToTxnResponse;

struct AddPartitionsToTxnRequest {
    static constexpr std::string_view name = "AddPartitionsToTxnRequest";
    static constexpr ApiKey api_key = ApiKey::add_partitions_to_txn;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};
    using Response = AddPartitionsToTxnResponse;

    struct Topic {
        std::string name{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partitions", &Topic::partitions);
        }
    };

    struct Transaction {
        std::string transactional_id{};
        std::int64_t producer_id = 0;
        std::int16_t producer_epoch = 0;
        bool verify_only = false;
        std::vector<Topic> topics{};

        static constexpr void fields(auto& f) {
            f("transactional_id", &Transaction::transactional_id);
            f("producer_id", &Transaction::producer_id);
            f("producer_epoch", &Transaction::producer_epoch);
            f("verify_only", &Transaction::verify_only);
            f("topics", &Transaction::topics);
        }
    };

    std::vector<Transaction> transactions{};
    std::string v3_and_below_transactional_id{};
    std::int64_t v3_and_below_producer_id = 0;
    std::int16_t v3_and_below_producer_epoch = 0;
    std::vector<Topic> v3_and_below_topics{};

    static constexpr void fields(auto& f) {
        f("transactions", &AddPartitionsToTxnRequest::transactions, since(4));
        f("v3_and_below_transactional_id",
          &AddPartitionsToTxnRequest::v3_and_below_transactional_id, until(3));
        f("v3_and_below_producer_id", &AddPartitionsToTxnRequest::v3_and_below_producer_id,
          until(3));
        f("v3_and_below_producer_epoch", &AddPartitionsToTxnRequest::v3_and_below_producer_epoch,
          until(3));
        f("v3_and_below_topics", &AddPartitionsToTxnRequest::v3_and_below_topics, until(3));
    }
};

struct AddPartitionsToTxnResponse {
    static constexpr std::string_view name = "AddPartitionsToTxnResponse";
    static constexpr ApiKey api_key = ApiKey::add_partitions_to_txn;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};

    struct PartitionResult {
        std::int32_t partition_index = 0;
        ErrorCode partition_error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionResult::partition_index);
            f("partition_error_code", &PartitionResult::partition_error_code);
        }
    };

    struct TopicResult {
        std::string name{};
        std::vector<PartitionResult> results_by_partition{};

        static constexpr void fields(auto& f) {
            f("name", &TopicResult::name);
            f("results_by_partition", &TopicResult::results_by_partition);
        }
    };

    struct TransactionResult {
        std::string transactional_id{};
        std::vector<TopicResult> topic_results{};

        static constexpr void fields(auto& f) {
            f("transactional_id", &TransactionResult::transactional_id);
            f("topic_results", &TransactionResult::topic_results);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<TransactionResult> results_by_transaction{};
    std::vector<TopicResult> results_by_topic_v3_and_below{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AddPartitionsToTxnResponse::throttle_time_ms);
        f("error_code", &AddPartitionsToTxnResponse::error_code, since(4).ignorable());
        f("results_by_transaction", &AddPartitionsToTxnResponse::results_by_transaction, since(4));
        f("results_by_topic_v3_and_below",
          &AddPartitionsToTxnResponse::results_by_topic_v3_and_below, until(3));
    }
};

extern template const Schema& schema_of<AddPartitionsToTxnRequest>();
extern template const Schema& schema_of<AddPartitionsToTxnResponse>();

}  // namespace kwire::protocol
