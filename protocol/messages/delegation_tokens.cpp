// Tokens by which others act for a user (KIP-48). Version 3 makes them for other users too
// (KIP-373).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Makes a token; its HMAC is the secret.
struct CreateDelegationTokenRequest {
    static constexpr std::string_view name = "CreateDelegationTokenRequest";
    static constexpr ApiKey api_key = ApiKey::create_delegation_token;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct CreatableRenewers {
        std::string principal_type{};
        std::string principal_name{};

        static constexpr void fields(auto& f) {
            f("principal_type", &CreatableRenewers::principal_type);
            f("principal_name", &CreatableRenewers::principal_name);
        }
    };

    std::optional<std::string> owner_principal_type = "";
    std::optional<std::string> owner_principal_name = "";
    std::vector<CreatableRenewers> renewers{};
    std::int64_t max_lifetime_ms = 0;

    static constexpr void fields(auto& f) {
        f("owner_principal_type", &CreateDelegationTokenRequest::owner_principal_type, since(3));
        f("owner_principal_name", &CreateDelegationTokenRequest::owner_principal_name, since(3));
        f("renewers", &CreateDelegationTokenRequest::renewers);
        f("max_lifetime_ms", &CreateDelegationTokenRequest::max_lifetime_ms);
    }
};

struct CreateDelegationTokenResponse {
    static constexpr std::string_view name = "CreateDelegationTokenResponse";
    static constexpr ApiKey api_key = ApiKey::create_delegation_token;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    ErrorCode error_code = ErrorCode::none;
    std::string principal_type{};
    std::string principal_name{};
    std::string token_requester_principal_type{};
    std::string token_requester_principal_name{};
    std::int64_t issue_timestamp_ms = 0;
    std::int64_t expiry_timestamp_ms = 0;
    std::int64_t max_timestamp_ms = 0;
    std::string token_id{};
    Bytes hmac{};
    std::int32_t throttle_time_ms = 0;

    static constexpr void fields(auto& f) {
        f("error_code", &CreateDelegationTokenResponse::error_code);
        f("principal_type", &CreateDelegationTokenResponse::principal_type);
        f("principal_name", &CreateDelegationTokenResponse::principal_name);
        f("token_requester_principal_type",
          &CreateDelegationTokenResponse::token_requester_principal_type, since(3));
        f("token_requester_principal_name",
          &CreateDelegationTokenResponse::token_requester_principal_name, since(3));
        f("issue_timestamp_ms", &CreateDelegationTokenResponse::issue_timestamp_ms);
        f("expiry_timestamp_ms", &CreateDelegationTokenResponse::expiry_timestamp_ms);
        f("max_timestamp_ms", &CreateDelegationTokenResponse::max_timestamp_ms);
        f("token_id", &CreateDelegationTokenResponse::token_id);
        f("hmac", &CreateDelegationTokenResponse::hmac);
        f("throttle_time_ms", &CreateDelegationTokenResponse::throttle_time_ms);
    }
};

/// Lets a token live longer.
struct RenewDelegationTokenRequest {
    static constexpr std::string_view name = "RenewDelegationTokenRequest";
    static constexpr ApiKey api_key = ApiKey::renew_delegation_token;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    Bytes hmac{};
    std::int64_t renew_period_ms = 0;

    static constexpr void fields(auto& f) {
        f("hmac", &RenewDelegationTokenRequest::hmac);
        f("renew_period_ms", &RenewDelegationTokenRequest::renew_period_ms);
    }
};

struct RenewDelegationTokenResponse {
    static constexpr std::string_view name = "RenewDelegationTokenResponse";
    static constexpr ApiKey api_key = ApiKey::renew_delegation_token;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    ErrorCode error_code = ErrorCode::none;
    std::int64_t expiry_timestamp_ms = 0;
    std::int32_t throttle_time_ms = 0;

    static constexpr void fields(auto& f) {
        f("error_code", &RenewDelegationTokenResponse::error_code);
        f("expiry_timestamp_ms", &RenewDelegationTokenResponse::expiry_timestamp_ms);
        f("throttle_time_ms", &RenewDelegationTokenResponse::throttle_time_ms);
    }
};

/// Ends a token, at once if the period is negative.
struct ExpireDelegationTokenRequest {
    static constexpr std::string_view name = "ExpireDelegationTokenRequest";
    static constexpr ApiKey api_key = ApiKey::expire_delegation_token;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    Bytes hmac{};
    std::int64_t expiry_time_period_ms = 0;

