// A way to ZooKeeper on which answers get lost: the write has happened, and the client cannot know.
//
// Everything is passed on both ways, but for the answers to the 1st, 2nd, 4th, 7th, 11th ... write of each kind that
// succeeded: of these the answer is thrown away, and both connections are closed (CURATOR-498, KAFKA-992).
// Threads: one of its own; all functions may be called by any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kwire::faults {

class ZooKeeperRelay {
 public:
    /// servers as ZooKeeper's clients take them, without a chroot and with numeric addresses.
    explicit ZooKeeperRelay(const std::string& servers);
    ~ZooKeeperRelay();

    /// Where it listens, as a client takes it.
    const std::string& address() const { return address_; }
    /// How many answers were lost, by the kind of write: `create`, `create ephemeral`, `setData`, `multi create`,
    /// ...; what a transaction does after its checks makes its kind.
    std::map<std::string, int> lost() const;

 private:
    class Link;

    void run(const std::stop_token& stop);
    std::unique_ptr<Link> accept();
    /// True: the answer to this write is to be lost.
    bool loses(const std::string& kind);

    std::vector<std::pair<std::string, int>> servers_;
    std::size_t next_server_ = 0;
    int listener_ = -1;
    std::string address_;
    mutable std::mutex mutex_;  // guards the two below
    std::map<std::string, int> written_;
    std::map<std::string, int> lost_;
    std::jthread thread_;
};

}  // namespace kwire::faults
