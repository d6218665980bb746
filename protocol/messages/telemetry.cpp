// Metrics that brokers collect from clients (KIP-714).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Asks which metrics to send and how often.
struct GetTelemetrySubscriptionsRequest {
    static constexpr std::string_view name = "GetTelemetrySubscriptionsRequest";
    static constexpr ApiKey api_key = ApiKey::get_telemetry_subscriptions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Uuid client_instance_id{};

    static constexpr void fields(auto& f) {
        f("client_instance_id", &GetTelemetrySubscriptionsRequest::client_instance_id);
    }
};

struct GetTelemetrySubscriptionsResponse {
    static constexpr std::string_view name = "GetTelemetrySubscriptionsResponse";
    static constexpr ApiKey api_key = ApiKey::get_telemetry_subscriptions;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    Uuid client_instance_id{};
    std::int32_t subscription_id = 0;
    std::vector<std::int8_t> accepted_compression_types{};
    std::int32_t push_interval_ms = 0;
    std::int32_t telemetry_max_bytes = 0;
    bool delta_temporality = false;
    std::vector<std::string> requested_metrics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &GetTelemetrySubscriptionsResponse::throttle_time_ms);
        f("error_code", &GetTelemetrySubscriptionsResponse::error_code);
        f("client_instance_id", &GetTelemetrySubscriptionsResponse::client_instance_id);
        f("subscription_id", &GetTelemetrySubscriptionsResponse::subscription_id);
        f("accepted_compression_types",
          &GetTelemetrySubscriptionsResponse::accepted_compression_types);
        f("push_interval_ms", &GetTelemetrySubscriptionsResponse::push_interval_ms);
        f("telemetry_max_bytes", &GetTelemetrySubscriptionsResponse::telemetry_max_bytes);
        f("delta_temporality", &GetTelemetrySubscriptionsResponse::delta_temporality);
        f("requested_metrics", &GetTelemetrySubscriptionsResponse::requested_metrics);
    }
};

/// Sends metrics in OpenTelemetry's format.
struct PushTelemetryRequest {
    static constexpr std::string_view name = "PushTelemetryRequest";
    static constexpr ApiKey api_key = ApiKey::push_telemetry;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Uuid client_instance_id{};
    std::int32_t subscription_id = 0;
    bool terminating = false;
    std::int8_t compression_type = 0;
    Bytes metrics{};

    static constexpr void fields(auto& f) {
        f("client_instance_id", &PushTelemetryRequest::client_instance_id);
        f("subscription_id", &PushTelemetryRequest::subscription_id);
        f("terminating", &PushTelemetryRequest::terminating);
        f("compression_type", &PushTelemetryRequest::compression_type);
        f("metrics", &PushTelemetryRequest::metrics);
    }
};

struct PushTelemetryResponse {
    static constexpr std::string_view name = "PushTelemetryResponse";
    static constexpr ApiKey api_key = ApiKey::push_telemetry;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &PushTelemetryResponse::throttle_time_ms);
        f("error_code", &PushTelemetryResponse::error_code);
    }
};

}  // namespace

void add_telemetry(Messages& messages) {
    add_messages<GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
                 PushTelemetryRequest, PushTelemetryResponse>(messages);
}

}  // namespace kwire::protocol
