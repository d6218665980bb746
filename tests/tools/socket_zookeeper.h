// A ZooKeeper server on a socket: sessions, the tree, transactions; watches are taken and never fire. For the command as a
// process, where a group of one member is enough.
//
// Threads: the tree may be looked at and changed while the command runs.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "memory_tree.h"
#include "socket_server.h"

namespace kwire::tools::test {

class SocketZookeeper {
 public:
    SocketZookeeper();

    std::string address() const { return server_.address(); }
    void stop() { server_.stop(); }
    /// Creates path, with what is missing above it, or sets it.
    void put(const std::string& path, const std::string& data);
    /// The node's data; empty if there is none.
    std::string get(const std::string& path);
    /// Operations on path are answered with NOAUTH.
    void deny(const std::string& path);
    /// A broker as Kafka 0.8 registers it, and a topic whose partitions it leads.
    void put_broker(std::int32_t id, std::uint16_t port);
    void put_topic(const std::string& topic, int partitions, std::int32_t leader = 1);

 private:
    class Session;

    std::mutex mutex_;
    zk::MemoryTree tree_;
    std::set<std::string> denied_;
    std::int64_t next_session_ = 0x1000;
    SocketServer server_;
};

}  // namespace kwire::tools::test
