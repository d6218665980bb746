#include "memory_tree.h"

#include <utility>

#include "paths.h"

namespace kwire::zk {

MemoryTree::MemoryTree(Trigger trigger) : trigger_(std::move(trigger)) {
    nodes_["/"];
    create("/zookeeper", {}, 0);  // every real server has it
}

Stat MemoryTree::stat_of(const TreeNode& node) const {
    Stat stat = node.stat;
    stat.data_length = static_cast<std::int32_t>(node.data.size());
    stat.children_count = static_cast<std::int32_t>(node.children.size());
    return stat;
}

bool MemoryTree::is_denied(const std::string& path) const {
    if (acting_ == 0) return false;
    for (const auto& [denied, session] : denials_) {
        if (session != 0 && session != acting_) continue;
        if (path == denied || denied == "/" || path.starts_with(denied + "/")) return true;
    }
    return false;
}

Code MemoryTree::check_access(const std::string& path) const {
    if (!valid_path(path)) return Code::bad_arguments;
    if (!nodes_.contains(path)) return Code::no_node;
    return is_denied(path) ? Code::no_auth : Code::ok;
}

void MemoryTree::happened(WatchEvent::Type type, const std::string& path) {
    if (in_transaction_) {
        events_.emplace_back(type, path);
    } else {
        trigger_(type, path);
    }
}

void MemoryTree::undo_with(std::function<void()> step) {
    if (in_transaction_) undo_.push_back(std::move(step));
}

void MemoryTree::remember_parent(const std::string& path, const TreeNode& parent) {
    undo_with([this, path, stat = parent.stat, zxid = parent.children_zxid] {
        TreeNode& node = nodes_.at(path);
        node.stat = stat;
        node.children_zxid = zxid;
    });
}

Code MemoryTree::create(const std::string& path, const std::string& data,
                        std::int64_t ephemeral_owner) {
    if (!valid_path(path)) return Code::bad_arguments;
    if (path == "/") return Code::node_exists;
    const std::string parent_path = parent_of(path);
    const auto parent = nodes_.find(parent_path);
    if (parent == nodes_.end()) return Code::no_node;
    if (is_denied(parent_path)) return Code::no_auth;
    if (nodes_.contains(path)) return Code::node_exists;
    if (parent->second.stat.ephemeral_owner != 0) return Code::no_children_for_ephemerals;
    ++zxid_;
    const std::string name = path.substr(path.rfind('/') + 1);
    undo_with([this, path, parent_path, name] {
        nodes_.erase(path);
        nodes_.at(parent_path).children.erase(name);
    });
    remember_parent(parent_path, parent->second);
    TreeNode& node = nodes_[path];
    node.data = data;
    node.stat.czxid = node.stat.mzxid = node.children_zxid = zxid_;
    node.stat.ctime = node.stat.mtime = wall_ms_;
    node.stat.ephemeral_owner = ephemeral_owner;
    parent->second.children.insert(name);
    parent->second.children_zxid = zxid_;
    ++parent->second.stat.cversion;
    happened(WatchEvent::Type::created, path);
    happened(WatchEvent::Type::children_changed, parent_path);
    return Code::ok;
}

Code MemoryTree::check(const std::string& path, std::int32_t version) const {
    if (!valid_path(path)) return Code::bad_arguments;
    const auto node = nodes_.find(path);
    if (node == nodes_.end()) return Code::no_node;
    if (version != -1 && version != node->second.stat.version) return Code::bad_version;
    return Code::ok;
}

Code MemoryTree::remove(const std::string& path, std::int32_t version) {
    if (path == "/") return Code::bad_arguments;
    if (const Code code = check(path, version); code != Code::ok) return code;
    const std::string parent_path = parent_of(path);
    if (is_denied(parent_path)) return Code::no_auth;
    const auto node = nodes_.find(path);
    if (!node->second.children.empty()) return Code::not_empty;
    ++zxid_;
    const std::string name = path.substr(path.rfind('/') + 1);
    TreeNode& parent = nodes_.at(parent_path);
    undo_with([this, path, parent_path, name, removed = node->second] {
        nodes_[path] = removed;
        nodes_.at(parent_path).children.insert(name);
    });
    remember_parent(parent_path, parent);
    nodes_.erase(node);
    parent.children.erase(name);
    parent.children_zxid = zxid_;
    ++parent.stat.cversion;
    happened(WatchEvent::Type::deleted, path);
    happened(WatchEvent::Type::children_changed, parent_path);
    return Code::ok;
}

Reply<Stat> MemoryTree::set(const std::string& path, const std::string& data,
                            std::int32_t version) {
    if (const Code code = check_access(path); code != Code::ok) return {code, {}};
    if (const Code code = check(path, version); code != Code::ok) return {code, {}};
    ++zxid_;
    TreeNode& node = nodes_.at(path);
    undo_with([this, path, before = node.data, stat = node.stat] {
        TreeNode& changed = nodes_.at(path);
        changed.data = before;
        changed.stat = stat;
    });
    node.data = data;
    node.stat.mzxid = zxid_;
    node.stat.mtime = wall_ms_;
    ++node.stat.version;
    happened(WatchEvent::Type::data_changed, path);
    return {Code::ok, stat_of(node)};
}

Reply<Stat> MemoryTree::stat(const std::string& path) const {
    if (const Code code = check(path, -1); code != Code::ok) return {code, {}};
    return {Code::ok, stat_of(nodes_.at(path))};
}

Reply<Node> MemoryTree::get(const std::string& path) const {
    if (const Code code = check_access(path); code != Code::ok) return {code, {}};
    const TreeNode& node = nodes_.at(path);
    return {Code::ok, {node.data, stat_of(node)}};
}

Reply<Children> MemoryTree::children(const std::string& path) const {
    if (const Code code = check_access(path); code != Code::ok) return {code, {}};
    const TreeNode& node = nodes_.at(path);
    return {Code::ok, {{node.children.begin(), node.children.end()}, stat_of(node)}};
}

std::int64_t MemoryTree::children_zxid(const std::string& path) const {
    const auto node = nodes_.find(path);
    return node == nodes_.end() ? -1 : node->second.children_zxid;
}

OpResult MemoryTree::apply(const Op& op, std::int64_t session_id) {
    if (const auto* made = std::get_if<CreateOp>(&op)) {
        return {
            create(made->path, made->data, made->mode == CreateMode::ephemeral ? session_id : 0),
            {}};
    }
    if (const auto* removed = std::get_if<DeleteOp>(&op)) {
        return {remove(removed->path, removed->version), {}};
    }
    if (const auto* written = std::get_if<SetOp>(&op)) {
        const Reply<Stat> reply = set(written->path, written->data, written->version);
        return {reply.code, reply.value};
    }
    const auto& checked = std::get<CheckOp>(op);
    if (const Code code = check_access(checked.path); code != Code::ok) return {code, {}};
    return {check(checked.path, checked.version), {}};
}

Reply<std::vector<OpResult>> MemoryTree::multi(const std::vector<Op>& ops, std::int64_t session_id) {
    // One zxid for the whole, as in a server.
    const std::int64_t before = zxid_;
    in_transaction_ = true;
    Reply<std::vector<OpResult>> reply;
    for (const Op& op : ops) {
        zxid_ = before;
        reply.value.push_back(reply.ok() ? apply(op, session_id) : OpResult{Code::runtime_inconsistency, {}});
        if (reply.ok()) reply.code = reply.value.back().code;
    }
    in_transaction_ = false;
    const auto undo = std::exchange(undo_, {});
    const auto events = std::exchange(events_, {});
    if (!reply.ok()) {
        for (auto step = undo.rbegin(); step != undo.rend(); ++step) (*step)();
        for (OpResult& result : reply.value) result.stat = {};
        zxid_ = before;
        return reply;
    }
    zxid_ = before + 1;
    for (const auto& [type, path] : events) trigger_(type, path);
    return reply;
}

void MemoryTree::remove_ephemerals(std::int64_t session_id) {
    std::vector<std::string> owned;
    for (const auto& [path, node] : nodes_) {
        if (node.stat.ephemeral_owner == session_id) owned.push_back(path);
    }
    const std::int64_t before = zxid_;
    for (const std::string& path : owned) {
        zxid_ = before;
        remove(path, -1);
    }
    zxid_ = before + 1;
}

}  // namespace kwire::zk
