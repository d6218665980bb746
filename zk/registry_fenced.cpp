// The part of the registry that a registration protects: registering and leaving, claims, the plan and commits.
//
// The fence of a registration is an ephemeral node of the same session, made in the same transaction as the node below
// ids. Its version is 0 until another process takes the id over and sets it. Every change that only the registered
// member may make is one transaction with the check of that version, so it fails if the session has ended, if the
// member has left and if it was taken over, but not if the member's subscription was updated.
#include <set>
#include <utility>

#include <kwire/zk/gather.h>
#include <kwire/zk/registry.h>

#include "group_paths.h"
#include "node_json.h"
#include "node_operations.h"

namespace kwire::zk {

namespace {

/// Between looking at nodes and changing them others may change them too; more often than this is no coincidence.
constexpr int tries_max = 5;

Outcome outcome(Code code, const std::string& path, std::string detail = {}) {
    return code == Code::ok ? Outcome{} : Outcome{code, path, std::move(detail)};
}

bool is_race(Code code) {
    return code == Code::no_node || code == Code::node_exists || code == Code::bad_version;
}

Outcome too_many_races(const std::string& path) {
    return {Code::bad_version, path, "others change it all the time"};
}

/// Who is registered under an id, and the state of this session's fence for it.
struct Look {
    Reply<Stat> member;
    Reply<Stat> fence;
    std::int64_t session = 0;

