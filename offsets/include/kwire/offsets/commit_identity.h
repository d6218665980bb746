// Under which name, and until when, a member reads and writes offsets.
//
// Purpose: what a store needs to know of the member, whoever coordinates its group: ZooKeeper's stores bind a write to the
// session of the registration, Kafka's name the member and its generation or epoch. Lifetimes: a value; it shares the
// registration and the lease. Threads: as a value; the lease from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <kwire/net/lease.h>

namespace kwire {

namespace zk {
class Registry;
}

struct CommitIdentity {
    std::string member = {};    ///< The member id; empty: no member, as tools are.
    std::string instance = {};  ///< group.instance.id; empty: not a static member.
    /// The generation of a group that a broker coordinates (classic), or the member's epoch (KIP-848). -1: neither.
    std::int32_t generation_or_epoch = -1;
    /// The session that made the member's registration in ZooKeeper. Null: the group does not use ZooKeeper.
    std::shared_ptr<zk::Registry> registration = {};
    /// Nothing is written unless it holds. Never null.
    std::shared_ptr<const Lease> lease = Lease::unbounded();

    /// The same member under the same registration, perhaps of another generation or epoch: what it marked stays.
    bool same_member(const CommitIdentity& other) const {
        return member == other.member && instance == other.instance && registration == other.registration;
    }
};

}  // namespace kwire
