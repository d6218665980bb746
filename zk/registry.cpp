#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <kwire/zk/gather.h>
#include <kwire/zk/registry.h>

#include "group_paths.h"
#include "node_json.h"
#include "node_operations.h"

namespace kwire::zk {

Registry::Registry(std::shared_ptr<Session> session) : session_(std::move(session)) {}

void Registry::warn(std::string path, std::string what) {
    if (warnings_.size() < 1'000) warnings_.push_back({std::move(path), std::move(what)});
}

std::vector<Warning> Registry::take_warnings() {
    return std::exchange(warnings_, {});
}

// ---- groups

Task<std::vector<std::string>> Registry::groups() {
    std::vector<std::string> names = co_await list(session_, "/consumers");
    co_return names;
}

Task<bool> Registry::group_exists(std::string group) {
    require_path_part("the group name", group);
    const Reply<Stat> reply = co_await session_->exists(group_path(group));
    if (!reply.ok() && reply.code != Code::no_node) fail(reply.code, "reading", group_path(group));
    co_return reply.ok();
}

Task<void> Registry::create_group(std::string group) {
    require_path_part("the group name", group);
    for (const std::string& path : {ids_path(group), owners_path(group), offsets_path(group)}) {
        const Outcome made = co_await make_path(session_, path);
        throw_unless_ok(made, "creating");
    }
}

Task<void> Registry::delete_group(std::string group) {
    require_path_part("the group name", group);
    const std::vector<std::string> ids = co_await list(session_, ids_path(group));
    if (!ids.empty()) {
        throw Error(errc::zookeeper_error, "the group " + group + " has members, the first is " +
                                               ids.front() + "; stop them before deleting it");
    }
    co_await remove_tree(session_, group_path(group));
}

Task<std::vector<std::string>> Registry::member_ids(std::string group, Watch watch) {
    require_path_part("the group name", group);
    std::vector<std::string> ids = co_await list(session_, ids_path(group), std::move(watch));
    co_return ids;
}

Task<std::optional<Member>> Registry::member(std::string group, std::string id, Watch watch) {
    const std::string path = member_path(group, id);
    // A watch on the coming of a member that is gone is of no use: ids are not used twice.
    const Reply<Node> node = co_await session_->get(path, std::move(watch));
    if (node.code == Code::no_node) co_return std::nullopt;
    if (node.code == Code::no_auth) {
        warn(path, unreadable_node(node.code));
        co_return Member{std::move(id), std::nullopt, unreadable_node(node.code), {}};
    }
    if (!node.ok()) fail(node.code, "reading", path);
    Read<Registration> registration = read_registration(node.value.data);
    if (!registration.value) warn(path, registration.problem);
    co_return Member{std::move(id), std::move(registration.value), std::move(registration.problem),
                     node.value.stat};
}

// ---- owners

Task<std::optional<Owner>> Registry::owner(std::string group, TopicPartition tp, Watch watch) {
    require_path_part("the topic", tp.topic);
    const std::string path = owner_path(group, tp);
    Reply<Node> node = co_await session_->get(path, watch);
    if (node.code == Code::no_node) co_return std::nullopt;
    if (node.ok()) co_return Owner{std::move(node.value.data), node.value.stat};
    if (node.code != Code::no_auth) throw refusal("reading", node.outcome());
    // Whose session it is can be seen and watched without any permission, what it says cannot.
    const Reply<Stat> there = co_await session_->exists(path, std::move(watch));
    if (there.code == Code::no_node) co_return std::nullopt;
    if (!there.ok()) throw refusal("reading", there.outcome());
    co_return Owner{{}, there.value, unreadable_node(node.code)};
}

Task<std::vector<std::int32_t>> Registry::owned_partitions(std::string group, std::string topic) {
    require_path_part("the topic", topic);
    const std::vector<std::string> names =
        co_await list(session_, owners_path(group) + "/" + topic);
    std::vector<std::int32_t> partitions;
    for (const std::string& name : names) {
        std::int32_t partition = 0;
        const char* const end = name.data() + name.size();
        const auto read = std::from_chars(name.data(), end, partition);
        if (read.ec == std::errc{} && read.ptr == end) partitions.push_back(partition);
    }
    std::sort(partitions.begin(), partitions.end());
    co_return partitions;
}

Task<std::map<TopicPartition, Owner>> Registry::owners(std::string group) {
    require_path_part("the group name", group);
    const std::vector<TopicPartition> claimed =
        co_await partitions_below(session_, owners_path(group), warnings_);
    std::vector<std::string> paths;
    for (const TopicPartition& tp : claimed) paths.push_back(owner_path(group, tp));
    std::vector<Reply<Node>> nodes = co_await read_all(session_, std::move(paths));
    std::map<TopicPartition, Owner> owners;
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        if (nodes[i].code == Code::no_auth) {
            warn(owner_path(group, claimed[i]), unreadable_node(nodes[i].code));
            owners[claimed[i]] = Owner{{}, {}, unreadable_node(nodes[i].code)};
        }
        if (!nodes[i].ok()) continue;
        owners[claimed[i]] = Owner{std::move(nodes[i].value.data), nodes[i].value.stat};
    }
    co_return owners;
}

// ---- the plan

Task<StoredPlan> Registry::plan(std::string group, Watch watch) {
    require_path_part("the group name", group);
    const std::string path = plan_path(group);
    const std::optional<Node> node = co_await read(session_, path, std::move(watch));
    if (!node) co_return StoredPlan{};
    ReadPlan read_now = read_plan(node->data);
    if (!read_now.value) warn(path, read_now.problem);
    StoredPlan stored;
    stored.version = node->stat.version;
    stored.problem = std::move(read_now.problem);
    stored.replaceable = read_now.replaceable;
    if (read_now.value) stored.owners = std::move(*read_now.value);
    unknown_plans_.erase(group);
    if (!stored.replaceable) unknown_plans_[group] = stored.version;
    co_return stored;
}

// ---- offsets

Task<StoredOffset> Registry::offset(std::string group, TopicPartition tp) {
    require_path_part("the group name", group);
    require_path_part("the topic", tp.topic);
    const std::string path = offset_path(group, tp);
    const std::optional<Node> node = co_await read(session_, path);
    if (!node) co_return StoredOffset{};
    const auto next = read_offset(node->data);
    if (!next) {
        throw Error(errc::bad_stored_offset,
                    "the ZooKeeper node " + path + " holds " + excerpt(node->data) +
                        ", which is not an offset; set or reset it",
                    {.target = {}, .api = {}, .topic = tp.topic, .partition = tp.partition});
    }
    co_return StoredOffset{*next, node->stat.version};
}

Task<std::map<TopicPartition, StoredOffset>> Registry::offsets(std::string group) {
    require_path_part("the group name", group);
    const std::vector<TopicPartition> stored =
        co_await partitions_below(session_, offsets_path(group), warnings_);
    std::vector<std::string> paths;
    for (const TopicPartition& tp : stored) paths.push_back(offset_path(group, tp));
    const std::vector<Reply<Node>> nodes = co_await read_all(session_, std::move(paths));
    std::map<TopicPartition, StoredOffset> offsets;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        if (nodes[i].code == Code::no_node) continue;  // deleted meanwhile
        StoredOffset& offset = offsets[stored[i]];
        offset.version = nodes[i].value.stat.version;
        const auto next = nodes[i].ok() ? read_offset(nodes[i].value.data) : std::nullopt;
        if (next) {
            offset.next = *next;
            continue;
        }
        offset.problem = nodes[i].ok() ? "holds " + excerpt(nodes[i].value.data) + ", which is not an offset"
                                       : unreadable_node(nodes[i].code);
        warn(offset_path(group, stored[i]), offset.problem);
    }
    co_return offsets;
}

Task<void> Registry::set_offset(std::string group, TopicPartition tp, std::int64_t next) {
    require_path_part("the group name", group);
    require_path_part("the topic", tp.topic);
    const std::string path = offset_path(group, tp);
    const Outcome written = co_await write_node(session_, path, std::to_string(next));
    throw_unless_ok(written, "writing");
}

Task<void> Registry::reset_offsets(std::string group) {
    require_path_part("the group name", group);
    const std::vector<std::string> topics = co_await list(session_, offsets_path(group));
    for (const std::string& topic : topics) {
        co_await remove_tree(session_, offsets_path(group) + "/" + topic);
    }
}

}  // namespace kwire::zk
