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

namespace {

Outcome outcome(Code code, const std::string& path) {
    return code == Code::ok ? Outcome{} : Outcome{code, path};
}

}  // namespace

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
        const Code code = co_await make_path(session_, path);
        if (code != Code::ok) fail(code, "creating", path);
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

Task<Outcome> Registry::register_member(std::string group, std::string id, Registration registration) {
    require_path_part("the group name", group);
    require_path_part("the member id", id);
    const std::string path = member_path(group, id);
    const std::string data = write_registration(registration);
    Reply<std::string> made = co_await session_->create(path, data, CreateMode::ephemeral);
    if (made.code == Code::no_node) {
        const Code code = co_await make_path(session_, ids_path(group));
        if (code != Code::ok) co_return Outcome{code, ids_path(group)};
        made = co_await session_->create(path, data, CreateMode::ephemeral);
    }
    if (made.ok()) registered(path, 0);
    if (made.code != Code::node_exists) co_return outcome(made.code, path);
    const Reply<Stat> there = co_await session_->exists(path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.ephemeral_owner != session_->id()) co_return outcome(Code::node_exists, path);
    const Reply<Stat> written = co_await session_->set(path, data, there.value.version);
    if (written.ok()) registered(path, written.value.version);
    co_return outcome(written.code, path);
}

Task<Outcome> Registry::update_member(std::string group, std::string id, Registration registration) {
    const std::string path = member_path(group, id);
    const std::string data = write_registration(registration);
    const Reply<Stat> there = co_await session_->exists(path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.ephemeral_owner != session_->id()) co_return outcome(Code::node_exists, path);
    const Reply<Stat> written = co_await session_->set(path, data, there.value.version);
    if (written.ok()) registered(path, written.value.version);
    co_return outcome(written.code, path);
}

Task<Outcome> Registry::take_over_member(std::string group, std::string id,
                                      Registration registration) {
    const std::string path = member_path(group, id);
    const std::string data = write_registration(registration);
    const Reply<Stat> there = co_await session_->exists(path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.ephemeral_owner == session_->id()) {
        registered(path, there.value.version);
        co_return Outcome{};
    }
    // The new node begins at version 0, as the old one did. It is set until its version is one that
    // the other never had: by that the other's commits are told apart.
    std::vector<Op> ops;
    ops.push_back(DeleteOp{path, there.value.version});
    ops.push_back(CreateOp{path, data, CreateMode::ephemeral});
    for (std::int32_t v = 0; v <= there.value.version; ++v) ops.push_back(SetOp{path, data, v});
    const Reply<std::vector<OpResult>> reply = co_await session_->multi(std::move(ops));
    if (reply.ok()) registered(path, there.value.version + 1);
    co_return outcome(reply.code, path);
}

void Registry::registered(const std::string& path, std::int32_t version) {
    registrations_[path] = version;
}

std::int32_t Registry::registration_version(const std::string& path) const {
    const auto found = registrations_.find(path);
    return found == registrations_.end() ? -1 : found->second;
}

Task<Outcome> Registry::deregister_member(std::string group, std::string id) {
    const std::string path = member_path(group, id);
    const Code code = co_await session_->remove(path, -1);
    co_return outcome(code, path);
}

// ---- owners

Task<std::optional<Owner>> Registry::owner(std::string group, TopicPartition tp, Watch watch) {
    const std::string path = owner_path(group, tp);
    Reply<Node> node = co_await session_->get(path, std::move(watch));
    if (node.code == Code::no_node) co_return std::nullopt;
    if (!node.ok()) fail(node.code, "reading", path);
    co_return Owner{std::move(node.value.data), node.value.stat};
}

