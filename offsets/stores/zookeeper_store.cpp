#include <algorithm>
#include <utility>

#include <kwire/offsets/zookeeper_offset_store.h>
#include <kwire/zk/gather.h>
#include <kwire/zk/registry.h>

#include "store_call.h"

namespace kwire {
namespace {

using RegistryPtr = std::shared_ptr<zk::Registry>;
using Outcome = OffsetStore::Outcome;
using Outcomes = OffsetStore::Outcomes;
using Write = OffsetStore::Write;

/// A conflict is settled by reading and writing again; whoever goes on writing at the same time is
/// not worth more tries.
constexpr int conflict_tries = 5;
// Of one commit: its fence and the nodes above its offsets may be missing, and are made then.
constexpr int commit_tries = 3;

/// So many writes share a transaction: a fraction of the megabyte that ZooKeeper takes (jute.maxbuffer), and not too many
/// are done again by themselves if one of them meets a conflict.
constexpr std::size_t writes_together_max = 100;

Error named(const Write& write, errc code, const std::string& what) {
    return {code, what, {.topic = write.tp.topic, .partition = write.tp.partition, .offset = write.next}};
}

Outcome done(std::int64_t next, std::int64_t version) { return {{.next = next, .version = version}, {}, false}; }

Outcome refused(const Write& write, zk::Code code) {
    using zk::Code;
    const std::string said(zk::name(code));
    switch (code) {
        case Code::connection_loss:
        case Code::operation_timeout:
            return {{},
                    named(write, errc::connection_lost,
                          "the connection to ZooKeeper was lost while storing an offset"),
                    true};
        case Code::session_expired:
        case Code::session_moved:
        case Code::closing:
            return {{},
                    named(write, errc::session_expired,
                          "the ZooKeeper session ended before an offset was stored (" + said + ")"),
                    false};
        case Code::no_node:
            return {{},
                    named(write, errc::not_owner,
                          "this member's registration is gone, so its offset was not stored"),
                    false};
        default:
            return {
                {},
                named(write, errc::zookeeper_error, "ZooKeeper did not store an offset: " + said),
                false};
    }
}


class ZookeeperStore final : public OffsetStore {
 public:
    explicit ZookeeperStore(std::string group) : group_(std::move(group)) {}

    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity identity) override;
    Task<Outcomes> write(std::vector<Write> writes, CommitIdentity identity, TimePoint deadline) override;
    Task<void> reset(OffsetReset reset) override;

 private:
    using Named = std::pair<TopicPartition, Outcome>;

    Task<Named> read_one(RegistryPtr registry, TopicPartition tp);
    Task<Outcomes> write_together(CommitIdentity identity, std::vector<Write> writes);
    Task<std::optional<Outcomes>> write_in_one(CommitIdentity identity, std::vector<Write> writes);
    Task<Named> write_one(CommitIdentity identity, Write write);
    Task<Outcome> write_alone(CommitIdentity identity, Write write);
    Task<Outcome> settle_conflict(CommitIdentity identity, Write write);

