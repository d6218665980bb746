// The tree of nodes and watches of the ensemble in memory, and what each operation does to them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

class MemoryTree {
 public:
    /// What happened to a node, told at once and in order. Whose watches it trips is the caller's
    /// matter.
    using Trigger = std::function<void(WatchEvent::Type, const std::string& path)>;

    explicit MemoryTree(Trigger trigger);

    void set_time(std::int64_t wall_ms) { wall_ms_ = wall_ms; }
    std::int64_t zxid() const { return zxid_; }

    Code create(const std::string& path, const std::string& data, std::int64_t ephemeral_owner);
    Code remove(const std::string& path, std::int32_t version);
    Reply<Stat> set(const std::string& path, const std::string& data, std::int32_t version);
    Reply<Node> get(const std::string& path) const;
    Reply<Children> children(const std::string& path) const;
    Reply<std::vector<OpResult>> multi(const std::vector<Op>& ops, std::int64_t session_id);
    void remove_ephemerals(std::int64_t session_id);

    /// When the list of its children last changed; -1 if path is not there.
    std::int64_t children_zxid(const std::string& path) const;

 private:
    struct TreeNode {
        std::string data;
        Stat stat;
        std::int64_t children_zxid = 0;
        std::set<std::string> children;
    };

    Stat stat_of(const TreeNode& node) const;
    Code check(const std::string& path, std::int32_t version) const;
    OpResult apply(const Op& op, std::int64_t session_id);

    Trigger trigger_;
    std::map<std::string, TreeNode> nodes_;
    std::int64_t zxid_ = 0;
    std::int64_t wall_ms_ = 0;
};

}  // namespace kwire::zk
