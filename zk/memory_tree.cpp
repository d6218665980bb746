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

Code MemoryTree::create(const std::string& path, const std::string& data,
                        std::int64_t ephemeral_owner) {
    if (!valid_path(path)) return Code::bad_arguments;
    if (path == "/") return Code::node_exists;
    const std::string parent_path = parent_of(path);
    const auto parent = nodes_.find(parent_path);
    if (parent == nodes_.end()) return Code::no_node;
    if (nodes_.contains(path)) return Code::node_exists;
    if (parent->second.stat.ephemeral_owner != 0) return Code::no_children_for_ephemerals;
    ++zxid_;
    TreeNode& node = nodes_[path];
    node.data = data;
    node.stat.czxid = node.stat.mzxid = node.children_zxid = zxid_;
    node.stat.ctime = node.stat.mtime = wall_ms_;
    node.stat.ephemeral_owner = ephemeral_owner;
    parent->second.children.insert(path.substr(path.rfind('/') + 1));
    parent->second.children_zxid = zxid_;
    ++parent->second.stat.cversion;
    trigger_(WatchEvent::Type::created, path);
    trigger_(WatchEvent::Type::children_changed, parent_path);
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
    const auto node = nodes_.find(path);
    if (!node->second.children.empty()) return Code::not_empty;
    ++zxid_;
    nodes_.erase(node);
    const std::string parent_path = parent_of(path);
    TreeNode& parent = nodes_.at(parent_path);
    parent.children.erase(path.substr(path.rfind('/') + 1));
    parent.children_zxid = zxid_;
    ++parent.stat.cversion;
    trigger_(WatchEvent::Type::deleted, path);
    trigger_(WatchEvent::Type::children_changed, parent_path);
    return Code::ok;
}

Reply<Stat> MemoryTree::set(const std::string& path, const std::string& data,
                            std::int32_t version) {
    if (const Code code = check(path, version); code != Code::ok) return {code, {}};
    ++zxid_;
    TreeNode& node = nodes_.at(path);
    node.data = data;
    node.stat.mzxid = zxid_;
    node.stat.mtime = wall_ms_;
    ++node.stat.version;
    trigger_(WatchEvent::Type::data_changed, path);
    return {Code::ok, stat_of(node)};
}

Reply<Node> MemoryTree::get(const std::string& path) const {
    if (const Code code = check(path, -1); code != Code::ok) return {code, {}};
    const TreeNode& node = nodes_.at(path);
    return {Code::ok, {node.data, stat_of(node)}};
}

Reply<Children> MemoryTree::children(const std::string& path) const {
    if (const Code code = check(path, -1); code != Code::ok) return {code, {}};
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
    return {check(checked.path, checked.version), {}};
}

Reply<std::vector<OpResult>> MemoryTree::multi(const std::vector<Op>& ops,
                                               std::int64_t session_id) {
    // Tried on a copy first, so that a failure half way leaves no trace. One zxid for the whole, as
    // in a server.
    MemoryTree trial = *this;
    trial.trigger_ = [](WatchEvent::Type, const std::string&) {};
    Reply<std::vector<OpResult>> reply;
    for (const Op& op : ops) {
        OpResult result =
            reply.ok() ? trial.apply(op, session_id) : OpResult{Code::runtime_inconsistency, {}};
        trial.zxid_ = zxid_;
        if (reply.ok()) reply.code = result.code;
        reply.value.push_back(result);
    }
    if (!reply.ok()) {
        for (OpResult& result : reply.value) result.stat = {};
        return reply;
    }
    const std::int64_t before = zxid_;
    for (std::size_t i = 0; i < ops.size(); ++i) {
        reply.value[i] = apply(ops[i], session_id);
        zxid_ = before;
    }
    zxid_ = before + 1;
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
