#include <algorithm>
#include <set>
#include <utility>

#include <kwire/offsets/dual_offset_store.h>
#include <kwire/zk/gather.h>

#include "store_call.h"
#include "stores/commit_answers.h"

namespace kwire {
namespace {

using Outcome = OffsetStore::Outcome;
using Outcomes = OffsetStore::Outcomes;
using Position = OffsetStore::Position;
using Write = OffsetStore::Write;

class DualStore final : public OffsetStore {
 public:
    DualStore(std::shared_ptr<OffsetStore> first, std::shared_ptr<OffsetStore> second,
              std::function<void(const Error&)> on_refused)
        : first_{std::move(first), {}}, second_{std::move(second), {}}, on_refused_(std::move(on_refused)) {}

    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity identity) override;
    Task<Outcomes> write(std::vector<Write> writes, CommitIdentity identity, TimePoint deadline) override;
    Task<void> reset(OffsetReset reset) override;

    Duration patience() const override { return std::max(first_.store->patience(), second_.store->patience()); }
    Duration refresh_interval() const override {
        const Duration a = first_.store->refresh_interval();
        const Duration b = second_.store->refresh_interval();
        return a == Duration::zero() || b == Duration::zero() ? std::max(a, b) : std::min(a, b);
    }

 private:
    struct Half {
        std::shared_ptr<OffsetStore> store;
        std::map<TopicPartition, Position> known;  // as read or written last
    };

    static Position known_of(const Half& half, const TopicPartition& tp);
    static std::vector<Write> writes_of(const Half& half, const std::vector<Write>& writes);
    static Outcome outcome_of(const Half& half, const TopicPartition& tp, const Outcomes& outcomes, bool was_asked);
    Outcome merged_read(const TopicPartition& tp, const Outcomes& first, const Outcomes& second);
    Outcome merged_write(const Write& write, Outcome first, Outcome second);
    bool excused(const Outcome& outcome);

