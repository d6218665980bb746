#include <algorithm>
#include <utility>

#include <kwire/offsets/zookeeper_offset_manager.h>
#include <kwire/zk/gather.h>
#include <kwire/zk/registry.h>

#include "tracked_offsets.h"

namespace kwire {

class ZookeeperOffsetManager::Store final : public OffsetStore {
 public:
    explicit Store(std::string group) : group_(std::move(group)) {}

    const CommitIdentity& identity() const { return identity_; }
    void use(CommitIdentity identity) {
        identity_ = std::move(identity);
        registry_ = identity_.registration;
        member_ = identity_.member;
    }

    const std::shared_ptr<Runtime>& runtime() const override {
        return registry_->session()->runtime();
    }
    Task<Position> read(TopicPartition tp) override {
        if (!registry_) throw Error(errc::closed, "the offset manager was given no session yet");
        return do_read(registry_, group_, std::move(tp));
    }
    Task<std::vector<Outcome>> write(std::vector<Write> writes, TimePoint) override {
        return write_all(registry_, group_, member_, std::move(writes));
    }
    Task<void> wait_to_try_again(TimePoint deadline) override {
        return await_connection(registry_->session(), deadline);
    }

 private:
    using RegistryPtr = std::shared_ptr<zk::Registry>;

    static Task<Position> do_read(RegistryPtr registry, std::string group, TopicPartition tp);
    static Task<std::vector<Outcome>> write_all(RegistryPtr registry, std::string group, std::string member,
                                                std::vector<Write> writes);
    static Task<std::vector<Outcome>> write_together(RegistryPtr registry, std::string group, std::string member,
                                                     std::vector<Write> writes);
    static Task<std::vector<Outcome>> write_one_by_one(RegistryPtr registry, std::string group, std::string member,
                                                       std::vector<Write> writes);
    static Task<Outcome> do_write(RegistryPtr registry, std::string group, std::string member,
                                  Write write);
    static Task<Outcome> write_once(RegistryPtr registry, std::string group, std::string member,
                                    Write write);
    static Task<Outcome> settle_conflict(RegistryPtr registry, std::string group,
                                         std::string member, Write write);
    static Task<void> await_connection(std::shared_ptr<zk::Session> session, TimePoint deadline);