    static constexpr void fields(auto& f) {
        f("hmac", &ExpireDelegationTokenRequest::hmac);
        f("expiry_time_period_ms", &ExpireDelegationTokenRequest::expiry_time_period_ms);
    }
};

struct ExpireDelegationTokenResponse {
    static constexpr std::string_view name = "ExpireDelegationTokenResponse";
    static constexpr ApiKey api_key = ApiKey::expire_delegation_token;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    ErrorCode error_code = ErrorCode::none;
    std::int64_t expiry_timestamp_ms = 0;
    std::int32_t throttle_time_ms = 0;

    static constexpr void fields(auto& f) {
        f("error_code", &ExpireDelegationTokenResponse::error_code);
        f("expiry_timestamp_ms", &ExpireDelegationTokenResponse::expiry_timestamp_ms);
        f("throttle_time_ms", &ExpireDelegationTokenResponse::throttle_time_ms);
    }
};

/// The tokens of the owners asked for; all if the list is null.
struct DescribeDelegationTokenRequest {
    static constexpr std::string_view name = "DescribeDelegationTokenRequest";
    static constexpr ApiKey api_key = ApiKey::describe_delegation_token;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct Owner {
        std::string principal_type{};
        std::string principal_name{};

        static constexpr void fields(auto& f) {
            f("principal_type", &Owner::principal_type);
            f("principal_name", &Owner::principal_name);
        }
    };

    std::optional<std::vector<Owner>> owners{std::in_place};

    static constexpr void fields(auto& f) { f("owners", &DescribeDelegationTokenRequest::owners); }
};

struct DescribeDelegationTokenResponse {
    static constexpr std::string_view name = "DescribeDelegationTokenResponse";
    static constexpr ApiKey api_key = ApiKey::describe_delegation_token;
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{2};

    struct DescribedDelegationTokenRenewer {
        std::string principal_type{};
        std::string principal_name{};

        static constexpr void fields(auto& f) {
            f("principal_type", &DescribedDelegationTokenRenewer::principal_type);
            f("principal_name", &DescribedDelegationTokenRenewer::principal_name);
        }
    };

    struct DescribedDelegationToken {
        std::string principal_type{};
        std::string principal_name{};
        std::string token_requester_principal_type{};
        std::string token_requester_principal_name{};
        std::int64_t issue_timestamp = 0;
        std::int64_t expiry_timestamp = 0;
        std::int64_t max_timestamp = 0;
        std::string token_id{};
        Bytes hmac{};
        std::vector<DescribedDelegationTokenRenewer> renewers{};

        static constexpr void fields(auto& f) {
            f("principal_type", &DescribedDelegationToken::principal_type);
            f("principal_name", &DescribedDelegationToken::principal_name);
            f("token_requester_principal_type",
              &DescribedDelegationToken::token_requester_principal_type, since(3));
            f("token_requester_principal_name",
              &DescribedDelegationToken::token_requester_principal_name, since(3));
            f("issue_timestamp", &DescribedDelegationToken::issue_timestamp);
            f("expiry_timestamp", &DescribedDelegationToken::expiry_timestamp);
            f("max_timestamp", &DescribedDelegationToken::max_timestamp);
            f("token_id", &DescribedDelegationToken::token_id);
            f("hmac", &DescribedDelegationToken::hmac);
            f("renewers", &DescribedDelegationToken::renewers);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<DescribedDelegationToken> tokens{};
    std::int32_t throttle_time_ms = 0;

    static constexpr void fields(auto& f) {
        f("error_code", &DescribeDelegationTokenResponse::error_code);
        f("tokens", &DescribeDelegationTokenResponse::tokens);
        f("throttle_time_ms", &DescribeDelegationTokenResponse::throttle_time_ms);
    }
};

}  // namespace

void add_delegation_tokens(Messages& messages) {
    add_messages<CreateDelegationTokenRequest, CreateDelegationTokenResponse,
                 RenewDelegationTokenRequest, RenewDelegationTokenResponse,
                 ExpireDelegationTokenRequest, ExpireDelegationTokenResponse,
                 DescribeDelegationTokenRequest, DescribeDelegationTokenResponse>(messages);
}

}  // namespace kwire::protocol
