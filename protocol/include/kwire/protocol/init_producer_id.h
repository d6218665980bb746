// InitProducerId: gives an idempotent or transactional producer its id and epoch (KIP-98).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct InitProducerIdResponse;

struct InitProducerIdRequest {
    static constexpr std::string_view name = "InitProducerIdRequest";
    static constexpr ApiKey api_key = ApiKey::init_producer_id;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{2};
    using Response = InitProducerIdResponse;

    std::optional<std::string> transactional_id = "";
    std::int32_t transaction_timeout_ms = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    bool enable2_pc = false;
    bool keep_prepared_txn = false;

    static constexpr void fields(auto& f) {
        f("transactional_id", &InitProducerIdRequest::transactional_id);
        f("transaction_timeout_ms", &InitProducerIdRequest::transaction_timeout_ms);
        f("producer_id", &InitProducerIdRequest::producer_id, since(3));
        f("producer_epoch", &InitProducerIdRequest::producer_epoch, since(3));
        f("enable2_pc", &InitProducerIdRequest::enable2_pc, since(6));
        f("keep_prepared_txn", &InitProducerIdRequest::keep_prepared_txn, since(6));
    }
};

struct InitProducerIdResponse {
    static constexpr std::string_view name = "InitProducerIdResponse";
    static constexpr ApiKey api_key = ApiKey::init_producer_id;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{2};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = 0;
    std::int64_t ongoing_txn_producer_id = -1;
    std::int16_t ongoing_txn_producer_epoch = -1;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &InitProducerIdResponse::throttle_time_ms);
        f("error_code", &InitProducerIdResponse::error_code);
        f("producer_id", &InitProducerIdResponse::producer_id);
        f("producer_epoch", &InitProducerIdResponse::producer_epoch);
        f("ongoing_txn_producer_id", &InitProducerIdResponse::ongoing_txn_producer_id, since(6));
        f("ongoing_txn_producer_epoch", &InitProducerIdResponse::ongoing_txn_producer_epoch,
          since(6));
    }
};

extern template const Schema& schema_of<InitProducerIdRequest>();
extern template const Schema& schema_of<InitProducerIdResponse>();

}  // namespace kwire::protocol
