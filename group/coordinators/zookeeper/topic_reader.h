// Which topics there are and which partitions they have, for the state machine; and where the brokers are.
//
// Threads: the strand.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <kwire/net/cluster.h>

#include "coordinators/zookeeper/peers.h"
#include "coordinators/zookeeper/session_keeper.h"
#include "coordinators/zookeeper/topic_source.h"
#include "engine.h"

namespace kwire {

class TopicReader {
 public:
    TopicReader(Engine& engine, SessionKeeper& session, Peers& peers);

    /// Before anything else is asked of it.
    void use(std::shared_ptr<Cluster> cluster);
    void close();

    /// Post TopicRead, TopicsListed.
    static Task<void> read(std::shared_ptr<TopicReader> self, action::ReadTopic a);
    static Task<void> list(std::shared_ptr<TopicReader> self, SessionNumber number);

    /// The brokers that ZooKeeper lists; the cluster follows when they change.
    Task<std::vector<BrokerEndpoint>> list_brokers();
    static Task<void> read_brokers(std::shared_ptr<TopicReader> self, SessionNumber number);
    bool brokers_from_zookeeper() const { return engine_.config().bootstrap.empty(); }
    /// Reads them if the last attempt failed and left no watch.
    void retry_brokers();

    /// Called when a topic is found not to exist.
    void listen(std::function<void(const std::string& topic)> on_missing) { on_missing_ = std::move(on_missing); }

 private:
    std::shared_ptr<TopicSource> source();

    Engine& engine_;
    SessionKeeper& session_;
    Peers& peers_;
    std::shared_ptr<Cluster> cluster_;
    std::shared_ptr<TopicSource> source_;
    SessionNumber source_in_ = 0;  // the session that source_ reads through; 0: none
    bool brokers_unwatched_ = false;
    std::function<void(const std::string& topic)> on_missing_;
};

}  // namespace kwire
