#include "coordinators/zookeeper/carrier.h"

namespace kwire {

ZookeeperCarrier::ZookeeperCarrier(Engine& engine)
    : engine_(engine),
      session_(engine),
      registration_(engine, session_),
      peers_(engine, session_, registration_),
      topics_(engine, session_, peers_),
      claims_(engine, session_) {}

Task<std::vector<BrokerEndpoint>> ZookeeperCarrier::open(std::shared_ptr<ZookeeperCarrier> self) {
    co_await SessionKeeper::open_first(self->hold(self->session_));
    std::vector<BrokerEndpoint> brokers;
    if (!self->topics_.brokers_from_zookeeper()) co_return brokers;
    brokers = co_await self->topics_.list_brokers();
    const auto unusable = self->session_.registry()->take_warnings();
    for (const auto& warning : unusable) self->engine_.report(Peers::unreadable(warning));
    if (brokers.empty() && !unusable.empty()) {
        throw Error(errc::cannot_connect,
                    "no broker that ZooKeeper lists can be used: kwire speaks PLAINTEXT only, neither TLS nor SASL; " +
                        unusable.front().path + " " + unusable.front().what);
    }
    if (brokers.empty()) {
        throw Error(errc::cannot_connect,
                    "ZooKeeper lists no broker below /brokers/ids: start one, correct the path after the servers in "
                    "zookeeper.connect, or, if the brokers do not use ZooKeeper (Kafka 4), name them in bootstrap.servers");
    }
    co_return brokers;
}

Task<void> ZookeeperCarrier::open_next(std::shared_ptr<ZookeeperCarrier> self, SessionNumber number) {
    co_await SessionKeeper::open_next(self->hold(self->session_), number);
    if (self->topics_.brokers_from_zookeeper()) co_await TopicReader::read_brokers(self->hold(self->topics_), number);
}

void ZookeeperCarrier::carry_out(const action::OpenSession& a) { engine_.spawn(open_next(hold(*this), a.session)); }
void ZookeeperCarrier::carry_out(const action::Register& a) {
    engine_.spawn(MemberRegistration::enter(hold(registration_), a));
}
void ZookeeperCarrier::carry_out(const action::UpdateRegistration& a) {
    engine_.spawn(MemberRegistration::update(hold(registration_), a));
}
void ZookeeperCarrier::carry_out(const action::Deregister& a) {
    engine_.spawn(MemberRegistration::leave(hold(registration_), a.session));
}
void ZookeeperCarrier::carry_out(const action::ReadMembers& a) {
    engine_.spawn(Peers::read_members(hold(peers_), a.session));
}
void ZookeeperCarrier::carry_out(const action::ReadPlan& a) { engine_.spawn(Peers::read_plan(hold(peers_), a.session)); }
void ZookeeperCarrier::carry_out(const action::WritePlan& a) { engine_.spawn(Peers::write_plan(hold(peers_), a)); }
void ZookeeperCarrier::carry_out(const action::ListOwners& a) { engine_.spawn(Peers::list_owners(hold(peers_), a)); }
void ZookeeperCarrier::carry_out(const action::ListTopics& a) {
    engine_.spawn(TopicReader::list(hold(topics_), a.session));
}
void ZookeeperCarrier::carry_out(const action::ReadTopic& a) { engine_.spawn(TopicReader::read(hold(topics_), a)); }
void ZookeeperCarrier::carry_out(const action::Claim& a) { engine_.spawn(Claims::claim(hold(claims_), a)); }
void ZookeeperCarrier::carry_out(const action::WatchOwner& a) { engine_.spawn(Claims::watch_owner(hold(claims_), a)); }
void ZookeeperCarrier::carry_out(const action::WatchClaim& a) { engine_.spawn(Claims::watch_claim(hold(claims_), a)); }
void ZookeeperCarrier::carry_out(const action::Release& a) { engine_.spawn(Claims::release(hold(claims_), a)); }

}  // namespace kwire