    Half first_;
    Half second_;
    std::function<void(const Error&)> on_refused_;
    bool refusal_reported_ = false;
};

Outcome left_out(const TopicPartition& tp) {
    return {{},
            Error(errc::bad_answer, "the answer of the store leaves this partition out, though it was asked for",
                  {.topic = tp.topic, .partition = tp.partition}),
            true};
}

const Outcome* found_in(const Outcomes& outcomes, const TopicPartition& tp) {
    const auto found = outcomes.find(tp);
    return found == outcomes.end() ? nullptr : &found->second;
}

Task<std::vector<Outcomes>> both(Task<Outcomes> first, Task<Outcomes> second) {
    std::vector<Task<Outcomes>> tasks;
    tasks.push_back(std::move(first));
    tasks.push_back(std::move(second));
    return zk::gather(std::move(tasks));
}

Position DualStore::known_of(const Half& half, const TopicPartition& tp) {
    const auto found = half.known.find(tp);
    return found == half.known.end() ? Position{} : found->second;
}

// ---- reading: the higher, if both could be read

Task<Outcomes> DualStore::read(std::vector<TopicPartition> which, CommitIdentity identity) {
    std::vector<Outcomes> read =
        co_await both(read_guarded(first_.store, which, identity), read_guarded(second_.store, which, identity));
    Outcomes outcomes;
    for (const TopicPartition& tp : which) outcomes[tp] = merged_read(tp, read[0], read[1]);
    co_return outcomes;
}

Outcome DualStore::merged_read(const TopicPartition& tp, const Outcomes& first, const Outcomes& second) {
    const Outcome* a = found_in(first, tp);
    const Outcome* b = found_in(second, tp);
    if (a == nullptr || b == nullptr) return left_out(tp);
    if (a->error || b->error) {
        Outcome failed = a->error ? *a : *b;
        failed.try_again = (!a->error || a->try_again) && (!b->error || b->try_again);
        return failed;
    }
    first_.known[tp] = a->stored;
    second_.known[tp] = b->stored;
    const Position& higher = b->stored.next > a->stored.next ? b->stored : a->stored;
    Outcome outcome;
    outcome.stored.next = higher.next;
    outcome.stored.leader_epoch = higher.leader_epoch;
    if (a->stored.next != b->stored.next) outcome.stored.held = std::min(a->stored.next, b->stored.next);
    // Both hold it, and one of them has no room for an epoch.
    if (!outcome.stored.held) outcome.stored.leader_epoch = std::max(a->stored.leader_epoch, b->stored.leader_epoch);
    return outcome;
}

// ---- writing: what each of them does not hold yet

std::vector<Write> DualStore::writes_of(const Half& half, const std::vector<Write>& writes) {
    const bool forgets = half.store->refresh_interval() > Duration::zero();
    std::vector<Write> needed;
    for (const Write& write : writes) {
        const Position known = known_of(half, write.tp);
        const bool holds_it = write.back ? known.next == write.next : known.next >= write.next;
        if (holds_it && !forgets) continue;
        needed.push_back(write);
        needed.back().version = known.version;
    }
    return needed;
}

Task<Outcomes> DualStore::write(std::vector<Write> writes, CommitIdentity identity, TimePoint deadline) {
    std::vector<Write> to_first = writes_of(first_, writes);
    std::vector<Write> to_second = writes_of(second_, writes);
    std::set<TopicPartition> asked_first, asked_second;
    for (const Write& write : to_first) asked_first.insert(write.tp);
    for (const Write& write : to_second) asked_second.insert(write.tp);
    std::vector<Outcomes> written =
        co_await both(write_guarded(first_.store, std::move(to_first), identity, deadline),
                      write_guarded(second_.store, std::move(to_second), identity, deadline));
    Outcomes outcomes;
    for (const Write& write : writes) {
        outcomes[write.tp] = merged_write(write, outcome_of(first_, write.tp, written[0], asked_first.contains(write.tp)),
                                          outcome_of(second_, write.tp, written[1], asked_second.contains(write.tp)));
    }
    co_return outcomes;
}

Outcome DualStore::outcome_of(const Half& half, const TopicPartition& tp, const Outcomes& outcomes, bool was_asked) {
    if (!was_asked) return {known_of(half, tp), {}, false};
    const Outcome* found = found_in(outcomes, tp);
    return found == nullptr ? left_out(tp) : *found;
}

/// The members that the broker coordinates commit there themselves.
bool DualStore::excused(const Outcome& outcome) {
    if (!outcome.error || !group_has_members(*outcome.error)) return false;
    if (!std::exchange(refusal_reported_, true) && on_refused_) on_refused_(*outcome.error);
    return true;
}

Outcome DualStore::merged_write(const Write& write, Outcome first, Outcome second) {
    if (!first.error) first_.known[write.tp] = first.stored;
    if (!second.error) second_.known[write.tp] = second.stored;
    const bool first_excused = excused(first);
    const bool second_excused = excused(second);
    if (first_excused && second_excused) return first;
    if (first_excused) return second;
    if (second_excused) return first;
    if (first.error || second.error) {
        Outcome failed = first.error ? first : second;
        failed.try_again = (first.error && first.try_again) || (second.error && second.try_again);
        return failed;
    }
    Outcome outcome;
    outcome.stored.next = std::min(first.stored.next, second.stored.next);
    outcome.stored.leader_epoch = write.leader_epoch;
    return outcome;
}

Task<void> DualStore::reset(OffsetReset reset) {
    co_await first_.store->reset(reset);
    co_await second_.store->reset(reset);
}

}  // namespace

std::shared_ptr<OffsetStore> dual_offset_store(std::shared_ptr<OffsetStore> first, std::shared_ptr<OffsetStore> second,
                                               std::function<void(const Error&)> on_refused) {
    if (!first || !second) throw Error(errc::invalid_config, "dual_offset_store needs two stores");
    return std::make_shared<DualStore>(std::move(first), std::move(second), std::move(on_refused));
}

}  // namespace kwire