    std::string group_;
    CommitIdentity identity_;
    RegistryPtr registry_;
    std::string member_;
};

namespace {

/// A conflict is settled by reading and writing again; whoever goes on writing at the same time is
/// not worth more tries.
constexpr int conflict_tries = 5;

/// So many writes share a transaction: a fraction of the megabyte that ZooKeeper takes (jute.maxbuffer), and not too many
/// are done again by themselves where one of them meets a conflict.
constexpr std::size_t writes_together_max = 100;

Error named(const OffsetStore::Write& write, errc code, const std::string& what) {
    return {code,
            what,
            {.topic = write.tp.topic, .partition = write.tp.partition, .offset = write.next}};
}

OffsetStore::Outcome refused(const OffsetStore::Write& write, zk::Code code) {
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

}  // namespace

Task<OffsetStore::Position> ZookeeperOffsetManager::Store::do_read(RegistryPtr registry,
                                                                   std::string group,
                                                                   TopicPartition tp) {
    const zk::StoredOffset stored = co_await registry->offset(group, tp);
    co_return Position{stored.next, stored.version};
}

/// Somebody else wrote since the version was remembered, or an answer of ours was lost. What is
/// there stands if it is not lower (unless the log begins anew). If it is lower it was put there by somebody who may, for
/// instance a tool, or by a peer that still held on: only the owner overwrites it.
Task<OffsetStore::Outcome> ZookeeperOffsetManager::Store::settle_conflict(RegistryPtr registry,
                                                                          std::string group,
                                                                          std::string member,
                                                                          Write write) {
    for (int i = 0; i < conflict_tries; ++i) {
        const zk::StoredOffset stored = co_await registry->offset(group, write.tp);
        const bool stands = write.back ? stored.next == write.next : stored.next >= write.next;
        if (stands) co_return Outcome{{stored.next, stored.version}, {}, false};
        const std::optional<zk::Owner> owner = co_await registry->owner(group, write.tp);
        if (!owner || owner->stat.ephemeral_owner != registry->session()->id()) {
            co_return Outcome{{},
                              named(write, errc::not_owner,
                                    "the partition belongs to " + (owner ? owner->id : "nobody") +
                                        " now, so its offset was not stored"),
                              false};
        }
        const zk::Reply<std::int32_t> reply =
            co_await registry->commit_offset(group, member, write.tp, write.next, stored.version);
        if (reply.ok()) co_return Outcome{{write.next, reply.value}, {}, false};
        const bool again =
            reply.code == zk::Code::bad_version || reply.code == zk::Code::node_exists;
        if (!again) co_return refused(write, reply.code);
    }
    co_return Outcome{
        {}, named(write, errc::zookeeper_error, "others write this offset all the time"), true};
}

/// All are sent before the first answer is awaited.
Task<std::vector<OffsetStore::Outcome>> ZookeeperOffsetManager::Store::write_all(RegistryPtr registry,
                                                                                std::string group,
                                                                                std::string member,
                                                                                std::vector<Write> writes) {
    std::vector<Task<std::vector<Outcome>>> tasks;
    for (std::size_t begin = 0; begin < writes.size(); begin += writes_together_max) {
        const std::size_t end = std::min(writes.size(), begin + writes_together_max);
        std::vector<Write> some(writes.begin() + static_cast<std::ptrdiff_t>(begin),
                                writes.begin() + static_cast<std::ptrdiff_t>(end));
        tasks.push_back(write_together(registry, group, member, std::move(some)));
    }
    const std::vector<std::vector<Outcome>> parts = co_await zk::gather(std::move(tasks));
    std::vector<Outcome> outcomes;
    outcomes.reserve(writes.size());
    for (const auto& part : parts) outcomes.insert(outcomes.end(), part.begin(), part.end());
    co_return outcomes;
}

Task<std::vector<OffsetStore::Outcome>> ZookeeperOffsetManager::Store::write_together(RegistryPtr registry,
                                                                                     std::string group,
                                                                                     std::string member,
                                                                                     std::vector<Write> writes) {
    if (writes.size() > 1) {
        std::vector<zk::Registry::OffsetCommit> commits;
        commits.reserve(writes.size());
        for (const Write& write : writes) commits.push_back({write.tp, write.next, write.version});
        std::optional<zk::Reply<std::vector<std::int32_t>>> reply;
        try {
            reply = co_await registry->commit_offsets(group, member, std::move(commits));
        } catch (const Error&) {
            // each says it for itself
        }
        if (reply && reply->ok()) {
            std::vector<Outcome> outcomes;
            outcomes.reserve(writes.size());
            for (std::size_t i = 0; i < writes.size(); ++i) {
                outcomes.push_back({{writes[i].next, reply->value[i]}, {}, false});
            }
            co_return outcomes;
        }
    }
    std::vector<Outcome> outcomes = co_await write_one_by_one(registry, group, member, std::move(writes));
    co_return outcomes;
}

Task<std::vector<OffsetStore::Outcome>> ZookeeperOffsetManager::Store::write_one_by_one(RegistryPtr registry,
                                                                                       std::string group,
                                                                                       std::string member,
                                                                                       std::vector<Write> writes) {
    std::vector<Task<Outcome>> tasks;
    tasks.reserve(writes.size());
    for (Write& each : writes) tasks.push_back(do_write(registry, group, member, std::move(each)));
    std::vector<Outcome> outcomes = co_await zk::gather(std::move(tasks));
    co_return outcomes;
}

Task<OffsetStore::Outcome> ZookeeperOffsetManager::Store::write_once(RegistryPtr registry,
                                                                     std::string group,
                                                                     std::string member,
                                                                     Write write) {
    const zk::Reply<std::int32_t> reply =
        co_await registry->commit_offset(group, member, write.tp, write.next, write.version);
    if (reply.ok()) co_return Outcome{{write.next, reply.value}, {}, false};
    if (reply.code != zk::Code::bad_version && reply.code != zk::Code::node_exists) {
        co_return refused(write, reply.code);
    }
    Outcome outcome = co_await settle_conflict(registry, group, member, write);
    co_return outcome;
}

Task<OffsetStore::Outcome> ZookeeperOffsetManager::Store::do_write(RegistryPtr registry,
                                                                   std::string group,
                                                                   std::string member,
                                                                   Write write) {
    std::optional<Error> error;
    try {
        Outcome outcome =
            co_await write_once(std::move(registry), std::move(group), std::move(member), write);
        co_return outcome;
    } catch (const Error& caught) {
        error = caught;
    }
    co_return Outcome{{}, error, error->condition() == errc::connection_lost};
}

Task<void> ZookeeperOffsetManager::Store::await_connection(std::shared_ptr<zk::Session> session,
                                                           TimePoint deadline) {
    using zk::SessionState;
    Event changed(*session->runtime());
    const auto listening = session->on_state([&changed](SessionState) { changed.notify_all(); });
    const auto passing = [&session] {
        return session->state() == SessionState::suspended ||
               session->state() == SessionState::connecting;
    };
    // One turn in any case: the loss itself may not have been told yet.
    Timer turn(*session->runtime());
    co_await turn.wait_for(std::chrono::milliseconds(1));
    while (passing()) {
        const bool in_time = co_await changed.wait_until(deadline);
        if (!in_time) co_return;
    }
}

ZookeeperOffsetManager::ZookeeperOffsetManager(std::string group)
    : store_(std::make_shared<Store>(std::move(group))),
      tracked_(std::make_shared<TrackedOffsets>(store_)) {}

ZookeeperOffsetManager::~ZookeeperOffsetManager() = default;

void ZookeeperOffsetManager::use_identity(CommitIdentity identity) {
    if (!identity.registration) {
        throw Error(errc::invalid_config, "offsets in ZooKeeper need a member that is registered in ZooKeeper");
    }
    if (!identity.same_member(store_->identity())) tracked_->abandon_all();
    store_->use(std::move(identity));
}

Task<std::int64_t> ZookeeperOffsetManager::initialize_partition(TopicPartition tp) {
    return TrackedOffsets::initialize(tracked_, std::move(tp));
}

bool ZookeeperOffsetManager::mark_as_processed(const TopicPartition& tp, std::int64_t next) {
    return tracked_->mark(tp, next);
}

void ZookeeperOffsetManager::restart_partition(const TopicPartition& tp, std::int64_t next) {
    tracked_->restart(tp, next);
}

Task<std::vector<CommitFailure>> ZookeeperOffsetManager::flush() {
    return TrackedOffsets::flush(tracked_);
}

Task<std::optional<CommitFailure>> ZookeeperOffsetManager::finalize_partition(TopicPartition tp,
                                                                              TimePoint deadline) {
    return TrackedOffsets::finalize(tracked_, std::move(tp), deadline);
}

void ZookeeperOffsetManager::abandon_partition(const TopicPartition& tp) {
    tracked_->abandon(tp);
}

Task<std::vector<CommitFailure>> ZookeeperOffsetManager::close(TimePoint deadline) {
    return TrackedOffsets::close(tracked_, deadline);
}

std::optional<std::int64_t> ZookeeperOffsetManager::committed(const TopicPartition& tp) const {
    return tracked_->committed(tp);
}

}  // namespace kwire
