// ApiVersions: which APIs a broker speaks, in which versions (KIP-35).
//
// A broker that does not know the asked version answers in version 0 with UNSUPPORTED_VERSION, and
// its answer always has header version 0, so that it can be read before anything is known. Brokers
// before 0.10 do not answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct ApiVersionsResponse;

struct ApiVersionsRequest {
    static constexpr std::string_view name = "ApiVersionsRequest";
    static constexpr ApiKey api_key = ApiKey::api_versions;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};
    using Response = ApiVersionsResponse;

    std::string client_software_name{};
    std::string client_software_version{};
    /// Cluster and broker that the client means to have reached: another one refuses (KIP-1242).
    std::optional<std::string> cluster_id{};
    std::int32_t node_id = -1;

    static constexpr void fields(auto& f) {
        f("client_software_name", &ApiVersionsRequest::client_software_name, since(3).ignorable());
        f("client_software_version", &ApiVersionsRequest::client_software_version,
          since(3).ignorable());
        f("cluster_id", &ApiVersionsRequest::cluster_id, since(5).ignorable());
        f("node_id", &ApiVersionsRequest::node_id, since(5).ignorable());
    }
};

struct ApiVersionsResponse {
    static constexpr std::string_view name = "ApiVersionsResponse";
    static constexpr ApiKey api_key = ApiKey::api_versions;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{3};

    struct Api {
        ApiKey api_key{};
        std::int16_t min_version = 0;
        std::int16_t max_version = 0;

        static constexpr void fields(auto& f) {
            f("api_key", &Api::api_key);
            f("min_version", &Api::min_version);
            f("max_version", &Api::max_version);
        }
    };

    struct SupportedFeature {
        std::string name{};
        std::int16_t min_version = 0;
        std::int16_t max_version = 0;

        static constexpr void fields(auto& f) {
            f("name", &SupportedFeature::name);
            f("min_version", &SupportedFeature::min_version);
            f("max_version", &SupportedFeature::max_version);
        }
    };

    struct FinalizedFeature {
        std::string name{};
        std::int16_t max_version_level = 0;
        std::int16_t min_version_level = 0;

        static constexpr void fields(auto& f) {
            f("name", &FinalizedFeature::name);
            f("max_version_level", &FinalizedFeature::max_version_level);
            f("min_version_level", &FinalizedFeature::min_version_level);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<Api> api_keys{};
    std::int32_t throttle_time_ms = 0;
    std::vector<SupportedFeature> supported_features{};
    std::int64_t finalized_features_epoch = -1;
    std::vector<FinalizedFeature> finalized_features{};
    bool zk_migration_ready = false;

    static constexpr void fields(auto& f) {
        f("error_code", &ApiVersionsResponse::error_code);
        f("api_keys", &ApiVersionsResponse::api_keys);
        f("throttle_time_ms", &ApiVersionsResponse::throttle_time_ms, since(1).ignorable());
        f.tagged(0, "supported_features", &ApiVersionsResponse::supported_features,
                 since(3).ignorable());
        f.tagged(1, "finalized_features_epoch", &ApiVersionsResponse::finalized_features_epoch,
                 since(3).ignorable());
        f.tagged(2, "finalized_features", &ApiVersionsResponse::finalized_features,
                 since(3).ignorable());
        f.tagged(3, "zk_migration_ready", &ApiVersionsResponse::zk_migration_ready,
                 since(3).ignorable());
    }
};

extern template const Schema& schema_of<ApiVersionsRequest>();
extern template const Schema& schema_of<ApiVersionsResponse>();

}  // namespace kwire::protocol