    const std::string group_;
};

RegistryPtr registry_of(const CommitIdentity& identity) {
    if (identity.registration) return identity.registration;
    throw Error(errc::invalid_config, "offsets in ZooKeeper need a member that is registered in ZooKeeper");
}

Outcome failed(const std::exception_ptr& thrown, const TopicPartition& tp) {
    const Error error = as_error(thrown);
    return {{}, error.at({.topic = tp.topic, .partition = tp.partition}), may_pass(error)};
}

// ---- reading

/// All are asked for before the first answer is awaited.
Task<Outcomes> ZookeeperStore::read(std::vector<TopicPartition> which, CommitIdentity identity) {
    const RegistryPtr registry = registry_of(identity);
    std::vector<Task<Named>> tasks;
    tasks.reserve(which.size());
    for (TopicPartition& tp : which) tasks.push_back(read_one(registry, std::move(tp)));
    std::vector<Named> read = co_await zk::gather(std::move(tasks));
    co_return Outcomes(read.begin(), read.end());
}

Task<ZookeeperStore::Named> ZookeeperStore::read_one(RegistryPtr registry, TopicPartition tp) {
    zk::StoredOffset stored;
    std::exception_ptr thrown;
    try {
        stored = co_await registry->offset(group_, tp);
    } catch (...) {
        thrown = std::current_exception();
    }
    Outcome outcome = thrown ? failed(thrown, tp) : done(stored.next, stored.version);
    co_return Named(std::move(tp), std::move(outcome));
}

Task<void> ZookeeperStore::reset(OffsetReset reset) {
    const RegistryPtr registry = registry_of(reset.identity);
    if (!reset.identity.lease->holds(registry->session()->runtime()->now())) {
        throw Error(errc::zookeeper_unavailable, "the stored offsets were not deleted: the ZooKeeper session has lapsed");
    }
    co_await registry->reset_offsets(group_);
}

// ---- writing

/// All are sent before the first answer is awaited.
Task<Outcomes> ZookeeperStore::write(std::vector<Write> writes, CommitIdentity identity, TimePoint) {
    registry_of(identity);
    std::vector<Task<Outcomes>> tasks;
    for (std::size_t begin = 0; begin < writes.size(); begin += writes_together_max) {
        const std::size_t end = std::min(writes.size(), begin + writes_together_max);
        std::vector<Write> some(writes.begin() + static_cast<std::ptrdiff_t>(begin),
                                writes.begin() + static_cast<std::ptrdiff_t>(end));
        tasks.push_back(write_together(identity, std::move(some)));
    }
    std::vector<Outcomes> parts = co_await zk::gather(std::move(tasks));
    Outcomes outcomes;
    for (Outcomes& part : parts) outcomes.merge(part);
    co_return outcomes;
}

/// One that fails is done again one by one: which of them it was only that tells.
Task<Outcomes> ZookeeperStore::write_together(CommitIdentity identity, std::vector<Write> writes) {
    std::optional<Outcomes> together;
    if (writes.size() > 1) together = co_await write_in_one(identity, writes);
    if (together) co_return std::move(*together);
    std::vector<Task<Named>> tasks;
    tasks.reserve(writes.size());
    for (Write& each : writes) tasks.push_back(write_one(identity, std::move(each)));
    std::vector<Named> outcomes = co_await zk::gather(std::move(tasks));
    co_return Outcomes(outcomes.begin(), outcomes.end());
}

/// Nothing if the transaction failed, or not all of it may begin.
Task<std::optional<Outcomes>> ZookeeperStore::write_in_one(CommitIdentity identity, std::vector<Write> writes) {
    std::vector<zk::Registry::OffsetCommit> commits;
    commits.reserve(writes.size());
    std::optional<zk::Reply<std::vector<std::int32_t>>> reply;
    for (int i = 0; i < commit_tries; ++i) {
        commits.clear();
        for (const Write& write : writes) {
            if (!write.may_begin()) co_return std::nullopt;
            commits.push_back({write.tp, write.next, static_cast<std::int32_t>(write.version)});
        }
        reply.reset();
        try {
            reply = co_await identity.registration->commit_offsets(group_, identity.member, commits, true);
        } catch (...) {  // each says it for itself
        }
        if (!reply || reply->code != zk::Code::runtime_inconsistency) break;
    }
    if (!reply || !reply->ok() || reply->value.size() != writes.size()) co_return std::nullopt;
    Outcomes outcomes;
    for (std::size_t i = 0; i < writes.size(); ++i) outcomes[writes[i].tp] = done(writes[i].next, reply->value[i]);
    co_return outcomes;
}

Task<ZookeeperStore::Named> ZookeeperStore::write_one(CommitIdentity identity, Write write) {
    Outcome outcome;
    std::exception_ptr thrown;
    try {
        outcome = co_await write_alone(std::move(identity), write);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) outcome = failed(thrown, write.tp);
    co_return Named(write.tp, std::move(outcome));
}

Task<Outcome> ZookeeperStore::write_alone(CommitIdentity identity, Write write) {
    zk::Reply<std::int32_t> reply;
    for (int i = 0; i < commit_tries; ++i) {
        if (!write.may_begin()) co_return not_begun(write);
        reply = co_await identity.registration->commit_offset(group_, identity.member, write.tp, write.next,
                                                              static_cast<std::int32_t>(write.version), true);
        if (reply.code != zk::Code::runtime_inconsistency) break;
    }
    if (reply.ok()) co_return done(write.next, reply.value);
    if (reply.code != zk::Code::bad_version && reply.code != zk::Code::node_exists) co_return refused(write, reply.code);
    Outcome outcome = co_await settle_conflict(std::move(identity), std::move(write));
    co_return outcome;
}

/// Somebody else wrote since the version was remembered, or an answer of ours was lost. What is
/// there stands if it is not lower (unless the log begins anew). If it is lower it was put there by somebody who may, for
/// instance a tool, or by a peer that still held on: only the owner overwrites it.
Task<Outcome> ZookeeperStore::settle_conflict(CommitIdentity identity, Write write) {
    const RegistryPtr registry = identity.registration;
    for (int i = 0; i < conflict_tries; ++i) {
        const zk::StoredOffset stored = co_await registry->offset(group_, write.tp);
        const bool stands = write.back ? stored.next == write.next : stored.next >= write.next;
        if (stands) co_return done(stored.next, stored.version);
        const std::optional<zk::Owner> owner = co_await registry->owner(group_, write.tp);
        if (!owner || owner->stat.ephemeral_owner != registry->session()->id()) {
            const std::string whose = owner ? owner->id : "nobody";
            co_return Outcome{
                {}, named(write, errc::not_owner, "the partition belongs to " + whose + " now, so its offset was not stored"), false};
        }
        if (!write.may_begin()) co_return not_begun(write);
        const zk::Reply<std::int32_t> reply =
            co_await registry->commit_offset(group_, identity.member, write.tp, write.next, stored.version, true);
        if (reply.ok()) co_return done(write.next, reply.value);
        const bool again = reply.code == zk::Code::bad_version || reply.code == zk::Code::node_exists ||
                           reply.code == zk::Code::runtime_inconsistency;
        if (!again) co_return refused(write, reply.code);
    }
    co_return Outcome{{}, named(write, errc::zookeeper_error, "others write this offset all the time"), true};
}

}  // namespace

std::shared_ptr<OffsetStore> zookeeper_offset_store(std::string group) {
    return std::make_shared<ZookeeperStore>(std::move(group));
}

}  // namespace kwire
