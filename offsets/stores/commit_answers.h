// What an error code in the answer to an OffsetCommit means for the member that committed. Pure.
//
// Sources: KIP-62, KIP-345 (instances), KIP-848 (epochs), Kafka's ConsumerCoordinator and CommitRequestManager.
#pragma once

#include <kwire/net/error.h>
#include <kwire/protocol/error_code.h>

namespace kwire {

enum class CommitAction {
    stored,
    retry,                  ///< The coordinator, or the partition, will be ready soon.
    find_coordinator,       ///< It is not, or no longer, the coordinator: look it up, then retry.
    retry_with_new_epoch,   ///< Retry under the new generation or epoch if the partition is still owned, else drop it.
    retry_after_heartbeat,  ///< Once more after the next heartbeat, which tells the generation; then drop it.
    member_lost,            ///< Everything is lost: join again as a new member.
    fenced,                 ///< Another process has our group.instance.id: close, with this reason.
    group_has_members,      ///< A simple commit to a group whose members the broker coordinates.
    refuse,                 ///< Final for this partition.
};

/// as_member: the commit named a member and its generation or epoch. Otherwise it was a simple one, and what is said of
/// members and generations means that the broker has members of its own in the group.
CommitAction commit_action(ErrorCode code, bool as_member);

/// Whether error is the refusal of a simple commit because the broker coordinates members of the group.
bool group_has_members(const Error& error);

}  // namespace kwire
