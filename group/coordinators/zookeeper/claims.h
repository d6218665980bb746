// The nodes that say who owns a partition, /consumers/G/owners/TOPIC/PARTITION: claimed, watched and released.
//
// Threads: the strand.
#pragma once

#include <map>
#include <memory>

#include <kwire/zk/registry.h>

#include "coordinators/zookeeper/session_keeper.h"
#include "engine.h"

namespace kwire {

class Claims {
 public:
    Claims(Engine& engine, SessionKeeper& session) : engine_(engine), session_(session) {}

    /// Posts ClaimAnswered.
    static Task<void> claim(std::shared_ptr<Claims> self, action::Claim a);
    /// Waits for another's node to go: posts OwnerGone, OwnerUnreadable or OwnerPersistent.
    static Task<void> watch_owner(std::shared_ptr<Claims> self, action::WatchOwner a);
    /// Looks at our own node now and whenever it changes: posts ClaimSeen each time, until forget().
    static Task<void> watch_claim(std::shared_ptr<Claims> self, action::WatchClaim a);
    /// Posts Released.
    static Task<void> release(std::shared_ptr<Claims> self, action::Release a);
    void forget(SpanId span) { watched_.erase(span); }

 private:
    static Task<void> look(std::shared_ptr<Claims> self, action::WatchClaim a);
    void report_refusal(const char* doing, const zk::Outcome& outcome, const TopicPartition& tp);
    zk::Watch claim_watch(const action::WatchClaim& a);

    Engine& engine_;
    SessionKeeper& session_;
    std::map<SpanId, bool> watched_;  // our own nodes; true: a watch is set
};

}  // namespace kwire
