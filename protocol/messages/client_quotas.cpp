// Bounds on bytes, requests and connections (KIP-546).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// The quotas of the entities that match.
struct DescribeClientQuotasRequest {
    static constexpr std::string_view name = "DescribeClientQuotasRequest";
    static constexpr ApiKey api_key = ApiKey::describe_client_quotas;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct ComponentData {
        std::string entity_type{};
        std::int8_t match_type = 0;
        std::optional<std::string> match = "";

        static constexpr void fields(auto& f) {
            f("entity_type", &ComponentData::entity_type);
            f("match_type", &ComponentData::match_type);
            f("match", &ComponentData::match);
        }
    };

    std::vector<ComponentData> components{};
    bool strict = false;

    static constexpr void fields(auto& f) {
        f("components", &DescribeClientQuotasRequest::components);
        f("strict", &DescribeClientQuotasRequest::strict);
    }
};

struct DescribeClientQuotasResponse {
    static constexpr std::string_view name = "DescribeClientQuotasResponse";
    static constexpr ApiKey api_key = ApiKey::describe_client_quotas;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct EntityData {
        std::string entity_type{};
        std::optional<std::string> entity_name = "";

        static constexpr void fields(auto& f) {
            f("entity_type", &EntityData::entity_type);
            f("entity_name", &EntityData::entity_name);
        }
    };

    struct ValueData {
        std::string key{};
        double value = 0.0;

        static constexpr void fields(auto& f) {
            f("key", &ValueData::key);
            f("value", &ValueData::value);
        }
    };

    struct EntryData {
        std::vector<EntityData> entity{};
        std::vector<ValueData> values{};

        static constexpr void fields(auto& f) {
            f("entity", &EntryData::entity);
            f("values", &EntryData::values);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::optional<std::vector<EntryData>> entries{std::in_place};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeClientQuotasResponse::throttle_time_ms);
        f("error_code", &DescribeClientQuotasResponse::error_code);
        f("error_message", &DescribeClientQuotasResponse::error_message);
        f("entries", &DescribeClientQuotasResponse::entries);
    }
};

/// Sets and removes quotas.
struct AlterClientQuotasRequest {
    static constexpr std::string_view name = "AlterClientQuotasRequest";
    static constexpr ApiKey api_key = ApiKey::alter_client_quotas;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct EntityData {
        std::string entity_type{};
        std::optional<std::string> entity_name = "";

        static constexpr void fields(auto& f) {
            f("entity_type", &EntityData::entity_type);
            f("entity_name", &EntityData::entity_name);
        }
    };

    struct OpData {
        std::string key{};
        double value = 0.0;
        bool remove = false;

        static constexpr void fields(auto& f) {
            f("key", &OpData::key);
            f("value", &OpData::value);
            f("remove", &OpData::remove);
        }
    };

    struct EntryData {
        std::vector<EntityData> entity{};
        std::vector<OpData> ops{};

        static constexpr void fields(auto& f) {
            f("entity", &EntryData::entity);
            f("ops", &EntryData::ops);
        }
    };

    std::vector<EntryData> entries{};
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("entries", &AlterClientQuotasRequest::entries);
        f("validate_only", &AlterClientQuotasRequest::validate_only);
    }
};

struct AlterClientQuotasResponse {
    static constexpr std::string_view name = "AlterClientQuotasResponse";
    static constexpr ApiKey api_key = ApiKey::alter_client_quotas;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct EntityData {
        std::string entity_type{};
        std::optional<std::string> entity_name = "";

        static constexpr void fields(auto& f) {
            f("entity_type", &EntityData::entity_type);
            f("entity_name", &EntityData::entity_name);
        }
    };

    struct EntryData {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::vector<EntityData> entity{};

        static constexpr void fields(auto& f) {
            f("error_code", &EntryData::error_code);
            f("error_message", &EntryData::error_message);
            f("entity", &EntryData::entity);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<EntryData> entries{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterClientQuotasResponse::throttle_time_ms);
        f("entries", &AlterClientQuotasResponse::entries);
    }
};

}  // namespace

void add_client_quotas(Messages& messages) {
    add_messages<DescribeClientQuotasRequest, DescribeClientQuotasResponse,
                 AlterClientQuotasRequest, AlterClientQuotasResponse>(messages);
}

}  // namespace kwire::protocol
