// What a member reads of its peers: their registrations, the plan they share, and which partitions have an owner.
//
// Threads: the strand.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <kwire/zk/registry.h>

#include "coordinators/zookeeper/registration.h"
#include "coordinators/zookeeper/session_keeper.h"
#include "engine.h"

namespace kwire {

/// The session's own events say as much already.
inline bool only_means_later(const Error& error) {
    return error.condition() == errc::connection_lost || error.condition() == errc::session_expired;
}

class Peers {
 public:
    Peers(Engine& engine, SessionKeeper& session, MemberRegistration& registration);

    /// Post MembersRead, PlanRead, PlanWritten, OwnersListed.
    static Task<void> read_members(std::shared_ptr<Peers> self, SessionNumber number);
    static Task<void> read_plan(std::shared_ptr<Peers> self, SessionNumber number);
    static Task<void> write_plan(std::shared_ptr<Peers> self, action::WritePlan a);
    static Task<void> list_owners(std::shared_ptr<Peers> self, action::ListOwners a);

    /// Nodes of others that could not be read since the last call.
    void report_warnings();
    static Error unreadable(const zk::Warning& warning);

 private:
    static Task<std::vector<GroupMember>> read_each(std::shared_ptr<Peers> self, SessionNumber number,
                                                    std::vector<std::string> ids);
    static Task<std::optional<GroupMember>> read_one(std::shared_ptr<Peers> self, SessionNumber number, std::string id);
    zk::Watch members_watch(SessionNumber number, std::string id);
    zk::Watch plan_watch(SessionNumber number);

    Engine& engine_;
    SessionKeeper& session_;
    MemberRegistration& registration_;
    std::map<std::string, GroupMember> known_;  // registrations that were read, by id
    SessionNumber known_in_ = 0;                // the session that watches them
};

}  // namespace kwire
