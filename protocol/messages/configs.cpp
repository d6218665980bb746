// Settings of topics, brokers, loggers, groups and client metrics.
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

/// Settings with their source (KIP-133); synonyms from version 1 (KIP-226), types and documentation
/// from 3 (KIP-569).
struct DescribeConfigsRequest {
    static constexpr std::string_view name = "DescribeConfigsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_configs;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    struct Resource {
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::optional<std::vector<std::string>> configuration_keys{std::in_place};

        static constexpr void fields(auto& f) {
            f("resource_type", &Resource::resource_type);
            f("resource_name", &Resource::resource_name);
            f("configuration_keys", &Resource::configuration_keys);
        }
    };

    std::vector<Resource> resources{};
    bool include_synonyms = false;
    bool include_documentation = false;

    static constexpr void fields(auto& f) {
        f("resources", &DescribeConfigsRequest::resources);
        f("include_synonyms", &DescribeConfigsRequest::include_synonyms, since(1));
        f("include_documentation", &DescribeConfigsRequest::include_documentation, since(3));
    }
};

struct DescribeConfigsResponse {
    static constexpr std::string_view name = "DescribeConfigsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_configs;
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{4};

    struct Synonym {
        std::string name{};
        std::optional<std::string> value = "";
        std::int8_t source = 0;

        static constexpr void fields(auto& f) {
            f("name", &Synonym::name);
            f("value", &Synonym::value);
            f("source", &Synonym::source);
        }
    };

    struct ResourceResult {
        std::string name{};
        std::optional<std::string> value = "";
        bool read_only = false;
        bool is_default = false;
        std::int8_t config_source = -1;
        bool is_sensitive = false;
        std::vector<Synonym> synonyms{};
        std::int8_t config_type = 0;
        std::optional<std::string> documentation = "";

        static constexpr void fields(auto& f) {
            f("name", &ResourceResult::name);
            f("value", &ResourceResult::value);
            f("read_only", &ResourceResult::read_only);
            f("is_default", &ResourceResult::is_default, until(0));
            f("config_source", &ResourceResult::config_source, since(1).ignorable());
            f("is_sensitive", &ResourceResult::is_sensitive);
            f("synonyms", &ResourceResult::synonyms, since(1).ignorable());
            f("config_type", &ResourceResult::config_type, since(3).ignorable());
            f("documentation", &ResourceResult::documentation, since(3).ignorable());
        }
    };

    struct Result {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::vector<ResourceResult> configs{};

        static constexpr void fields(auto& f) {
            f("error_code", &Result::error_code);
            f("error_message", &Result::error_message);
            f("resource_type", &Result::resource_type);
            f("resource_name", &Result::resource_name);
            f("configs", &Result::configs);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Result> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeConfigsResponse::throttle_time_ms);
        f("results", &DescribeConfigsResponse::results);
    }
};

/// Replaces all settings of a resource (KIP-133).
struct AlterConfigsRequest {
    static constexpr std::string_view name = "AlterConfigsRequest";
    static constexpr ApiKey api_key = ApiKey::alter_configs;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct AlterableConfig {
        std::string name{};
        std::optional<std::string> value = "";

        static constexpr void fields(auto& f) {
            f("name", &AlterableConfig::name);
            f("value", &AlterableConfig::value);
        }
    };

    struct Resource {
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::vector<AlterableConfig> configs{};

        static constexpr void fields(auto& f) {
            f("resource_type", &Resource::resource_type);
            f("resource_name", &Resource::resource_name);
            f("configs", &Resource::configs);
        }
    };

    std::vector<Resource> resources{};
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("resources", &AlterConfigsRequest::resources);
        f("validate_only", &AlterConfigsRequest::validate_only);
    }
};

