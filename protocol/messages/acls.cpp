// Who may do what (KIP-140). Version 1 has rules for names that begin alike (KIP-290).
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

/// The rules that match a filter.
struct DescribeAclsRequest {
    static constexpr std::string_view name = "DescribeAclsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    std::int8_t resource_type_filter = 0;
    std::optional<std::string> resource_name_filter = "";
    std::int8_t pattern_type_filter = 3;
    std::optional<std::string> principal_filter = "";
    std::optional<std::string> host_filter = "";
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto& f) {
        f("resource_type_filter", &DescribeAclsRequest::resource_type_filter);
        f("resource_name_filter", &DescribeAclsRequest::resource_name_filter);
        f("pattern_type_filter", &DescribeAclsRequest::pattern_type_filter, since(1));
        f("principal_filter", &DescribeAclsRequest::principal_filter);
        f("host_filter", &DescribeAclsRequest::host_filter);
        f("operation", &DescribeAclsRequest::operation);
        f("permission_type", &DescribeAclsRequest::permission_type);
    }
};

struct DescribeAclsResponse {
    static constexpr std::string_view name = "DescribeAclsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct AclDescription {
        std::string principal{};
        std::string host{};
        std::int8_t operation = 0;
        std::int8_t permission_type = 0;

        static constexpr void fields(auto& f) {
            f("principal", &AclDescription::principal);
            f("host", &AclDescription::host);
            f("operation", &AclDescription::operation);
            f("permission_type", &AclDescription::permission_type);
        }
    };

    struct Resource {
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::int8_t pattern_type = 3;
        std::vector<AclDescription> acls{};

        static constexpr void fields(auto& f) {
            f("resource_type", &Resource::resource_type);
            f("resource_name", &Resource::resource_name);
            f("pattern_type", &Resource::pattern_type, since(1));
            f("acls", &Resource::acls);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<Resource> resources{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeAclsResponse::throttle_time_ms);
        f("error_code", &DescribeAclsResponse::error_code);
        f("error_message", &DescribeAclsResponse::error_message);
        f("resources", &DescribeAclsResponse::resources);
    }
};

/// Adds rules.
struct CreateAclsRequest {
    static constexpr std::string_view name = "CreateAclsRequest";
    static constexpr ApiKey api_key = ApiKey::create_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct AclCreation {
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::int8_t resource_pattern_type = 3;
        std::string principal{};
        std::string host{};
        std::int8_t operation = 0;
        std::int8_t permission_type = 0;

        static constexpr void fields(auto& f) {
            f("resource_type", &AclCreation::resource_type);
            f("resource_name", &AclCreation::resource_name);
            f("resource_pattern_type", &AclCreation::resource_pattern_type, since(1));
            f("principal", &AclCreation::principal);
            f("host", &AclCreation::host);
            f("operation", &AclCreation::operation);
            f("permission_type", &AclCreation::permission_type);
        }
    };

    std::vector<AclCreation> creations{};

    static constexpr void fields(auto& f) { f("creations", &CreateAclsRequest::creations); }
};

struct CreateAclsResponse {
    static constexpr std::string_view name = "CreateAclsResponse";
    static constexpr ApiKey api_key = ApiKey::create_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct AclCreationResult {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("error_code", &AclCreationResult::error_code);
            f("error_message", &AclCreationResult::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<AclCreationResult> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &CreateAclsResponse::throttle_time_ms);
        f("results", &CreateAclsResponse::results);
    }
};

/// Removes the rules that match filters, and tells which.
struct DeleteAclsRequest {
    static constexpr std::string_view name = "DeleteAclsRequest";
    static constexpr ApiKey api_key = ApiKey::delete_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct Filter {
        std::int8_t resource_type_filter = 0;
        std::optional<std::string> resource_name_filter = "";
        std::int8_t pattern_type_filter = 3;
        std::optional<std::string> principal_filter = "";
        std::optional<std::string> host_filter = "";
        std::int8_t operation = 0;
        std::int8_t permission_type = 0;

        static constexpr void fields(auto& f) {
            f("resource_type_filter", &Filter::resource_type_filter);
            f("resource_name_filter", &Filter::resource_name_filter);
            f("pattern_type_filter", &Filter::pattern_type_filter, since(1));
            f("principal_filter", &Filter::principal_filter);
            f("host_filter", &Filter::host_filter);
            f("operation", &Filter::operation);
            f("permission_type", &Filter::permission_type);
        }
    };

    std::vector<Filter> filters{};

    static constexpr void fields(auto& f) { f("filters", &DeleteAclsRequest::filters); }
};

struct DeleteAclsResponse {
    static constexpr std::string_view name = "DeleteAclsResponse";
    static constexpr ApiKey api_key = ApiKey::delete_acls;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct MatchingAcl {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::int8_t resource_type = 0;
        std::string resource_name{};
        std::int8_t pattern_type = 3;
        std::string principal{};
        std::string host{};
        std::int8_t operation = 0;
        std::int8_t permission_type = 0;

        static constexpr void fields(auto& f) {
            f("error_code", &MatchingAcl::error_code);
            f("error_message", &MatchingAcl::error_message);
            f("resource_type", &MatchingAcl::resource_type);
            f("resource_name", &MatchingAcl::resource_name);
            f("pattern_type", &MatchingAcl::pattern_type, since(1));
            f("principal", &MatchingAcl::principal);
            f("host", &MatchingAcl::host);
            f("operation", &MatchingAcl::operation);
            f("permission_type", &MatchingAcl::permission_type);
        }
    };

    struct FilterResult {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::vector<MatchingAcl> matching_acls{};

        static constexpr void fields(auto& f) {
            f("error_code", &FilterResult::error_code);
            f("error_message", &FilterResult::error_message);
            f("matching_acls", &FilterResult::matching_acls);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<FilterResult> filter_results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DeleteAclsResponse::throttle_time_ms);
        f("filter_results", &DeleteAclsResponse::filter_results);
    }
};

}  // namespace

void add_acls(Messages& messages) {
    add_messages<DescribeAclsRequest, DescribeAclsResponse, CreateAclsRequest, CreateAclsResponse,
                 DeleteAclsRequest, DeleteAclsResponse>(messages);
}

}  // namespace kwire::protocol
