// EndTxn: commits or aborts a transaction (KIP-98).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct EndTxnResponse;

struct EndTxnRequest {
    static constexpr std::string_view name = "EndTxnRequest";
    static constexpr ApiKey api_key = ApiKey::end_txn;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};
    using Response = EndTxnResponse;

    std::string transactional_id{};
    std::int64_t producer_id = 0;
    std::int16_t producer_epoch = 0;
    bool committed = false;

    static constexpr void fields(auto& f) {
        f("transactional_id", &EndTxnRequest::transactional_id);
        f("producer_id", &EndTxnRequest::producer_id);
        f("producer_epoch", &EndTxnRequest::producer_epoch);
        f("committed", &EndTxnRequest::committed);
    }
};

struct EndTxnResponse {
    static constexpr std::string_view name = "EndTxnResponse";
    static constexpr ApiKey api_key = ApiKey::end_txn;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &EndTxnResponse::throttle_time_ms);
        f("error_code", &EndTxnResponse::error_code);
        f("producer_id", &EndTxnResponse::producer_id, since(5).ignorable());
        f("producer_epoch", &EndTxnResponse::producer_epoch, since(5).ignorable());
    }
};

extern template const Schema& schema_of<EndTxnRequest>();
extern template const Schema& schema_of<EndTxnResponse>();

}  // namespace kwire::protocol
