// Who belongs to the controllers' quorum (KIP-853).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Adds a controller to the voters. Version 1 can answer before all have it (KIP-1186).
struct AddRaftVoterRequest {
    static constexpr std::string_view name = "AddRaftVoterRequest";
    static constexpr ApiKey api_key = ApiKey::add_raft_voter;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct Listener {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &Listener::name);
            f("host", &Listener::host);
            f("port", &Listener::port);
        }
    };

    std::optional<std::string> cluster_id = "";
    std::int32_t timeout_ms = 0;
    std::int32_t voter_id = 0;
    Uuid voter_directory_id{};
    std::vector<Listener> listeners{};
    bool ack_when_committed = true;

    static constexpr void fields(auto& f) {
        f("cluster_id", &AddRaftVoterRequest::cluster_id);
        f("timeout_ms", &AddRaftVoterRequest::timeout_ms);
        f("voter_id", &AddRaftVoterRequest::voter_id);
        f("voter_directory_id", &AddRaftVoterRequest::voter_directory_id);
        f("listeners", &AddRaftVoterRequest::listeners);
        f("ack_when_committed", &AddRaftVoterRequest::ack_when_committed, since(1));
    }
};

struct AddRaftVoterResponse {
    static constexpr std::string_view name = "AddRaftVoterResponse";
    static constexpr ApiKey api_key = ApiKey::add_raft_voter;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AddRaftVoterResponse::throttle_time_ms);
        f("error_code", &AddRaftVoterResponse::error_code);
        f("error_message", &AddRaftVoterResponse::error_message);
    }
};

/// Removes a controller from the voters.
struct RemoveRaftVoterRequest {
    static constexpr std::string_view name = "RemoveRaftVoterRequest";
    static constexpr ApiKey api_key = ApiKey::remove_raft_voter;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::optional<std::string> cluster_id = "";
    std::int32_t voter_id = 0;
    Uuid voter_directory_id{};

    static constexpr void fields(auto& f) {
        f("cluster_id", &RemoveRaftVoterRequest::cluster_id);
        f("voter_id", &RemoveRaftVoterRequest::voter_id);
        f("voter_directory_id", &RemoveRaftVoterRequest::voter_directory_id);
    }
};

struct RemoveRaftVoterResponse {
    static constexpr std::string_view name = "RemoveRaftVoterResponse";
    static constexpr ApiKey api_key = ApiKey::remove_raft_voter;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message = "";

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &RemoveRaftVoterResponse::throttle_time_ms);
        f("error_code", &RemoveRaftVoterResponse::error_code);
        f("error_message", &RemoveRaftVoterResponse::error_message);
    }
};

/// A voter tells its endpoints and which quorum versions it speaks.
struct UpdateRaftVoterRequest {
    static constexpr std::string_view name = "UpdateRaftVoterRequest";
    static constexpr ApiKey api_key = ApiKey::update_raft_voter;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct Listener {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;

        static constexpr void fields(auto& f) {
            f("name", &Listener::name);
            f("host", &Listener::host);
            f("port", &Listener::port);
        }
    };

    struct KRaftVersionFeature {
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("min_supported_version", &KRaftVersionFeature::min_supported_version);
            f("max_supported_version", &KRaftVersionFeature::max_supported_version);
        }
    };

    std::optional<std::string> cluster_id = "";
    std::int32_t current_leader_epoch = 0;
    std::int32_t voter_id = 0;
    Uuid voter_directory_id{};
    std::vector<Listener> listeners{};
    KRaftVersionFeature kraft_version_feature{};

    static constexpr void fields(auto& f) {
        f("cluster_id", &UpdateRaftVoterRequest::cluster_id);
        f("current_leader_epoch", &UpdateRaftVoterRequest::current_leader_epoch);
        f("voter_id", &UpdateRaftVoterRequest::voter_id);
        f("voter_directory_id", &UpdateRaftVoterRequest::voter_directory_id);
        f("listeners", &UpdateRaftVoterRequest::listeners);
        f("kraft_version_feature", &UpdateRaftVoterRequest::kraft_version_feature);
    }
};

struct UpdateRaftVoterResponse {
    static constexpr std::string_view name = "UpdateRaftVoterResponse";
    static constexpr ApiKey api_key = ApiKey::update_raft_voter;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct CurrentLeader {
        std::int32_t leader_id = -1;
        std::int32_t leader_epoch = -1;
        std::string host{};
        std::int32_t port = 0;

        static constexpr void fields(auto& f) {
            f("leader_id", &CurrentLeader::leader_id);
            f("leader_epoch", &CurrentLeader::leader_epoch);
            f("host", &CurrentLeader::host);
            f("port", &CurrentLeader::port);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    CurrentLeader current_leader{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &UpdateRaftVoterResponse::throttle_time_ms);
        f("error_code", &UpdateRaftVoterResponse::error_code);
        f.tagged(0, "current_leader", &UpdateRaftVoterResponse::current_leader, always());
    }
};

}  // namespace

void add_raft_voters(Messages& messages) {
    add_messages<AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest,
                 RemoveRaftVoterResponse, UpdateRaftVoterRequest, UpdateRaftVoterResponse>(
        messages);
}

}  // namespace kwire::protocol
