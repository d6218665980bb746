// The one table that says what follows from an error code of a partition's leader, for reading, writing and looking up.
#pragma once

#include <kwire/protocol/error_code.h>

namespace kwire {

enum class LeaderErrorKind {
    none,
    retry,         ///< The same broker, a little later: it knows less than we do, or is busy.
    refresh,       ///< Our view of the cluster is old: Metadata, then the leader that it names.
    out_of_range,  ///< The position lies outside the log.
    corrupt,       ///< The broker itself cannot read this place.
    fatal,         ///< Asking again brings the same answer until somebody changes the cluster.
};

inline LeaderErrorKind leader_error_kind(ErrorCode code) {
    switch (code) {
        case ErrorCode::none:
            return LeaderErrorKind::none;

        // The broker lags behind the Metadata that we have (KIP-320), or is not ready to answer yet (KIP-207).
        case ErrorCode::unknown_leader_epoch:
        case ErrorCode::offset_not_available:
        case ErrorCode::request_timed_out:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::throttling_quota_exceeded:
        case ErrorCode::unknown_server_error:
            return LeaderErrorKind::retry;

        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::leader_not_available:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::broker_not_available:
        case ErrorCode::replica_not_available:
        case ErrorCode::network_exception:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::listener_not_found:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::inconsistent_topic_id:
        case ErrorCode::new_leader_elected:
            return LeaderErrorKind::refresh;

        case ErrorCode::offset_out_of_range:
            return LeaderErrorKind::out_of_range;
        case ErrorCode::corrupt_message:
            return LeaderErrorKind::corrupt;
        default:
            return is_retriable(code) ? LeaderErrorKind::refresh : LeaderErrorKind::fatal;
    }
}

}  // namespace kwire