Task<Outcome> Registry::claim(std::string group, std::string, TopicPartition tp, std::string id) {
    require_path_part("the topic", tp.topic);
    const std::string path = owner_path(group, tp);
    const std::string topic_path = owners_path(group) + "/" + tp.topic;
    Reply<std::string> made = co_await session_->create(path, id, CreateMode::ephemeral);
    if (made.code == Code::no_node) {
        const Code code = co_await make_path(session_, topic_path);
        if (code != Code::ok) co_return Outcome{code, topic_path};
        made = co_await session_->create(path, id, CreateMode::ephemeral);
    }
    if (made.code != Code::node_exists) co_return outcome(made.code, path);
    // Perhaps an earlier try whose answer was lost. Our id alone proves nothing: the node of a
    // session that is gone vanishes with it, and the partition would have no owner while we read
    // it.
    const Reply<Node> there = co_await session_->get(path);
    if (there.code == Code::no_node)
        co_return outcome(Code::node_exists, path);  // gone just now: the caller tries again
    if (!there.ok()) co_return outcome(there.code, path);
    // Whatever it says: a member that changed its rule writes another text than before.
    const bool ours = there.value.stat.ephemeral_owner == session_->id();
    co_return outcome(ours ? Code::ok : Code::node_exists, path);
}

Task<Outcome> Registry::claim_again(std::string group, std::string member, TopicPartition tp,
                                 std::string owner_text) {
    const Outcome claimed = co_await claim(group, member, tp, owner_text);
    if (claimed.code != Code::node_exists) co_return claimed;
    const std::string path = owner_path(group, tp);
    const Reply<Node> there = co_await session_->get(path);
    if (there.code == Code::no_node) co_return outcome(Code::node_exists, path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.data != owner_text) co_return outcome(Code::node_exists, path);
    const std::string checked = member_path(group, member);
    std::vector<Op> ops;
    ops.push_back(CheckOp{checked, registration_version(checked)});
    ops.push_back(DeleteOp{path, there.value.stat.version});
    ops.push_back(CreateOp{path, owner_text, CreateMode::ephemeral});
    const Reply<std::vector<OpResult>> reply = co_await session_->multi(std::move(ops));
    const bool meanwhile = reply.code == Code::no_node || reply.code == Code::bad_version;
    co_return outcome(meanwhile ? Code::node_exists : reply.code, path);
}

Task<Outcome> Registry::release(std::string group, std::string, TopicPartition tp, bool claim_unknown) {
    const std::string path = owner_path(group, tp);
    if (claim_unknown) {
        const Code code = co_await session_->sync(path);
        if (code != Code::ok) co_return outcome(code, path);
    }
    const Reply<Node> there = co_await session_->get(path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.stat.ephemeral_owner != session_->id()) co_return outcome(Code::node_exists, path);
    const Code code = co_await session_->remove(path, there.value.stat.version);
    co_return outcome(code, path);
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
    Read<std::map<TopicPartition, std::string>> owners = read_plan(node->data);
    if (!owners.value) warn(path, owners.problem);
    co_return StoredPlan{std::move(owners.value).value_or(std::map<TopicPartition, std::string>()),
                         node->stat.version};
}

Task<Reply<std::int32_t>> Registry::write_plan(std::string group, std::string member,
                                               std::map<TopicPartition, std::string> owners,
                                               std::int32_t version) {
    const std::string path = plan_path(group);
    const std::string checked = member_path(group, member);
    std::string data = zk::write_plan(owners);
    std::vector<Op> ops;
    ops.push_back(CheckOp{checked, registration_version(checked)});
    if (version < 0) {
        ops.push_back(CreateOp{path, std::move(data), CreateMode::persistent});
    } else {
        ops.push_back(SetOp{path, std::move(data), version});
    }
    const Reply<std::vector<OpResult>> reply = co_await session_->multi(std::move(ops));
    if (reply.ok()) {
        co_return Reply<std::int32_t>{Code::ok, version < 0 ? 0 : reply.value.back().stat.version};
    }
    const bool answered = reply.value.size() == 2;
    if (answered && reply.value.front().code != Code::ok) {
        co_return Reply<std::int32_t>{Code::no_node, {}};  // the registration is not ours any more
    }
    if (answered && reply.code == Code::no_node) {
        co_return Reply<std::int32_t>{Code::bad_version, {}};  // somebody deleted the plan
    }
    co_return Reply<std::int32_t>{reply.code, {}};
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
    const std::string data = std::to_string(next);
    Reply<Stat> written = co_await session_->set(path, data, -1);
    if (written.code == Code::no_node) {
        const Code code = co_await make_path(session_, path);
        if (code != Code::ok) fail(code, "creating", path);
        written = co_await session_->set(path, data, -1);
    }
    if (!written.ok()) fail(written.code, "writing", path);
}

