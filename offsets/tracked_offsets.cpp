#include "tracked_offsets.h"

#include <algorithm>
#include <utility>

#include <kwire/zk/gather.h>

namespace kwire {

namespace {

/// After a partition was taken over, its refresh is due that soon: nobody knows how old it is.
constexpr std::chrono::minutes first_refresh{10};

CommitFailure failure(const TopicPartition& tp, std::int64_t next, const Error& error) {
    return {tp, next, error};
}

}  // namespace

/// The last write of a partition, which may outlive the wait for it.
struct TrackedOffsets::Attempt {
    explicit Attempt(Runtime& runtime) : ended(runtime) {}
    Event ended;
    bool done = false;
    std::optional<Error> error;
};

TrackedOffsets::TrackedOffsets(std::shared_ptr<OffsetStore> store) : store_(std::move(store)) {}

TrackedOffsets::~TrackedOffsets() = default;

TrackedOffsets::KeptPtr TrackedOffsets::find(const TopicPartition& tp) const {
    const auto found = kept_.find(tp);
    return found == kept_.end() ? nullptr : found->second;
}

Task<std::int64_t> TrackedOffsets::initialize(Self self, TopicPartition tp) {
    if (self->closed_) throw Error(errc::closed, "the offset manager was closed");
    self->abandon(tp);
    const OffsetStore::Position stored = co_await self->store_->read(tp);
    if (self->closed_) throw Error(errc::closed, "the offset manager was closed");
    const auto& runtime = self->store_->runtime();
    if (!self->settled_) self->settled_ = std::make_shared<Event>(*runtime);
    auto kept = std::make_shared<Kept>();
    kept->marked = stored.next;
    kept->stored = stored;
    kept->written_at = runtime->now() - self->store_->refresh_interval() + first_refresh;
    self->kept_[tp] = kept;
    if (stored.next >= 0) {
        self->committed_[tp] = stored.next;
    } else {
        self->committed_.erase(tp);
    }
    co_return stored.next;
}

bool TrackedOffsets::mark(const TopicPartition& tp, std::int64_t next) {
    const KeptPtr kept = find(tp);
    if (!kept) return false;
    kept->marked = std::max(kept->marked, next);
    return true;
}

void TrackedOffsets::restart(const TopicPartition& tp, std::int64_t next) {
    const KeptPtr kept = find(tp);
    if (!kept) return;
    kept->marked = next;
    ++kept->restarts;
}

TrackedOffsets::Pending TrackedOffsets::begin_write(const TopicPartition& tp, const KeptPtr& kept) const {
    kept->writing = true;
    const bool back = kept->restarts != kept->restarts_stored;
    return {kept, {tp, kept->marked, kept->stored.version, back}, kept->restarts};
}

void TrackedOffsets::take(const Pending& pending, const OffsetStore::Outcome& outcome) {
    Kept& kept = *pending.kept;
    kept.writing = false;
    if (outcome.error) return;
    kept.stored = outcome.stored;
    kept.restarts_stored = pending.restarts;
    kept.written_at = store_->runtime()->now();
    // Of a partition that was given up meanwhile this is still the truth about the store.
    committed_[pending.write.tp] = outcome.stored.next;
}

Task<std::vector<OffsetStore::Outcome>> TrackedOffsets::write(Self self, std::vector<Pending> pending,
                                                              TimePoint deadline) {
    std::vector<OffsetStore::Write> writes;
    writes.reserve(pending.size());
    for (const Pending& each : pending) writes.push_back(each.write);
    std::vector<OffsetStore::Outcome> outcomes = co_await self->store_->write(std::move(writes), deadline);
    for (std::size_t i = 0; i < pending.size(); ++i) self->take(pending[i], outcomes[i]);
    self->settled_->notify_all();
    co_return outcomes;
}

std::vector<TrackedOffsets::Pending> TrackedOffsets::writes_due() {
    std::vector<Pending> due;
    const TimePoint now = store_->runtime()->now();
    const Duration refresh = store_->refresh_interval();
    for (const auto& [tp, kept] : kept_) {
        if (kept->writing || kept->finalizing) continue;
        const bool stale = refresh > Duration::zero() && kept->stored.next >= 0 &&
                           now - kept->written_at >= refresh;
        if (kept->dirty() || stale) due.push_back(begin_write(tp, kept));
    }
    return due;
}

Task<std::vector<CommitFailure>> TrackedOffsets::flush(Self self) {
    std::vector<CommitFailure> failures;
    if (self->kept_.empty()) co_return failures;
    const TimePoint deadline = self->store_->runtime()->now() + self->store_->flush_patience();
    std::vector<Pending> pending = self->writes_due();
    while (!pending.empty()) {
        const std::vector<OffsetStore::Outcome> outcomes = co_await write(self, pending, deadline);
        const bool in_time = self->store_->runtime()->now() < deadline;
        std::vector<Pending> again;
        for (std::size_t i = 0; i < pending.size(); ++i) {
            const Pending& each = pending[i];
            if (!outcomes[i].error || self->find(each.write.tp) != each.kept) continue;
            if (outcomes[i].try_again && in_time) {
                again.push_back(each);
            } else {
                failures.push_back(failure(each.write.tp, each.write.next, *outcomes[i].error));
            }
        }
        if (again.empty()) break;
        co_await self->store_->wait_to_try_again(deadline);
        pending.clear();
        for (const Pending& each : again) {
            // Given up meanwhile, or in the hands of finalize, which alone says what is written last.
            const Kept& kept = *each.kept;
            if (self->find(each.write.tp) != each.kept || kept.finalizing || kept.writing) continue;
            pending.push_back(self->begin_write(each.write.tp, each.kept));
        }
    }
    co_return failures;
}

/// Writes the mark until it is stored or the deadline passed. Stops as soon as the partition is not
/// kept any more, by abandon or because finalize gave up.
Task<void> TrackedOffsets::finish(Self self, TopicPartition tp, KeptPtr kept,
                                  std::shared_ptr<Attempt> attempt, TimePoint deadline) {
    const auto wanted = [&] { return self->find(tp) == kept && kept->dirty(); };
    while (kept->writing && wanted()) {
        const bool in_time = co_await self->settled_->wait_until(deadline);
        if (!in_time) break;
    }
    while (wanted() && !kept->writing) {
        std::vector<Pending> pending(1, self->begin_write(tp, kept));
        const std::vector<OffsetStore::Outcome> outcomes = co_await write(self, std::move(pending), deadline);
        attempt->error = outcomes.front().error;
        if (!attempt->error || !outcomes.front().try_again) break;
        if (self->store_->runtime()->now() >= deadline) break;
        co_await self->store_->wait_to_try_again(deadline);
    }
    attempt->done = true;
    attempt->ended.notify_all();
}

Task<std::optional<CommitFailure>> TrackedOffsets::finalize(Self self, TopicPartition tp,
                                                            TimePoint deadline) {
    const KeptPtr kept = self->find(tp);
    if (!kept || kept->finalizing) co_return std::nullopt;
    kept->finalizing = true;
    const auto& runtime = self->store_->runtime();
    const auto attempt = std::make_shared<Attempt>(*runtime);
    runtime->spawn(finish(self, tp, kept, attempt, deadline));
    while (!attempt->done) {
        const bool in_time = co_await attempt->ended.wait_until(deadline);
        if (!in_time) break;
    }
    // Whatever became of it: from here on nothing of it is written.
    const bool still_ours = self->find(tp) == kept;
    if (still_ours) self->kept_.erase(tp);
    if (!still_ours || !kept->dirty()) co_return std::nullopt;
    co_return failure(tp, kept->marked,
                      attempt->error.value_or(Error(
                          errc::timed_out, "the offset could not be stored in time",
                          {.topic = tp.topic, .partition = tp.partition, .offset = kept->marked})));
}

void TrackedOffsets::abandon(const TopicPartition& tp) {
    kept_.erase(tp);
}

void TrackedOffsets::abandon_all() {
    kept_.clear();
}

Task<std::vector<CommitFailure>> TrackedOffsets::close(Self self, TimePoint deadline) {
    self->closed_ = true;
    std::vector<Task<std::optional<CommitFailure>>> tasks;
    for (const auto& [tp, kept] : self->kept_) tasks.push_back(finalize(self, tp, deadline));
    std::vector<std::optional<CommitFailure>> outcomes = co_await zk::gather(std::move(tasks));
    std::vector<CommitFailure> failures;
    for (auto& outcome : outcomes) {
        if (outcome) failures.push_back(std::move(*outcome));
    }
    self->kept_.clear();
    co_return failures;
}

std::optional<std::int64_t> TrackedOffsets::committed(const TopicPartition& tp) const {
    const auto found = committed_.find(tp);
    return found == committed_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace kwire
