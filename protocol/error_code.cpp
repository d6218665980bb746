#include <algorithm>
#include <array>

#include <kwire/protocol/error_code.h>

namespace kwire {
namespace {

struct Row {
    ErrorCode code;
    std::string_view name;
    bool retriable;
};

// Ordered by code, without gaps: find() counts on both.
constexpr std::array rows{
    Row{ErrorCode::unknown_server_error, "UNKNOWN_SERVER_ERROR", false},
    Row{ErrorCode::none, "NONE", false},
    Row{ErrorCode::offset_out_of_range, "OFFSET_OUT_OF_RANGE", false},
    Row{ErrorCode::corrupt_message, "CORRUPT_MESSAGE", true},
    Row{ErrorCode::unknown_topic_or_partition, "UNKNOWN_TOPIC_OR_PARTITION", true},
    Row{ErrorCode::invalid_fetch_size, "INVALID_FETCH_SIZE", false},
    Row{ErrorCode::leader_not_available, "LEADER_NOT_AVAILABLE", true},
    Row{ErrorCode::not_leader_or_follower, "NOT_LEADER_OR_FOLLOWER", true},
    Row{ErrorCode::request_timed_out, "REQUEST_TIMED_OUT", true},
    Row{ErrorCode::broker_not_available, "BROKER_NOT_AVAILABLE", false},
    Row{ErrorCode::replica_not_available, "REPLICA_NOT_AVAILABLE", true},
    Row{ErrorCode::message_too_large, "MESSAGE_TOO_LARGE", false},
    Row{ErrorCode::stale_controller_epoch, "STALE_CONTROLLER_EPOCH", false},
    Row{ErrorCode::offset_metadata_too_large, "OFFSET_METADATA_TOO_LARGE", false},
    Row{ErrorCode::network_exception, "NETWORK_EXCEPTION", true},
    Row{ErrorCode::coordinator_load_in_progress, "COORDINATOR_LOAD_IN_PROGRESS", true},
    Row{ErrorCode::coordinator_not_available, "COORDINATOR_NOT_AVAILABLE", true},
    Row{ErrorCode::not_coordinator, "NOT_COORDINATOR", true},
    Row{ErrorCode::invalid_topic_exception, "INVALID_TOPIC_EXCEPTION", false},
    Row{ErrorCode::record_list_too_large, "RECORD_LIST_TOO_LARGE", false},
    Row{ErrorCode::not_enough_replicas, "NOT_ENOUGH_REPLICAS", true},
    Row{ErrorCode::not_enough_replicas_after_append, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true},
    Row{ErrorCode::invalid_required_acks, "INVALID_REQUIRED_ACKS", false},
    Row{ErrorCode::illegal_generation, "ILLEGAL_GENERATION", false},
    Row{ErrorCode::inconsistent_group_protocol, "INCONSISTENT_GROUP_PROTOCOL", false},
    Row{ErrorCode::invalid_group_id, "INVALID_GROUP_ID", false},
    Row{ErrorCode::unknown_member_id, "UNKNOWN_MEMBER_ID", false},
    Row{ErrorCode::invalid_session_timeout, "INVALID_SESSION_TIMEOUT", false},
    Row{ErrorCode::rebalance_in_progress, "REBALANCE_IN_PROGRESS", false},
    Row{ErrorCode::invalid_commit_offset_size, "INVALID_COMMIT_OFFSET_SIZE", false},
    Row{ErrorCode::topic_authorization_failed, "TOPIC_AUTHORIZATION_FAILED", false},
    Row{ErrorCode::group_authorization_failed, "GROUP_AUTHORIZATION_FAILED", false},
    Row{ErrorCode::cluster_authorization_failed, "CLUSTER_AUTHORIZATION_FAILED", false},
    Row{ErrorCode::invalid_timestamp, "INVALID_TIMESTAMP", false},
    Row{ErrorCode::unsupported_sasl_mechanism, "UNSUPPORTED_SASL_MECHANISM", false},
    Row{ErrorCode::illegal_sasl_state, "ILLEGAL_SASL_STATE", false},
    Row{ErrorCode::unsupported_version, "UNSUPPORTED_VERSION", false},
    Row{ErrorCode::topic_already_exists, "TOPIC_ALREADY_EXISTS", false},
    Row{ErrorCode::invalid_partitions, "INVALID_PARTITIONS", false},
    Row{ErrorCode::invalid_replication_factor, "INVALID_REPLICATION_FACTOR", false},
    Row{ErrorCode::invalid_replica_assignment, "INVALID_REPLICA_ASSIGNMENT", false},
    Row{ErrorCode::invalid_config, "INVALID_CONFIG", false},
    Row{ErrorCode::not_controller, "NOT_CONTROLLER", true},
    Row{ErrorCode::invalid_request, "INVALID_REQUEST", false},
    Row{ErrorCode::unsupported_for_message_format, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false},
    Row{ErrorCode::policy_violation, "POLICY_VIOLATION", false},
    Row{ErrorCode::out_of_order_sequence_number, "OUT_OF_ORDER_SEQUENCE_NUMBER", false},
    Row{ErrorCode::duplicate_sequence_number, "DUPLICATE_SEQUENCE_NUMBER", false},
    Row{ErrorCode::invalid_producer_epoch, "INVALID_PRODUCER_EPOCH", false},
    Row{ErrorCode::invalid_txn_state, "INVALID_TXN_STATE", false},
    Row{ErrorCode::invalid_producer_id_mapping, "INVALID_PRODUCER_ID_MAPPING", false},
    Row{ErrorCode::invalid_transaction_timeout, "INVALID_TRANSACTION_TIMEOUT", false},
    Row{ErrorCode::concurrent_transactions, "CONCURRENT_TRANSACTIONS", true},
    Row{ErrorCode::transaction_coordinator_fenced, "TRANSACTION_COORDINATOR_FENCED", false},
    Row{ErrorCode::transactional_id_authorization_failed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        false},
    Row{ErrorCode::security_disabled, "SECURITY_DISABLED", false},
    Row{ErrorCode::operation_not_attempted, "OPERATION_NOT_ATTEMPTED", false},
    Row{ErrorCode::kafka_storage_error, "KAFKA_STORAGE_ERROR", true},
    Row{ErrorCode::log_dir_not_found, "LOG_DIR_NOT_FOUND", false},
    Row{ErrorCode::sasl_authentication_failed, "SASL_AUTHENTICATION_FAILED", false},
    Row{ErrorCode::unknown_producer_id, "UNKNOWN_PRODUCER_ID", false},
    Row{ErrorCode::reassignment_in_progress, "REASSIGNMENT_IN_PROGRESS", false},
    Row{ErrorCode::delegation_token_auth_disabled, "DELEGATION_TOKEN_AUTH_DISABLED", false},
    Row{ErrorCode::delegation_token_not_found, "DELEGATION_TOKEN_NOT_FOUND", false},
    Row{ErrorCode::delegation_token_owner_mismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", false},
    Row{ErrorCode::delegation_token_request_not_allowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED",
        false},
    Row{ErrorCode::delegation_token_authorization_failed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
        false},
    Row{ErrorCode::delegation_token_expired, "DELEGATION_TOKEN_EXPIRED", false},
    Row{ErrorCode::invalid_principal_type, "INVALID_PRINCIPAL_TYPE", false},
    Row{ErrorCode::non_empty_group, "NON_EMPTY_GROUP", false},
    Row{ErrorCode::group_id_not_found, "GROUP_ID_NOT_FOUND", false},
    Row{ErrorCode::fetch_session_id_not_found, "FETCH_SESSION_ID_NOT_FOUND", true},
    Row{ErrorCode::invalid_fetch_session_epoch, "INVALID_FETCH_SESSION_EPOCH", true},
    Row{ErrorCode::listener_not_found, "LISTENER_NOT_FOUND", true},
    Row{ErrorCode::topic_deletion_disabled, "TOPIC_DELETION_DISABLED", false},
    Row{ErrorCode::fenced_leader_epoch, "FENCED_LEADER_EPOCH", true},
    Row{ErrorCode::unknown_leader_epoch, "UNKNOWN_LEADER_EPOCH", true},
    Row{ErrorCode::unsupported_compression_type, "UNSUPPORTED_COMPRESSION_TYPE", false},
    Row{ErrorCode::stale_broker_epoch, "STALE_BROKER_EPOCH", false},
    Row{ErrorCode::offset_not_available, "OFFSET_NOT_AVAILABLE", true},
    Row{ErrorCode::member_id_required, "MEMBER_ID_REQUIRED", false},
    Row{ErrorCode::preferred_leader_not_available, "PREFERRED_LEADER_NOT_AVAILABLE", true},
    Row{ErrorCode::group_max_size_reached, "GROUP_MAX_SIZE_REACHED", false},
    Row{ErrorCode::fenced_instance_id, "FENCED_INSTANCE_ID", false},
    Row{ErrorCode::eligible_leaders_not_available, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true},
    Row{ErrorCode::election_not_needed, "ELECTION_NOT_NEEDED", true},
    Row{ErrorCode::no_reassignment_in_progress, "NO_REASSIGNMENT_IN_PROGRESS", false},
    Row{ErrorCode::group_subscribed_to_topic, "GROUP_SUBSCRIBED_TO_TOPIC", false},
    Row{ErrorCode::invalid_record, "INVALID_RECORD", false},
    Row{ErrorCode::unstable_offset_commit, "UNSTABLE_OFFSET_COMMIT", true},
    Row{ErrorCode::throttling_quota_exceeded, "THROTTLING_QUOTA_EXCEEDED", true},
    Row{ErrorCode::producer_fenced, "PRODUCER_FENCED", false},
    Row{ErrorCode::resource_not_found, "RESOURCE_NOT_FOUND", false},
    Row{ErrorCode::duplicate_resource, "DUPLICATE_RESOURCE", false},
    Row{ErrorCode::unacceptable_credential, "UNACCEPTABLE_CREDENTIAL", false},
    Row{ErrorCode::inconsistent_voter_set, "INCONSISTENT_VOTER_SET", false},
    Row{ErrorCode::invalid_update_version, "INVALID_UPDATE_VERSION", false},
    Row{ErrorCode::feature_update_failed, "FEATURE_UPDATE_FAILED", false},
    Row{ErrorCode::principal_deserialization_failure, "PRINCIPAL_DESERIALIZATION_FAILURE", false},
    Row{ErrorCode::snapshot_not_found, "SNAPSHOT_NOT_FOUND", false},
    Row{ErrorCode::position_out_of_range, "POSITION_OUT_OF_RANGE", false},
    Row{ErrorCode::unknown_topic_id, "UNKNOWN_TOPIC_ID", true},
    Row{ErrorCode::duplicate_broker_registration, "DUPLICATE_BROKER_REGISTRATION", false},
    Row{ErrorCode::broker_id_not_registered, "BROKER_ID_NOT_REGISTERED", false},
    Row{ErrorCode::inconsistent_topic_id, "INCONSISTENT_TOPIC_ID", true},
    Row{ErrorCode::inconsistent_cluster_id, "INCONSISTENT_CLUSTER_ID", false},
    Row{ErrorCode::transactional_id_not_found, "TRANSACTIONAL_ID_NOT_FOUND", false},
    Row{ErrorCode::fetch_session_topic_id_error, "FETCH_SESSION_TOPIC_ID_ERROR", true},
    Row{ErrorCode::ineligible_replica, "INELIGIBLE_REPLICA", false},
    Row{ErrorCode::new_leader_elected, "NEW_LEADER_ELECTED", false},
    Row{ErrorCode::offset_moved_to_tiered_storage, "OFFSET_MOVED_TO_TIERED_STORAGE", false},
    Row{ErrorCode::fenced_member_epoch, "FENCED_MEMBER_EPOCH", false},
    Row{ErrorCode::unreleased_instance_id, "UNRELEASED_INSTANCE_ID", false},
    Row{ErrorCode::unsupported_assignor, "UNSUPPORTED_ASSIGNOR", false},
    Row{ErrorCode::stale_member_epoch, "STALE_MEMBER_EPOCH", false},
    Row{ErrorCode::mismatched_endpoint_type, "MISMATCHED_ENDPOINT_TYPE", false},
    Row{ErrorCode::unsupported_endpoint_type, "UNSUPPORTED_ENDPOINT_TYPE", false},
    Row{ErrorCode::unknown_controller_id, "UNKNOWN_CONTROLLER_ID", false},
    Row{ErrorCode::unknown_subscription_id, "UNKNOWN_SUBSCRIPTION_ID", false},
    Row{ErrorCode::telemetry_too_large, "TELEMETRY_TOO_LARGE", false},
    Row{ErrorCode::invalid_registration, "INVALID_REGISTRATION", false},
    Row{ErrorCode::transaction_abortable, "TRANSACTION_ABORTABLE", false},
    Row{ErrorCode::invalid_record_state, "INVALID_RECORD_STATE", false},
    Row{ErrorCode::share_session_not_found, "SHARE_SESSION_NOT_FOUND", true},
    Row{ErrorCode::invalid_share_session_epoch, "INVALID_SHARE_SESSION_EPOCH", true},
    Row{ErrorCode::fenced_state_epoch, "FENCED_STATE_EPOCH", false},
    Row{ErrorCode::invalid_voter_key, "INVALID_VOTER_KEY", false},
    Row{ErrorCode::duplicate_voter, "DUPLICATE_VOTER", false},
    Row{ErrorCode::voter_not_found, "VOTER_NOT_FOUND", false},
    Row{ErrorCode::invalid_regular_expression, "INVALID_REGULAR_EXPRESSION", false},
    Row{ErrorCode::rebootstrap_required, "REBOOTSTRAP_REQUIRED", false},
    Row{ErrorCode::streams_invalid_topology, "STREAMS_INVALID_TOPOLOGY", false},
    Row{ErrorCode::streams_invalid_topology_epoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", false},
    Row{ErrorCode::streams_topology_fenced, "STREAMS_TOPOLOGY_FENCED", false},
    Row{ErrorCode::share_session_limit_reached, "SHARE_SESSION_LIMIT_REACHED", true},
    Row{ErrorCode::group_deletion_failed, "GROUP_DELETION_FAILED", false},
    Row{ErrorCode::streams_topology_description_update_failed,
        "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", false},
    Row{ErrorCode::controller_id_not_registered, "CONTROLLER_ID_NOT_REGISTERED", false},
};

static_assert([] {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (static_cast<int>(rows[i].code) != static_cast<int>(i) - 1) return false;
    }
    return true;
}());

const Row* find(ErrorCode code) {
    const auto index = static_cast<std::size_t>(static_cast<int>(code) + 1);
    return index < rows.size() ? &rows[index] : nullptr;
}

}  // namespace

std::string_view name(ErrorCode code) {
    const Row* row = find(code);
    return row ? row->name : std::string_view{};
}

std::string to_string(ErrorCode code) {
    const std::string number = std::to_string(static_cast<int>(code));
    const Row* row = find(code);
    return row ? std::string(row->name) + " (" + number + ")" : "error " + number;
}

bool is_retriable(ErrorCode code) {
    const Row* row = find(code);
    return row && row->retriable;
}

}  // namespace kwire
