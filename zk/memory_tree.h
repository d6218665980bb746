// The tree of nodes and watches of the ensemble in memory, and what each operation does to them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

class MemoryTree {
 public:
    /// Reports what happened to a node, at once and in order; a transaction's events only when it has succeeded. The
    /// caller decides whose watches it trips.
    using Trigger = std::function<void(WatchEvent::Type, const std::string& path)>;

    explicit MemoryTree(Trigger trigger);

    /// Who does what follows; 0: the server itself, to whom nothing is denied.
    void act_as(std::int64_t session_id) { acting_ = session_id; }
    /// As an ACL that gives the session (0: all of them) no permission on path and what is below it.
    void deny(const std::string& path, std::int64_t session_id) { denials_.insert({path, session_id}); }
    void allow(const std::string& path, std::int64_t session_id) { denials_.erase({path, session_id}); }

    void set_time(std::int64_t wall_ms) { wall_ms_ = wall_ms; }
    std::int64_t zxid() const { return zxid_; }

    Code create(const std::string& path, const std::string& data, std::int64_t ephemeral_owner);
    Code remove(const std::string& path, std::int32_t version);
    Reply<Stat> set(const std::string& path, const std::string& data, std::int32_t version);
    Reply<Node> get(const std::string& path) const;
    Reply<Stat> stat(const std::string& path) const;  ///< Needs no permission.
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
    Code check_access(const std::string& path) const;
    bool is_denied(const std::string& path) const;
    OpResult apply(const Op& op, std::int64_t session_id);
    void happened(WatchEvent::Type type, const std::string& path);
    void undo_with(std::function<void()> step);
    void remember_parent(const std::string& path, const TreeNode& parent);

    Trigger trigger_;
    std::map<std::string, TreeNode> nodes_;
    std::set<std::pair<std::string, std::int64_t>> denials_;
    std::int64_t acting_ = 0;
    bool in_transaction_ = false;
    std::vector<std::function<void()>> undo_;  ///< Of the transaction, to be run backwards.
    std::vector<std::pair<WatchEvent::Type, std::string>> events_;
    std::int64_t zxid_ = 0;
    std::int64_t wall_ms_ = 0;
};

}  // namespace kwire::zk
