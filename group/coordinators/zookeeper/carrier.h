// Carries out, in ZooKeeper, what the state machine orders: its parts, wired.
//
// Threads: the strand.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "coordinators/zookeeper/claims.h"
#include "coordinators/zookeeper/peers.h"
#include "coordinators/zookeeper/registration.h"
#include "coordinators/zookeeper/session_keeper.h"
#include "coordinators/zookeeper/topic_reader.h"
#include "engine.h"

namespace kwire {

class ZookeeperCarrier {
 public:
    explicit ZookeeperCarrier(Engine& engine);

    /// Opens the first session, and returns the brokers to connect to: those that ZooKeeper lists unless bootstrap servers
    /// are given. Throws.
    static Task<std::vector<BrokerEndpoint>> open(std::shared_ptr<ZookeeperCarrier> self);
    static Task<void> open_next(std::shared_ptr<ZookeeperCarrier> self, SessionNumber number);

    SessionKeeper& session() { return session_; }
    const SessionKeeper& session() const { return session_; }
    MemberRegistration& registration() { return registration_; }
    const MemberRegistration& registration() const { return registration_; }
    TopicReader& topics() { return topics_; }
    Claims& claims() { return claims_; }

    void carry_out(const action::OpenSession& a);
    void carry_out(const action::Register& a);
    void carry_out(const action::UpdateRegistration& a);
    void carry_out(const action::Deregister& a);
    void carry_out(const action::ReadMembers& a);
    void carry_out(const action::ReadPlan& a);
    void carry_out(const action::WritePlan& a);
    void carry_out(const action::ListOwners& a);
    void carry_out(const action::ListTopics& a);
    void carry_out(const action::ReadTopic& a);
    void carry_out(const action::Claim& a);
    void carry_out(const action::WatchOwner& a);
    void carry_out(const action::WatchClaim& a);
    void carry_out(const action::Release& a);

 private:
    template <class Part>
    std::shared_ptr<Part> hold(Part& part) {
        return engine_.hold(part);
    }

    Engine& engine_;
    SessionKeeper session_;
    MemberRegistration registration_;
    Peers peers_;
    TopicReader topics_;
    Claims claims_;
};

}  // namespace kwire
