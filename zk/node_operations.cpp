#include "node_operations.h"

#include <charconv>

#include <kwire/zk/gather.h>

#include "node_json.h"
#include "paths.h"

namespace kwire::zk {

namespace {

errc condition_of(Code code) {
    switch (code) {
        case Code::connection_loss:
        case Code::operation_timeout:
            return errc::connection_lost;
        case Code::session_expired:
            return errc::session_expired;
        case Code::closing:
            return errc::closed;
        case Code::too_large:
            return errc::message_too_large;
        default:
            return errc::zookeeper_error;
    }
}

/// What to do about it; empty if only a retry or nothing helps.
std::string_view advice(Code code) {
    switch (code) {
        case Code::no_auth:
            return "; the ACL of this node or of its parent does not allow it: give credentials that it names "
                   "(zookeeper.auth), or have the ACL changed";
        case Code::invalid_acl:
            return "; ZooKeeper does not accept the ACL for new nodes: check zookeeper.acl (an ACL of the scheme auth "
                   "needs zookeeper.auth)";
        case Code::auth_failed:
            return "; ZooKeeper refused the credentials: check zookeeper.auth";
        case Code::bad_arguments:
            return "; a name in this path is not allowed in ZooKeeper, or an ACL is not valid";
        case Code::no_children_for_ephemerals:
            return "; its parent is an ephemeral node, which cannot have children: delete the parent";
        case Code::too_large:
            return "; make it smaller (subscribe by an expression, or to fewer topics in one group), or raise "
                   "jute.maxbuffer on every ZooKeeper server, and SessionConfig::request_bytes_max";
        default:
            return "";
    }
}

}  // namespace

Error refusal(std::string_view doing, const Outcome& outcome) {
    std::string what = std::string(doing) + " ZooKeeper node " + outcome.path + ": " + std::string(name(outcome.code));
    if (!outcome.detail.empty()) what += " (" + outcome.detail + ")";
    return {condition_of(outcome.code), what.append(advice(outcome.code))};
}

void fail(Code code, std::string_view doing, const std::string& path) {
    throw refusal(doing, {code, path});
}

void throw_unless_ok(const Outcome& outcome, std::string_view doing) {
    if (!outcome.ok()) throw refusal(doing, outcome);
}

std::string unreadable_node(Code code) {
    return "cannot be read: ZooKeeper answers " + std::string(name(code));
}

void require_path_part(std::string_view what, const std::string& part) {
    if (part.find('/') == std::string::npos && valid_path("/" + part) && !part.empty()) return;
    throw Error(errc::invalid_config,
                std::string(what) + " " + excerpt(part) +
                    " cannot be the name of a ZooKeeper node: it must not be empty, . or .., nor "
                    "hold a slash or control characters");
}

CreateMode persistent_mode(const std::string& path) {
    return path.starts_with("/consumers/") ? CreateMode::persistent : CreateMode::persistent_open;
}

namespace {

Outcome unless_exists(const Reply<std::string>& made) {
    return made.code == Code::node_exists ? Outcome{} : made.outcome();
}

Task<Outcome> make_nodes(SessionPtr session, std::string path, bool all_open) {
    const CreateMode mode = all_open ? CreateMode::persistent_open : persistent_mode(path);
    Reply<std::string> made = co_await session->create(path, {}, mode);
    if (made.code != Code::no_node || path == "/") co_return unless_exists(made);
    Outcome parent = co_await make_nodes(session, parent_of(path), all_open);
    if (!parent.ok()) co_return parent;
    made = co_await session->create(path, {}, mode);
    co_return unless_exists(made);
}

}  // namespace

Task<Outcome> make_path(SessionPtr session, std::string path) {
    return make_nodes(std::move(session), std::move(path), false);
}

Task<Outcome> make_open_path(SessionPtr session, std::string path) {
    return make_nodes(std::move(session), std::move(path), true);
}

Task<Outcome> write_node(SessionPtr session, std::string path, std::string data) {
    // Others may create it, delete it or delete its parent at the same time, but not for ever.
    Outcome outcome;
    for (int i = 0; i < 5; ++i) {
        const Reply<Stat> written = co_await session->set(path, data, -1);
        if (written.code != Code::no_node) co_return written.outcome();
        const Reply<std::string> made = co_await session->create(path, data, persistent_mode(path));
        outcome = made.outcome();
        if (made.code == Code::node_exists) continue;
        if (made.code != Code::no_node) break;
        const Outcome parent = co_await make_path(session, parent_of(path));
        if (!parent.ok()) co_return parent;
    }
    co_return outcome;
}

namespace {

/// Leaves a watch on path's coming. True if it has come meanwhile, so that it is to be asked again.
Task<bool> came_meanwhile(SessionPtr session, std::string path, Watch watch) {
    const Reply<Stat> reply = co_await session->exists(path, std::move(watch));
    if (!reply.ok() && reply.code != Code::no_node) fail(reply.code, "watching", path);
    co_return reply.ok();
}

/// exists and get each leave a watch where the node comes between them: the caller hears once.
Watch once(Watch watch) {
    if (!watch) return nullptr;
    return [watch = std::move(watch), called = std::make_shared<bool>(false)](const WatchEvent& e) {
        if (std::exchange(*called, true)) return;
        watch(e);
    };
}

}  // namespace

Task<std::vector<std::string>> list(SessionPtr session, std::string path, Watch watch) {
    watch = once(std::move(watch));
    for (;;) {
        Reply<Children> reply = co_await session->children(path, watch);
        if (reply.ok()) co_return std::move(reply.value.names);
        if (reply.code != Code::no_node) fail(reply.code, "listing", path);
        if (!watch) co_return std::vector<std::string>();
        const bool again = co_await came_meanwhile(session, path, watch);
        if (!again) co_return std::vector<std::string>();
    }
}

Task<std::optional<Node>> read(SessionPtr session, std::string path, Watch watch) {
    watch = once(std::move(watch));
    for (;;) {
        Reply<Node> reply = co_await session->get(path, watch);
        if (reply.ok()) co_return std::move(reply.value);
        if (reply.code != Code::no_node) fail(reply.code, "reading", path);
        if (!watch) co_return std::nullopt;
        const bool again = co_await came_meanwhile(session, path, watch);
        if (!again) co_return std::nullopt;
    }
}

Task<std::vector<Reply<Node>>> read_all(SessionPtr session, std::vector<std::string> paths) {
    std::vector<Task<Reply<Node>>> tasks;
    tasks.reserve(paths.size());
    for (const std::string& path : paths) tasks.push_back(session->get(path));
    std::vector<Reply<Node>> replies = co_await gather(std::move(tasks));
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const Code code = replies[i].code;
        if (code != Code::ok && code != Code::no_node && code != Code::no_auth) fail(code, "reading", paths[i]);
    }
    co_return replies;
}