struct AlterConfigsResponse {
    static constexpr std::string_view name = "AlterConfigsResponse";
    static constexpr ApiKey api_key = ApiKey::alter_configs;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct ResourceResponse {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::int8_t resource_type = 0;
        std::string resource_name{};

        static constexpr void fields(auto& f) {
            f("error_code", &ResourceResponse::error_code);
            f("error_message", &ResourceResponse::error_message);
            f("resource_type", &ResourceResponse::resource_type);
            f("resource_name", &ResourceResponse::resource_name);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<ResourceResponse> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterConfigsResponse::throttle_time_ms);
        f("responses", &AlterConfigsResponse::responses);
    }
};

/// Sets, deletes, appends and subtracts single settings (KIP-339).
struct IncrementalAlterConfigsRequest {
    static constexpr std::string_view name = "IncrementalAlterConfigsRequest";
    static constexpr ApiKey api_key = ApiKey::incremental_alter_configs;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct AlterableConfig {
        std::string name{};
        std::int8_t config_operation = 0;
        std::optional<std::string> value = "";

        static constexpr void fields(auto& f) {
            f("name", &AlterableConfig::name);
            f("config_operation", &AlterableConfig::config_operation);
            f("value", &AlterableConfig::value);
        }
    };

    struct AlterConfigsResource {
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::vector<AlterableConfig> configs{};

        static constexpr void fields(auto& f) {
            f("resource_type", &AlterConfigsResource::resource_type);
            f("resource_name", &AlterConfigsResource::resource_name);
            f("configs", &AlterConfigsResource::configs);
        }
    };

    std::vector<AlterConfigsResource> resources{};
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("resources", &IncrementalAlterConfigsRequest::resources);
        f("validate_only", &IncrementalAlterConfigsRequest::validate_only);
    }
};

struct IncrementalAlterConfigsResponse {
    static constexpr std::string_view name = "IncrementalAlterConfigsResponse";
    static constexpr ApiKey api_key = ApiKey::incremental_alter_configs;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{1};

    struct AlterConfigsResourceResponse {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::int8_t resource_type = 0;
        std::string resource_name{};

        static constexpr void fields(auto& f) {
            f("error_code", &AlterConfigsResourceResponse::error_code);
            f("error_message", &AlterConfigsResourceResponse::error_message);
            f("resource_type", &AlterConfigsResourceResponse::resource_type);
            f("resource_name", &AlterConfigsResourceResponse::resource_name);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<AlterConfigsResourceResponse> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &IncrementalAlterConfigsResponse::throttle_time_ms);
        f("responses", &IncrementalAlterConfigsResponse::responses);
    }
};

/// The names of resources that have settings: of client metrics in version 0, where it was called
/// ListClientMetricsResources (KIP-714, KIP-1000), of any kind from 1 (KIP-1142).
struct ListConfigResourcesRequest {
    static constexpr std::string_view name = "ListConfigResourcesRequest";
    static constexpr ApiKey api_key = ApiKey::list_config_resources;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::vector<std::int8_t> resource_types{};

    static constexpr void fields(auto& f) {
        f("resource_types", &ListConfigResourcesRequest::resource_types, since(1));
    }
};

struct ListConfigResourcesResponse {
    static constexpr std::string_view name = "ListConfigResourcesResponse";
    static constexpr ApiKey api_key = ApiKey::list_config_resources;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct ConfigResource {
        std::string resource_name{};
        std::int8_t resource_type = 16;

        static constexpr void fields(auto& f) {
            f("resource_name", &ConfigResource::resource_name);
            f("resource_type", &ConfigResource::resource_type, since(1).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<ConfigResource> config_resources{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &ListConfigResourcesResponse::throttle_time_ms);
        f("error_code", &ListConfigResourcesResponse::error_code);
        f("config_resources", &ListConfigResourcesResponse::config_resources);
    }
};

}  // namespace

void add_configs(Messages& messages) {
    add_messages<DescribeConfigsRequest, DescribeConfigsResponse, AlterConfigsRequest,
                 AlterConfigsResponse, IncrementalAlterConfigsRequest,
                 IncrementalAlterConfigsResponse, ListConfigResourcesRequest,
                 ListConfigResourcesResponse>(messages);
}

}  // namespace kwire::protocol
