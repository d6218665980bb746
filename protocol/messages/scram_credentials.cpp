// Passwords for SASL/SCRAM (KIP-554).
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

/// Which mechanisms users have credentials for, with the iterations. Never the password.
struct DescribeUserScramCredentialsRequest {
    static constexpr std::string_view name = "DescribeUserScramCredentialsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_user_scram_credentials;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct UserName {
        std::string name{};

        static constexpr void fields(auto& f) { f("name", &UserName::name); }
    };

    std::optional<std::vector<UserName>> users{std::in_place};

    static constexpr void fields(auto& f) {
        f("users", &DescribeUserScramCredentialsRequest::users);
    }
};

struct DescribeUserScramCredentialsResponse {
    static constexpr std::string_view name = "DescribeUserScramCredentialsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_user_scram_credentials;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct CredentialInfo {
        std::int8_t mechanism = 0;
        std::int32_t iterations = 0;

        static constexpr void fields(auto& f) {
            f("mechanism", &CredentialInfo::mechanism);
            f("iterations", &CredentialInfo::iterations);
        }
    };

    struct Result {
        std::string user{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        std::vector<CredentialInfo> credential_infos{};

        static constexpr void fields(auto& f) {
            f("user", &Result::user);
            f("error_code", &Result::error_code);
            f("error_message", &Result::error_message);
            f("credential_infos", &Result::credential_infos);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";
    std::vector<Result> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeUserScramCredentialsResponse::throttle_time_ms);
        f("error_code", &DescribeUserScramCredentialsResponse::error_code);
        f("error_message", &DescribeUserScramCredentialsResponse::error_message);
        f("results", &DescribeUserScramCredentialsResponse::results);
    }
};

/// Sets and deletes credentials.
struct AlterUserScramCredentialsRequest {
    static constexpr std::string_view name = "AlterUserScramCredentialsRequest";
    static constexpr ApiKey api_key = ApiKey::alter_user_scram_credentials;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct ScramCredentialDeletion {
        std::string name{};
        std::int8_t mechanism = 0;

        static constexpr void fields(auto& f) {
            f("name", &ScramCredentialDeletion::name);
            f("mechanism", &ScramCredentialDeletion::mechanism);
        }
    };

    struct ScramCredentialUpsertion {
        std::string name{};
        std::int8_t mechanism = 0;
        std::int32_t iterations = 0;
        Bytes salt{};
        Bytes salted_password{};

        static constexpr void fields(auto& f) {
            f("name", &ScramCredentialUpsertion::name);
            f("mechanism", &ScramCredentialUpsertion::mechanism);
            f("iterations", &ScramCredentialUpsertion::iterations);
            f("salt", &ScramCredentialUpsertion::salt);
            f("salted_password", &ScramCredentialUpsertion::salted_password);
        }
    };

    std::vector<ScramCredentialDeletion> deletions{};
    std::vector<ScramCredentialUpsertion> upsertions{};

    static constexpr void fields(auto& f) {
        f("deletions", &AlterUserScramCredentialsRequest::deletions);
        f("upsertions", &AlterUserScramCredentialsRequest::upsertions);
    }
};

struct AlterUserScramCredentialsResponse {
    static constexpr std::string_view name = "AlterUserScramCredentialsResponse";
    static constexpr ApiKey api_key = ApiKey::alter_user_scram_credentials;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Result {
        std::string user{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";

        static constexpr void fields(auto& f) {
            f("user", &Result::user);
            f("error_code", &Result::error_code);
            f("error_message", &Result::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Result> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterUserScramCredentialsResponse::throttle_time_ms);
        f("results", &AlterUserScramCredentialsResponse::results);
    }
};

}  // namespace

void add_scram_credentials(Messages& messages) {
    add_messages<DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
                 AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse>(messages);
}

}  // namespace kwire::protocol
