// Keys and values of `__transaction_state`, each behind two bytes: the key's say which record it
// is, the value's its version.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// The transactional id.
struct TransactionLogKey {
    static constexpr std::string_view name = "TransactionLogKey";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible = no_versions;

    std::string transactional_id{};

    static constexpr void fields(auto& f) {
        f("transactional_id", &TransactionLogKey::transactional_id);
    }
};

/// State and partitions of its transaction. Version 1 keeps the ids before and after (KIP-890).
struct TransactionLogValue {
    static constexpr std::string_view name = "TransactionLogValue";
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct PartitionsSchema {
        std::string topic{};
        std::vector<std::int32_t> partition_ids{};

        static constexpr void fields(auto& f) {
            f("topic", &PartitionsSchema::topic);
            f("partition_ids", &PartitionsSchema::partition_ids);
        }
    };

    std::int64_t producer_id = 0;
    std::int64_t previous_producer_id = -1;
    std::int64_t next_producer_id = -1;
    std::int16_t producer_epoch = 0;
    std::int16_t next_producer_epoch = -1;
    std::int32_t transaction_timeout_ms = 0;
    std::int8_t transaction_status = 0;
    std::optional<std::vector<PartitionsSchema>> transaction_partitions{std::in_place};
    std::int64_t transaction_last_update_timestamp_ms = 0;
    std::int64_t transaction_start_timestamp_ms = 0;
    std::int16_t client_transaction_version = 0;

    static constexpr void fields(auto& f) {
        f("producer_id", &TransactionLogValue::producer_id);
        f.tagged(0, "previous_producer_id", &TransactionLogValue::previous_producer_id, since(1));
        f.tagged(1, "next_producer_id", &TransactionLogValue::next_producer_id, since(1));
        f("producer_epoch", &TransactionLogValue::producer_epoch);
        f.tagged(3, "next_producer_epoch", &TransactionLogValue::next_producer_epoch, since(1));
        f("transaction_timeout_ms", &TransactionLogValue::transaction_timeout_ms);
        f("transaction_status", &TransactionLogValue::transaction_status);
        f("transaction_partitions", &TransactionLogValue::transaction_partitions);
        f("transaction_last_update_timestamp_ms",
          &TransactionLogValue::transaction_last_update_timestamp_ms);
        f("transaction_start_timestamp_ms", &TransactionLogValue::transaction_start_timestamp_ms);
        f.tagged(2, "client_transaction_version", &TransactionLogValue::client_transaction_version,
                 since(1));
    }
};

}  // namespace

void add_transaction_records(Messages& messages) {
    add_messages<TransactionLogKey, TransactionLogValue>(messages);
}

}  // namespace kwire::protocol
