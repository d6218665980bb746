// The watches that a session has left, and how their nodes stood at that time.
//
// The C client leaves all watches anew in one request after a new connection, and one of more than jute.maxbuffer ends
// the connection, at every try (ZOOKEEPER-706). So only the first ones are left to it; the others are taken from it
// when the connection is lost, and the session asks for their nodes again, some at a time. What changed meanwhile is
// told by comparing the node with what is kept here.
// Threads: only on the runtime's strand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

class WatchTable {
 public:
    enum class Kind {
        data,      ///< Of a node that is there.
        absence,   ///< Of a node that is not there.
        children,  ///< Of its list of children.
    };
    struct Entry {
        Watch watch;
        std::string path;  ///< As the server knows it.
        Kind kind = Kind::data;
        Stat stat;              ///< As it was; meaningless for an absence.
        bool is_asked = false;  ///< The operation that leaves it was answered.
        bool is_left = false;   ///< The C client has it, and the server too, or will have it.
    };

    /// The number by which the C client is to know it.
    std::uintptr_t add(Watch watch, std::string path, Kind kind);
    /// The operation that leaves it succeeded.
    void left(std::uintptr_t number, Kind kind, const Stat& stat);
    void drop(std::uintptr_t number) { entries_.erase(number); }
    Entry* find(std::uintptr_t number);
    /// Removes it, to be called. Null if it is not there (any more).
    Watch take(std::uintptr_t number);
    std::vector<Watch> take_all();

    /// The connection is lost: calls forget for each one that the C client must not leave again.
    void keep_first(std::size_t bytes_max, const std::function<void(std::uintptr_t, const Entry&)>& forget);
    /// Up to count of those that are not left.
    std::vector<std::uintptr_t> not_left(std::size_t count) const;

 private:
    std::map<std::uintptr_t, Entry> entries_;
    std::uintptr_t next_ = 1;
};

/// What a watch missed, if its node now is as reply says; nothing if it missed nothing.
std::optional<WatchEvent::Type> missed(const WatchTable::Entry& entry, Code code, const Stat& stat);

}  // namespace kwire::zk
