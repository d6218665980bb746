// Users, rules and quotas in `__cluster_metadata`. metadata_topic_records.cpp says how they are
// framed.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A rule is added.
struct AccessControlEntryRecord {
    static constexpr std::string_view name = "AccessControlEntryRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Uuid id{};
    std::int8_t resource_type = 0;
    std::string resource_name{};
    std::int8_t pattern_type = 0;
    std::string principal{};
    std::string host{};
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto& f) {
        f("id", &AccessControlEntryRecord::id);
        f("resource_type", &AccessControlEntryRecord::resource_type);
        f("resource_name", &AccessControlEntryRecord::resource_name);
        f("pattern_type", &AccessControlEntryRecord::pattern_type);
        f("principal", &AccessControlEntryRecord::principal);
        f("host", &AccessControlEntryRecord::host);
        f("operation", &AccessControlEntryRecord::operation);
        f("permission_type", &AccessControlEntryRecord::permission_type);
    }
};

/// A rule is removed.
struct RemoveAccessControlEntryRecord {
    static constexpr std::string_view name = "RemoveAccessControlEntryRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    Uuid id{};

    static constexpr void fields(auto& f) { f("id", &RemoveAccessControlEntryRecord::id); }
};

/// A quota is set or removed.
struct ClientQuotaRecord {
    static constexpr std::string_view name = "ClientQuotaRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct EntityData {
        std::string entity_type{};
        std::optional<std::string> entity_name = "";

        static constexpr void fields(auto& f) {
            f("entity_type", &EntityData::entity_type);
            f("entity_name", &EntityData::entity_name);
        }
    };

    std::vector<EntityData> entity{};
    std::string key{};
    double value = 0.0;
    bool remove = false;

    static constexpr void fields(auto& f) {
        f("entity", &ClientQuotaRecord::entity);
        f("key", &ClientQuotaRecord::key);
        f("value", &ClientQuotaRecord::value);
        f("remove", &ClientQuotaRecord::remove);
    }
};

/// A user's credentials for SASL/SCRAM are set.
struct UserScramCredentialRecord {
    static constexpr std::string_view name = "UserScramCredentialRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string user_name{};
    std::int8_t mechanism = 0;
    Bytes salt{};
    Bytes stored_key{};
    Bytes server_key{};
    std::int32_t iterations = 0;

    static constexpr void fields(auto& f) {
        f("name", &UserScramCredentialRecord::user_name);
        f("mechanism", &UserScramCredentialRecord::mechanism);
        f("salt", &UserScramCredentialRecord::salt);
        f("stored_key", &UserScramCredentialRecord::stored_key);
        f("server_key", &UserScramCredentialRecord::server_key);
        f("iterations", &UserScramCredentialRecord::iterations);
    }
};

/// They are removed.
struct RemoveUserScramCredentialRecord {
    static constexpr std::string_view name = "RemoveUserScramCredentialRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string user_name{};
    std::int8_t mechanism = 0;

    static constexpr void fields(auto& f) {
        f("name", &RemoveUserScramCredentialRecord::user_name);
        f("mechanism", &RemoveUserScramCredentialRecord::mechanism);
    }
};

/// A delegation token is made or changed.
struct DelegationTokenRecord {
    static constexpr std::string_view name = "DelegationTokenRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string owner{};
    std::string requester{};
    std::vector<std::string> renewers{};
    std::int64_t issue_timestamp = 0;
    std::int64_t max_timestamp = 0;
    std::int64_t expiration_timestamp = 0;
    std::string token_id{};

    static constexpr void fields(auto& f) {
        f("owner", &DelegationTokenRecord::owner);
        f("requester", &DelegationTokenRecord::requester);
        f("renewers", &DelegationTokenRecord::renewers);
        f("issue_timestamp", &DelegationTokenRecord::issue_timestamp);
        f("max_timestamp", &DelegationTokenRecord::max_timestamp);
        f("expiration_timestamp", &DelegationTokenRecord::expiration_timestamp);
        f("token_id", &DelegationTokenRecord::token_id);
    }
};

/// A delegation token is gone.
struct RemoveDelegationTokenRecord {
    static constexpr std::string_view name = "RemoveDelegationTokenRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string token_id{};

    static constexpr void fields(auto& f) { f("token_id", &RemoveDelegationTokenRecord::token_id); }
};

}  // namespace

void add_metadata_security_records(Messages& messages) {
    add_messages<AccessControlEntryRecord, RemoveAccessControlEntryRecord, ClientQuotaRecord,
                 UserScramCredentialRecord, RemoveUserScramCredentialRecord, DelegationTokenRecord,
                 RemoveDelegationTokenRecord>(messages);
}

}  // namespace kwire::protocol