    bool is_registered() const { return member.ok() && member.value.ephemeral_owner == session; }
    bool is_foreign() const { return member.ok() && member.value.ephemeral_owner != session; }
    bool is_fence_missing() const { return fence.code == Code::no_node; }
    bool is_taken_over() const {
        return fence.ok() && (fence.value.version != 0 || fence.value.ephemeral_owner != session);
    }
    /// Why it could not be looked at; ok if it could.
    Outcome problem(const std::string& group, const std::string& id) const {
        if (!member.ok() && member.code != Code::no_node) return outcome(member.code, member_path(group, id));
        if (!fence.ok() && fence.code != Code::no_node) return outcome(fence.code, fence_path(group, id, session));
        return {};
    }
};

Task<Look> look_at(SessionPtr session, std::string group, std::string id) {
    std::vector<Task<Reply<Stat>>> tasks;
    tasks.push_back(session->exists(member_path(group, id)));
    tasks.push_back(session->exists(fence_path(group, id, session->id())));
    std::vector<Reply<Stat>> replies = co_await gather(std::move(tasks));
    co_return Look{std::move(replies[0]), std::move(replies[1]), session->id()};
}

std::string taken_over_by(const Session& session) {
    char text[64];
    std::snprintf(text, sizeof text, "taken over by session %016llx", static_cast<unsigned long long>(session.id()));
    return text;
}

/// Fences the session that holds the id now, whatever becomes of its nodes. If its fence was deleted by a tool one is
/// put there that has been set, so that the session cannot make it again.
void fence_off(std::vector<Op>& ops, const std::string& fence, const Reply<Stat>& seen, const Session& by) {
    std::int32_t version = seen.value.version;
    if (seen.code == Code::no_node) {
        ops.push_back(CreateOp{fence, {}, CreateMode::ephemeral});
        version = 0;
    }
    ops.push_back(SetOp{fence, taken_over_by(by), version});
}

/// op, with the proof that nobody took this session's place since seen, also if a tool deleted the fence; afterwards
/// there is none. A fence that was set stays: who took over needs it.
Task<Reply<std::vector<OpResult>>> leave_with(SessionPtr session, std::string group, std::string id, Look seen,
                                              std::optional<Op> op) {
    const std::string fence = fence_path(group, id, seen.session);
    std::vector<Op> ops;
    if (seen.is_fence_missing()) {
        const Outcome parent = co_await make_path(session, fences_path(group));
        if (!parent.ok()) co_return Reply<std::vector<OpResult>>{parent.code, {}, parent.path, parent.detail};
        ops.push_back(CreateOp{fence, {}, CreateMode::ephemeral});
    }
    if (op) ops.push_back(std::move(*op));
    if (seen.is_taken_over()) {
        ops.push_back(CheckOp{fence, seen.fence.value.version});
    } else {
        ops.push_back(DeleteOp{fence, 0});
    }
    Reply<std::vector<OpResult>> reply = co_await session->multi(std::move(ops));
    co_return reply;
}

}  // namespace

// ---- members

Task<Outcome> Registry::register_member(std::string group, std::string id, Registration registration) {
    return enter(std::move(group), std::move(id), std::move(registration), false);
}

Task<Outcome> Registry::take_over_member(std::string group, std::string id, Registration registration) {
    return enter(std::move(group), std::move(id), std::move(registration), true);
}

namespace {

/// What makes the nodes say that this session is registered. older_fence: of the session that is now, if there is one.
std::vector<Op> entering(const std::string& group, const std::string& id, const std::string& data, const Look& seen,
                         const Reply<Stat>& older_fence, const Session& session) {
    const std::string member = member_path(group, id);
    const std::string fence = fence_path(group, id, seen.session);
    std::vector<Op> ops;
    if (seen.is_registered()) {
        ops.push_back(SetOp{member, data, seen.member.value.version});
    } else {
        if (seen.is_foreign()) {
            const std::int64_t older = seen.member.value.ephemeral_owner;
            if (older != 0) fence_off(ops, fence_path(group, id, older), older_fence, session);
            ops.push_back(DeleteOp{member, seen.member.value.version});
        }
        ops.push_back(CreateOp{member, data, CreateMode::ephemeral});
    }
    if (seen.is_fence_missing()) {
        ops.push_back(CreateOp{fence, id, CreateMode::ephemeral});
    } else {
        ops.push_back(CheckOp{fence, 0});
    }
    return ops;
}

}  // namespace

Task<Outcome> Registry::enter(std::string group, std::string id, Registration registration, bool take_over) {
    require_path_part("the group name", group);
    require_path_part("the member id", id);
    const std::string data = write_registration(registration);
    Look seen;  // most often nothing is there yet
    seen.member.code = seen.fence.code = Code::no_node;
    seen.session = session_->id();
    Reply<Stat> older_fence;
    for (int i = 0; i < tries_max; ++i) {
        std::vector<Op> ops = entering(group, id, data, seen, older_fence, *session_);
        const Results reply = co_await session_->multi(std::move(ops));
        if (reply.ok() || !is_race(reply.code)) co_return reply.outcome();
        if (reply.code == Code::no_node) {
            for (const std::string& parent : {ids_path(group), fences_path(group)}) {
                const Outcome made = co_await make_path(session_, parent);
                if (!made.ok()) co_return made;
            }
        }
        seen = co_await look_at(session_, group, id);
        const Outcome problem = seen.problem(group, id);
        if (!problem.ok()) co_return problem;
        if (seen.is_taken_over()) {
            co_return outcome(Code::node_exists, fence_path(group, id, seen.session),
                              "another process has taken this session's place");
        }
        if (!seen.is_foreign()) continue;
        if (!take_over) co_return outcome(Code::node_exists, member_path(group, id));
        const std::string older = fence_path(group, id, seen.member.value.ephemeral_owner);
        older_fence = co_await session_->exists(older);
        if (!older_fence.ok() && older_fence.code != Code::no_node) co_return outcome(older_fence.code, older);
    }
    co_return too_many_races(member_path(group, id));
}

Task<Outcome> Registry::update_member(std::string group, std::string id, Registration registration) {
    const std::string path = member_path(group, id);
    const std::string data = write_registration(registration);
    for (int i = 0; i < tries_max; ++i) {
        const Reply<Stat> there = co_await session_->exists(path);
        if (!there.ok()) co_return outcome(there.code, path);
        if (there.value.ephemeral_owner != session_->id()) co_return outcome(Code::node_exists, path);
        std::vector<Op> ops;
        ops.push_back(SetOp{path, data, there.value.version});
        const Results reply = co_await fenced(group, id, std::move(ops));
        const bool raced = !reply.value.empty() && is_race(reply.code);
        if (!raced) co_return reply.outcome();
    }
    co_return too_many_races(path);
}

Task<Outcome> Registry::deregister_member(std::string group, std::string id) {
    const std::string path = member_path(group, id);
    for (int i = 0; i < tries_max; ++i) {
        const Look seen = co_await look_at(session_, group, id);
        const Outcome problem = seen.problem(group, id);
        if (!problem.ok()) co_return problem;
        const Outcome left = outcome(seen.is_foreign() ? Code::node_exists : seen.member.code, path);
        if (!seen.is_registered() && (seen.is_fence_missing() || seen.is_taken_over())) co_return left;
        std::optional<Op> remove;
        if (seen.is_registered()) remove = DeleteOp{path, seen.member.value.version};
        const Results reply = co_await leave_with(session_, group, id, seen, std::move(remove));
        if (reply.ok()) co_return left;
        if (!is_race(reply.code)) co_return reply.outcome();
    }
    co_return too_many_races(path);
}

// ---- the fence

/// One transaction: the check that this session's registration of member stands, then ops, whose results are returned.
/// No results: the fence, or the connection, refused; no_node is the answer if the registration is gone or was taken
/// over. An empty member leaves the check out.
Task<Registry::Results> Registry::fenced(std::string group, std::string member, std::vector<Op> ops, bool once) {
    if (member.empty()) {
        Results reply = co_await session_->multi(std::move(ops));
        co_return reply;
    }
    const std::string fence = fence_path(group, member, session_->id());
    ops.insert(ops.begin(), CheckOp{fence, 0});
    for (bool is_mended = false;;) {
        Results reply = co_await session_->multi(ops);
        if (reply.value.empty()) co_return reply;
        const Code checked = reply.value.front().code;
        if (checked == Code::no_node && !is_mended) {
            const Outcome mended = co_await mend_fence(group, member);
            if (!mended.ok()) co_return Results{mended.code, {}, mended.path, mended.detail};
            if (once) co_return Results{Code::runtime_inconsistency, {}, fence, "the fence was missing, and is made again"};
            is_mended = true;
            continue;
        }
        if (checked == Code::ok || !is_race(checked)) {
            reply.value.erase(reply.value.begin());
            co_return reply;
        }
        co_return Results{Code::no_node, {}, fence, "another process has taken this session's place"};
    }
}

/// Makes the fence again if a tool deleted it under a registration that is still this session's. Who took over in
/// between left a fence that cannot be made again.
Task<Outcome> Registry::mend_fence(std::string group, std::string member) {
    const std::string path = member_path(group, member);
    const Reply<Stat> there = co_await session_->exists(path);
    if (!there.ok()) co_return outcome(there.code, path);
    if (there.value.ephemeral_owner != session_->id()) {
        co_return outcome(Code::no_node, path, "another process registered the same id");
    }
    const Outcome parent = co_await make_path(session_, fences_path(group));
    if (!parent.ok()) co_return parent;
    std::vector<Op> ops;
    ops.push_back(CheckOp{path, there.value.version});
    ops.push_back(CreateOp{fence_path(group, member, session_->id()), member, CreateMode::ephemeral});
    const Results reply = co_await session_->multi(std::move(ops));
    // One that is there by now is as good: the transaction to come checks its version.
    if (is_race(reply.code)) co_return Outcome{};
    co_return reply.outcome();
}

// ---- owners

namespace {

std::string why_not_claimed(const Stat& stat) {
    if (stat.ephemeral_owner != 0) return {};
    return "the node is persistent, so no end of a session frees it: delete it if no member owns the partition";
}

}  // namespace

Task<Outcome> Registry::claim(std::string group, std::string member, TopicPartition tp, std::string owner_text) {
    require_path_part("the topic", tp.topic);
    const std::string path = owner_path(group, tp);
    for (int i = 0; i < tries_max; ++i) {
        std::vector<Op> ops;
        ops.push_back(CreateOp{path, owner_text, CreateMode::ephemeral});
        const Results reply = co_await fenced(group, member, std::move(ops));
        if (reply.ok() || reply.value.empty()) co_return reply.outcome();
        if (reply.code == Code::no_node) {
            const Outcome made = co_await make_path(session_, owners_path(group) + "/" + tp.topic);
            if (!made.ok()) co_return made;
            continue;
        }
        if (reply.code != Code::node_exists) co_return reply.outcome();
        // Perhaps an earlier try of ours whose answer was lost, whatever it says. Our id alone proves nothing: the
        // node of a session that is gone vanishes with it, and the partition would have no owner while we read it.
        const Reply<Stat> there = co_await session_->exists(path);
        if (there.code == Code::no_node) continue;
        if (!there.ok()) co_return outcome(there.code, path);
        if (there.value.ephemeral_owner == session_->id()) co_return Outcome{};
        co_return outcome(Code::node_exists, path, why_not_claimed(there.value));
    }
    co_return outcome(Code::node_exists, path, "others claim and release it all the time");
}

Task<Outcome> Registry::claim_again(std::string group, std::string member, TopicPartition tp, std::string owner_text) {
    Outcome claimed = co_await claim(group, member, tp, owner_text);
    if (claimed.code != Code::node_exists || member.empty()) co_return claimed;
    claimed = co_await replace_claim(std::move(group), std::move(member), std::move(tp), std::move(owner_text));
    co_return claimed;
}

/// The node that is replaced must be the one that was looked at, and a version does not say so: every claim begins at
/// 0. So the older session is fenced first, after which it can neither release nor claim, and its fence, which goes
/// when that session ends, is checked in the transaction that replaces the node.
Task<Outcome> Registry::replace_claim(std::string group, std::string member, TopicPartition tp,
                                      std::string owner_text) {
    const std::string path = owner_path(group, tp);
    for (int i = 0; i < tries_max; ++i) {
        const Reply<Node> there = co_await session_->get(path);
        if (there.code == Code::no_node) co_return outcome(Code::node_exists, path);  // gone just now
        if (!there.ok()) co_return outcome(there.code, path);
        const std::int64_t older = there.value.stat.ephemeral_owner;
        if (older == session_->id()) co_return Outcome{};
        if (older == 0 || there.value.data != owner_text) {
            co_return outcome(Code::node_exists, path, why_not_claimed(there.value.stat));
        }
        const std::string older_path = fence_path(group, member, older);
        const Reply<Stat> fence = co_await session_->exists(older_path);
        if (!fence.ok() && fence.code != Code::no_node) co_return outcome(fence.code, older_path);
        // Without the fence of that very session its end must be waited for.
        if (!fence.ok() || fence.value.ephemeral_owner != older) co_return outcome(Code::node_exists, path);
        std::vector<Op> ops;
        const bool is_fenced = fence.value.version != 0;
        if (is_fenced) {
            ops.push_back(CheckOp{older_path, fence.value.version});
            ops.push_back(DeleteOp{path, there.value.stat.version});
            ops.push_back(CreateOp{path, owner_text, CreateMode::ephemeral});
        } else {
            fence_off(ops, older_path, fence, *session_);
        }
        const Results reply = co_await fenced(group, member, std::move(ops));
        if (reply.ok() && is_fenced) co_return Outcome{};
        const bool again = reply.ok() || (!reply.value.empty() && is_race(reply.code));
        if (!again) co_return reply.outcome();
    }
    co_return outcome(Code::node_exists, path);
}

Task<Outcome> Registry::release(std::string group, std::string member, TopicPartition tp, bool claim_unknown) {
    const std::string path = owner_path(group, tp);
    if (claim_unknown) {
        const Code code = co_await session_->sync(path);
        if (code != Code::ok) co_return outcome(code, path);
    }
    for (int i = 0; i < tries_max; ++i) {
        const Reply<Stat> there = co_await session_->exists(path);
        if (!there.ok()) co_return outcome(there.code, path);
        if (there.value.ephemeral_owner != session_->id()) co_return outcome(Code::node_exists, path);
        const DeleteOp remove{path, there.value.version};
        std::vector<Op> ops(1, remove);
        Results reply = co_await fenced(group, member, std::move(ops));
        if (reply.code == Code::no_node && reply.value.empty()) {
            // Not registered any more, the node is still ours unless we were taken over.
            const Look seen = co_await look_at(session_, group, member);
            const Outcome problem = seen.problem(group, member);
            if (!problem.ok()) co_return problem;
            if (!seen.is_fence_missing()) {
                if (seen.is_taken_over()) co_return outcome(Code::node_exists, path, reply.detail);
                continue;
            }
            reply = co_await leave_with(session_, group, member, seen, remove);
        }
        if (reply.ok() || !is_race(reply.code)) co_return reply.outcome();
    }
    co_return too_many_races(path);
}

// ---- the plan

Task<Reply<std::int32_t>> Registry::write_plan(std::string group, std::string member,
                                               std::map<TopicPartition, std::string> owners, std::int32_t version) {
    using Version = Reply<std::int32_t>;
    const std::string path = plan_path(group);
    const auto unknown = unknown_plans_.find(group);
    if (unknown != unknown_plans_.end() && unknown->second == version) {
        co_return Version{Code::bad_arguments, {}, path, "the plan there is of a format that this kwire does not know"};
    }
    std::optional<std::string> data = zk::write_plan(owners);
    if (!data) {
        co_return Version{Code::too_large, {}, path, "a plan of " + std::to_string(owners.size()) + " partitions"};
    }
    std::vector<Op> ops;
    if (version < 0) {
        ops.push_back(CreateOp{path, std::move(*data), CreateMode::persistent});
    } else {
        ops.push_back(SetOp{path, std::move(*data), version});
    }
    const Results reply = co_await fenced(group, member, std::move(ops));
    if (reply.ok()) co_return Version{Code::ok, version < 0 ? 0 : reply.value.back().stat.version};
    const bool plan_is_gone = reply.code == Code::no_node && !reply.value.empty();
    co_return Version{plan_is_gone ? Code::bad_version : reply.code, {}, reply.path, reply.detail};
}

// ---- commits

Task<Reply<std::int32_t>> Registry::commit_offset(std::string group, std::string member, TopicPartition tp,
                                                  std::int64_t next, std::int32_t version, bool once) {
    std::vector<OffsetCommit> commits(1, OffsetCommit{std::move(tp), next, version});
    const auto reply = co_await commit_offsets(std::move(group), std::move(member), std::move(commits), once);
    co_return Reply<std::int32_t>{reply.code, reply.ok() ? reply.value.front() : 0, reply.path, reply.detail};
}

namespace {

std::vector<Op> commit_operations(const std::string& group, const std::vector<Registry::OffsetCommit>& commits) {
    std::vector<Op> ops;
    ops.reserve(commits.size() + 1);
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

Task<Reply<std::vector<std::int32_t>>> Registry::commit_offsets(std::string group, std::string member,
                                                                std::vector<OffsetCommit> commits, bool once) {
    using Versions = Reply<std::vector<std::int32_t>>;
    Results reply = co_await fenced(group, member, commit_operations(group, commits), once);
    if (reply.code == Code::no_node && !reply.value.empty()) {
        std::set<std::string> topics;
        for (std::size_t i = 0; i < commits.size(); ++i) {
            const std::string path = offset_path(group, commits[i].tp);
            const bool is_gone = commits[i].version >= 0 && reply.value[i].code == Code::no_node;
            if (is_gone) co_return Versions{Code::bad_version, {}, path, "somebody deleted it"};
            if (commits[i].version < 0) topics.insert(commits[i].tp.topic);
        }
        for (const std::string& topic : topics) {
            const Outcome made = co_await make_path(session_, offsets_path(group) + "/" + topic);
            if (!made.ok()) co_return Versions{made.code, {}, made.path, made.detail};
        }
        if (once) co_return Versions{Code::runtime_inconsistency, {}, offsets_path(group), "nodes were missing, and are made"};
        reply = co_await fenced(group, member, commit_operations(group, commits));
    }
    if (!reply.ok()) co_return Versions{reply.code, {}, reply.path, reply.detail};
    std::vector<std::int32_t> versions;
    versions.reserve(commits.size());
    for (std::size_t i = 0; i < commits.size(); ++i) {
        versions.push_back(commits[i].version < 0 ? 0 : reply.value[i].stat.version);
    }
    co_return Versions{Code::ok, std::move(versions)};
}

}  // namespace kwire::zk
