#include "stores/commit_answers.h"

namespace kwire {

CommitAction commit_action(ErrorCode code, bool as_member) {
    const auto of_member = [as_member](CommitAction action) {
        return as_member ? action : CommitAction::group_has_members;
    };
    switch (code) {
        case ErrorCode::none: return CommitAction::stored;
        case ErrorCode::coordinator_load_in_progress:
        case ErrorCode::request_timed_out:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::unstable_offset_commit:
        // A broker that was just started may not know the topic yet.
        case ErrorCode::unknown_topic_or_partition: return CommitAction::retry;
        case ErrorCode::coordinator_not_available:
        case ErrorCode::not_coordinator:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available: return CommitAction::find_coordinator;
        case ErrorCode::rebalance_in_progress:
        case ErrorCode::stale_member_epoch: return of_member(CommitAction::retry_with_new_epoch);
        case ErrorCode::illegal_generation: return of_member(CommitAction::retry_after_heartbeat);
        case ErrorCode::unknown_member_id:
        case ErrorCode::fenced_member_epoch: return of_member(CommitAction::member_lost);
        case ErrorCode::fenced_instance_id: return of_member(CommitAction::fenced);
        default: return CommitAction::refuse;
    }
}

bool group_has_members(const Error& error) {
    return error.condition() == errc::broker_error && error.where().api == "OffsetCommit" &&
           commit_action(error.broker_code(), false) == CommitAction::group_has_members;
}

}  // namespace kwire
