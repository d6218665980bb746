// AddOffsetsToTxn: makes the offsets of a group part of a transaction (KIP-98).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct AddOffsetsToTxnResponse;

struct AddOffsetsToTxnRequest {
    static constexpr std::string_view name = "AddOffsetsToTxnRequest";
    static constexpr ApiKey api_key = ApiKey::add_offsets_to_txn;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{3};
    using Response = AddOffsetsToTxnResponse;

    std::string transactional_id{};
    std::int64_t producer_id = 0;
    std::int16_t producer_epoch = 0;
    std::string group_id{};

    static constexpr void fields(auto& f) {
        f("transactional_id", &AddOffsetsToTxnRequest::transactional_id);
        f("producer_id", &AddOffsetsToTxnRequest::producer_id);
        f("producer_epoch", &AddOffsetsToTxnRequest::producer_epoch);
        f("group_id", &AddOffsetsToTxnRequest::group_id);
    }
};

struct AddOffsetsToTxnResponse {
    static constexpr std::string_view name = "AddOffsetsToTxnResponse";
    static constexpr ApiKey api_key = ApiKey::add_offsets_to_txn;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{3};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AddOffsetsToTxnResponse::throttle_time_ms);
        f("error_code", &AddOffsetsToTxnResponse::error_code);
    }
};

extern template const Schema& schema_of<AddOffsetsToTxnRequest>();
extern template const Schema& schema_of<AddOffsetsToTxnResponse>();

}  // namespace kwire::protocol