Task<std::vector<TopicPartition>> partitions_below(SessionPtr session, std::string path,
                                                   std::vector<Warning>& unreadable) {
    const std::vector<std::string> topics = co_await list(session, path);
    std::vector<Task<Reply<Children>>> tasks;
    for (const std::string& topic : topics) tasks.push_back(session->children(path + "/" + topic));
    const std::vector<Reply<Children>> replies = co_await gather(std::move(tasks));
    std::vector<TopicPartition> found;
    for (std::size_t i = 0; i < topics.size(); ++i) {
        if (replies[i].code == Code::no_node) continue;
        if (replies[i].code == Code::no_auth) {
            unreadable.push_back({path + "/" + topics[i], unreadable_node(replies[i].code)});
            continue;
        }
        if (!replies[i].ok()) fail(replies[i].code, "listing", path + "/" + topics[i]);
        for (const std::string& name : replies[i].value.names) {
            const auto partition = read_offset(name);
            if (partition && *partition <= INT32_MAX) {
                found.push_back({topics[i], static_cast<std::int32_t>(*partition)});
            }
        }
    }
    co_return found;
}

Task<void> remove_tree(SessionPtr session, std::string path) {
    // As long as somebody adds below it the node cannot go; a few rounds are enough for any that
    // stops.
    Code code = Code::ok;
    for (int round = 0; round < 10; ++round) {
        code = co_await session->remove(path, -1);
        if (code == Code::ok || code == Code::no_node) co_return;
        if (code != Code::not_empty) break;
        const std::vector<std::string> names = co_await list(session, path);
        std::vector<Task<Code>> leaves;
        for (const std::string& name : names)
            leaves.push_back(session->remove(path + "/" + name, -1));
        const std::vector<Code> codes = co_await gather(std::move(leaves));
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (codes[i] == Code::not_empty) co_await remove_tree(session, path + "/" + names[i]);
        }
    }
    fail(code, "removing", path);
}

}  // namespace kwire::zk