namespace {

std::vector<Op> commit_operations(const std::string& member, std::int32_t member_version, const std::string& group,
                                  const std::vector<Registry::OffsetCommit>& commits) {
    std::vector<Op> ops;
    ops.reserve(commits.size() + 1);
    if (!member.empty()) ops.push_back(CheckOp{member, member_version});
    for (const auto& commit : commits) {
        const std::string path = offset_path(group, commit.tp);
        if (commit.version < 0) {
            ops.push_back(CreateOp{path, std::to_string(commit.next), CreateMode::persistent});
        } else {
            ops.push_back(SetOp{path, std::to_string(commit.next), commit.version});
        }
    }
    return ops;
}

}  // namespace

Task<Reply<std::int32_t>> Registry::commit_offset(std::string group, std::string member,
                                                  TopicPartition tp, std::int64_t next,
                                                  std::int32_t version) {
    std::vector<OffsetCommit> commits(1, OffsetCommit{std::move(tp), next, version});
    const auto reply = co_await commit_offsets(std::move(group), std::move(member), std::move(commits));
    co_return Reply<std::int32_t>{reply.code, reply.ok() ? reply.value.front() : 0};
}

Task<Reply<std::vector<std::int32_t>>> Registry::commit_offsets(std::string group, std::string member,
                                                                std::vector<OffsetCommit> commits) {
    using Versions = Reply<std::vector<std::int32_t>>;
    const std::string checked = member.empty() ? std::string() : member_path(group, member);
    const std::int32_t known = registration_version(checked);
    const std::size_t first = checked.empty() ? 0 : 1;
    Reply<std::vector<OpResult>> reply = co_await session_->multi(commit_operations(checked, known, group, commits));
    // What a multi failed by is told by the results; the whole's code is the same for all operations.
    const bool refused = reply.code == Code::no_node || reply.code == Code::bad_version;
    const bool still_registered =
        !refused || first == 0 || (!reply.value.empty() && reply.value.front().code == Code::ok);
    if (!still_registered) co_return Versions{Code::no_node, {}};
    if (reply.code == Code::no_node) {
        std::set<std::string> topics;
        for (std::size_t i = 0; i < commits.size(); ++i) {
            const bool is_gone = commits[i].version >= 0 && first + i < reply.value.size() &&
                                 reply.value[first + i].code == Code::no_node;
            if (is_gone) co_return Versions{Code::bad_version, {}};
            if (commits[i].version < 0) topics.insert(commits[i].tp.topic);
        }
        for (const std::string& topic : topics) {
            const Code code = co_await make_path(session_, offsets_path(group) + "/" + topic);
            if (code != Code::ok) co_return Versions{code, {}};
        }
        reply = co_await session_->multi(commit_operations(checked, known, group, commits));
    }
    if (!reply.ok()) co_return Versions{reply.code, {}};
    std::vector<std::int32_t> versions;
    versions.reserve(commits.size());
    for (std::size_t i = 0; i < commits.size(); ++i) {
        versions.push_back(commits[i].version < 0 ? 0 : reply.value[first + i].stat.version);
    }
    co_return Versions{Code::ok, std::move(versions)};
}

Task<void> Registry::reset_offsets(std::string group) {
    require_path_part("the group name", group);
    const std::vector<std::string> topics = co_await list(session_, offsets_path(group));
    for (const std::string& topic : topics) {
        co_await remove_tree(session_, offsets_path(group) + "/" + topic);
    }
}

}  // namespace kwire::zk
