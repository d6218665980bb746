#include "tracked_offsets.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include <kwire/zk/gather.h>

#include "store_call.h"

namespace kwire {
namespace {

/// For an answer of the store, where nothing else limits the wait.
constexpr std::chrono::seconds answer_patience{30};
/// A store that asks again until then may answer this much later.
constexpr std::chrono::seconds answer_grace{1};
/// After a partition was taken over, its refresh is due that soon: nobody knows how old what is stored is.
constexpr std::chrono::minutes first_refresh{10};
/// How often to look for offsets that are to be refreshed.
constexpr std::chrono::minutes refresh_check{1};

ErrorWhere place(const TopicPartition& tp, std::int64_t next = -1) {
    return {.topic = tp.topic, .partition = tp.partition, .offset = next};
}

Error manager_closed() { return {errc::closed, "the offset manager was closed"}; }

Error late(const TopicPartition& tp, std::int64_t next) {
    return {errc::timed_out, "the offset could not be stored in time", place(tp, next)};
}

CommitFailure failure(const TopicPartition& tp, std::int64_t next, const StoreRequest& request) {
    const bool has_error = request.outcome && request.outcome->error;
    return {tp, next, has_error ? *request.outcome->error : late(tp, next)};
}

OffsetStore::Outcome lapsed(const StoreRequest& request, const Lease& lease) {
    OffsetStore::Outcome outcome = OffsetStore::not_begun({.tp = request.tp});
    outcome.try_again = request.waits_for_lease && !lease.ended();
    return outcome;
}

}  // namespace

TrackedOffsets::TrackedOffsets(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetStore> store)
    : runtime_(std::move(runtime)), store_(std::move(store)), refresh_timer_(std::make_shared<Timer>(*runtime_)) {}

TrackedOffsets::~TrackedOffsets() {
    // The coroutine that waits on it sees that we are gone. The last owner may let go on any thread.
    runtime_->post([timer = refresh_timer_] { timer->cancel(); });
}

void TrackedOffsets::begin() {
    const auto weak = weak_from_this();
    reads_ = std::make_shared<StoreQueue>(
        runtime_, [weak](std::vector<StoreRequestPtr> batch) { return read_once(weak, std::move(batch)); });
    writes_ = std::make_shared<StoreQueue>(
        runtime_, [weak](std::vector<StoreRequestPtr> batch) { return write_once(weak, std::move(batch)); });
}

TrackedOffsets::KeptPtr TrackedOffsets::find(const TopicPartition& tp) const {
    const auto found = kept_.find(tp);
    return found == kept_.end() ? nullptr : found->second;
}

/// Of what is asked for now, whatever the store does.
TimePoint TrackedOffsets::patience_ends() const {
    const Duration patience = store_->patience();
    return later(runtime_->now(), patience > Duration::zero() ? patience : answer_patience);
}

// ---- who writes

void TrackedOffsets::use_identity(CommitIdentity identity) {
    if (!identity.lease) throw Error(errc::invalid_config, "CommitIdentity::lease is null: use Lease::unbounded()");
    if (!identity.same_member(identity_)) {
        forget_all(Error(errc::not_owner, "the member registered anew meanwhile, and owns the partition no more"));
    }
    identity_ = std::move(identity);
}

void TrackedOffsets::forget_all(const Error& why) {
    kept_.clear();
    reads_->drop_all(why);
    writes_->drop_all(why);
}

// ---- reading

Task<std::int64_t> TrackedOffsets::initialize_partition(TopicPartition tp) {
    return initialize(shared_from_this(), std::move(tp));
}

Task<std::int64_t> TrackedOffsets::initialize(Self self, TopicPartition tp) {
    if (self->closed_) throw manager_closed();
    self->abandon_partition(tp);
    const auto request = std::make_shared<StoreRequest>();
    request->tp = tp;
    request->one_try = self->store_->patience() == Duration::zero();
    request->deadline = self->patience_ends();
    StoreQueue::add(self->reads_, request);
    co_await StoreQueue::wait(self->reads_, request, later(request->deadline, answer_grace));
    if (!request->done) self->reads_->give_up(*request);
    if (self->closed_) throw manager_closed();
    if (!request->outcome) {
        throw Error(errc::timed_out, "the store of offsets did not say in time where to begin", place(tp));
    }
    if (request->outcome->error) throw Error(*request->outcome->error);
    const OffsetStore::Position stored = request->outcome->stored;
    if (stored.next < -1) {
        throw Error(errc::bad_stored_offset, "the stored offset is " + std::to_string(stored.next), place(tp));
    }
    self->keep(tp, stored);
    co_return stored.next;
}

void TrackedOffsets::keep(const TopicPartition& tp, const OffsetStore::Position& stored) {
    auto kept = std::make_shared<KeptOffset>();
    kept->marked = stored.next;
    kept->marked_epoch = stored.leader_epoch;
    kept->stored = stored;
    const Duration interval = store_->refresh_interval();
    kept->written_at = runtime_->now() - interval + std::min<Duration>(first_refresh, interval);
    kept_[tp] = kept;
    note_stored(tp, stored);
    if (interval > Duration::zero() && !std::exchange(refreshing_, true)) {
        runtime_->spawn(run_refresh(weak_from_this(), refresh_timer_));
    }
}

void TrackedOffsets::note_stored(const TopicPartition& tp, const OffsetStore::Position& stored) {
    if (stored.held.value_or(stored.next) >= 0) {
        committed_[tp] = stored;
    } else {
        committed_.erase(tp);
    }
}

Task<OffsetStore::Outcomes> TrackedOffsets::read_once(std::weak_ptr<TrackedOffsets> weak,
                                                      std::vector<StoreRequestPtr> batch) {
    OffsetStore::Outcomes outcomes;
    const Self self = weak.lock();
    if (!self) co_return outcomes;
    std::vector<TopicPartition> which;
    which.reserve(batch.size());
    for (const StoreRequestPtr& request : batch) which.push_back(request->tp);
    outcomes = co_await read_guarded(self->store_, std::move(which), self->identity_);
    co_return outcomes;
}

// ---- marks

bool TrackedOffsets::mark_as_processed(const TopicPartition& tp, std::int64_t next) {
    return mark_with_leader_epoch(tp, next, -1);
}

bool TrackedOffsets::mark_with_leader_epoch(const TopicPartition& tp, std::int64_t next, std::int32_t leader_epoch) {
    const KeptPtr kept = find(tp);
    if (!kept) return false;
    if (next > kept->marked) {
        kept->marked = next;
        kept->marked_epoch = leader_epoch;
    }
    return true;
}

void TrackedOffsets::restart_partition(const TopicPartition& tp, std::int64_t next) {
    const KeptPtr kept = find(tp);
    if (!kept) return;
    kept->marked = next;
    kept->marked_epoch = -1;
    ++kept->restarts;
}

std::optional<std::int64_t> TrackedOffsets::committed(const TopicPartition& tp) const {
    const auto found = committed_.find(tp);
    if (found == committed_.end()) return std::nullopt;
    return found->second.held.value_or(found->second.next);
}

std::int32_t TrackedOffsets::committed_leader_epoch(const TopicPartition& tp) const {
    const auto found = committed_.find(tp);
    return found == committed_.end() ? -1 : found->second.leader_epoch;
}

// ---- writing

StoreRequestPtr TrackedOffsets::ask_to_write(const TopicPartition& tp, const KeptPtr& kept, TimePoint deadline) {
    const auto request = std::make_shared<StoreRequest>();
    request->tp = tp;
    request->kept = kept;
    request->deadline = deadline;
    kept->write = request;
    StoreQueue::add(writes_, request);
    return request;
}

TrackedOffsets::Pending TrackedOffsets::begin_write(const StoreRequest& request) const {
    const KeptOffset& kept = *request.kept;
    const bool again = request.refresh;
    const bool back = !again && kept.restarts != kept.restarts_stored;
    OffsetStore::Write write;
    write.tp = request.tp;
    write.next = again ? kept.stored.next : kept.marked;
    write.leader_epoch = again ? kept.stored.leader_epoch : kept.marked_epoch;
    write.version = kept.stored.version;
    write.back = back;
    write.permit = std::make_shared<OffsetStore::Permit>(runtime_->time(), identity_.lease, request.deadline, request.given_up);
    return {request.kept, std::move(write), again ? kept.restarts_stored : kept.restarts};
}

void TrackedOffsets::take(const Pending& pending, const OffsetStore::Outcome& outcome) {
    if (outcome.error) return;
    KeptOffset& kept = *pending.kept;
    kept.stored = outcome.stored;
    kept.restarts_stored = pending.restarts;
    kept.written_at = runtime_->now();
    // Of a partition that was given up meanwhile this is still the truth about the store.
    note_stored(pending.write.tp, outcome.stored);
}

/// One try. The lease is asked here, and by the store for everything that it begins later.
Task<OffsetStore::Outcomes> TrackedOffsets::write_once(std::weak_ptr<TrackedOffsets> weak,
                                                       std::vector<StoreRequestPtr> batch) {
    OffsetStore::Outcomes outcomes;
    const Self self = weak.lock();
    if (!self) co_return outcomes;
    const CommitIdentity identity = self->identity_;
    if (!identity.lease->holds(self->runtime_->now())) {
        for (const StoreRequestPtr& request : batch) outcomes[request->tp] = lapsed(*request, *identity.lease);
        co_return outcomes;
    }
    std::vector<Pending> pending;
    std::vector<OffsetStore::Write> writes;
    TimePoint deadline{};
    for (const StoreRequestPtr& request : batch) {
        pending.push_back(self->begin_write(*request));
        writes.push_back(pending.back().write);
        deadline = std::max(deadline, request->deadline);
    }
    deadline = std::min(deadline, identity.lease->until());
    outcomes = co_await write_guarded(self->store_, std::move(writes), identity, deadline);
    for (const Pending& each : pending) {
        const auto found = outcomes.find(each.write.tp);
        if (found != outcomes.end()) self->take(each, found->second);
    }
    co_return outcomes;
}

Task<std::vector<CommitFailure>> TrackedOffsets::flush() { return flush_all(shared_from_this()); }

Task<std::vector<CommitFailure>> TrackedOffsets::flush_all(Self self) {
    const bool one_try = self->store_->patience() == Duration::zero();
    const TimePoint deadline = self->patience_ends();
    const TimePoint until = later(deadline, answer_grace);
    // What another flush or a refresh writes at this moment may be older than the marks of now.
    std::vector<StoreRequestPtr> requests;
    for (const auto& [tp, kept] : self->kept_) {
        if (kept->writing() && !kept->finalizing) requests.push_back(kept->write);
    }
    for (const StoreRequestPtr& request : requests) co_await StoreQueue::wait(self->writes_, request, until);
    requests.clear();
    for (const auto& [tp, kept] : self->kept_) {
        if (kept->finalizing || kept->writing() || (!kept->dirty() && !self->stale(*kept))) continue;
        const auto request = self->ask_to_write(tp, kept, deadline);
        request->one_try = one_try;
        requests.push_back(request);
    }
    std::vector<CommitFailure> failures;
    for (const StoreRequestPtr& request : requests) {
        co_await StoreQueue::wait(self->writes_, request, until);
        const bool stored = request->done && request->outcome && !request->outcome->error;
        if (!stored) self->writes_->give_up(*request);
        const KeptPtr& kept = request->kept;
        // Finalizing reports by itself; of what was abandoned nobody wants to know.
        if (!stored && self->find(request->tp) == kept && !kept->finalizing) {
            failures.push_back(failure(request->tp, kept->marked, *request));
        }
    }
    co_return failures;
}

Task<std::optional<CommitFailure>> TrackedOffsets::finalize_partition(TopicPartition tp, TimePoint deadline) {
    return finalize(shared_from_this(), std::move(tp), deadline);
}

Task<std::optional<CommitFailure>> TrackedOffsets::finalize(Self self, TopicPartition tp, TimePoint deadline) {
    const KeptPtr kept = self->find(tp);
    if (!kept || kept->finalizing) co_return std::nullopt;
    kept->finalizing = true;
    StoreRequestPtr request = kept->write;
    if (request) {
        self->writes_->end_retries(*request);
        co_await StoreQueue::wait(self->writes_, request, deadline);
    }
    if (self->find(tp) == kept && kept->dirty() && !kept->writing()) {
        request = self->ask_to_write(tp, kept, deadline);
        request->waits_for_lease = true;
        co_await StoreQueue::wait(self->writes_, request, deadline);
    }
    // Whatever became of it: from here on nothing of it is begun.
    if (request) self->writes_->give_up(*request);
    const bool still_ours = self->find(tp) == kept;
    if (still_ours) self->kept_.erase(tp);
    if (!still_ours || !kept->dirty()) co_return std::nullopt;
    std::optional<CommitFailure> failed = failure(tp, kept->marked, *request);
    co_return failed;
}

void TrackedOffsets::abandon_partition(const TopicPartition& tp) {
    const KeptPtr kept = find(tp);
    if (!kept) return;
    if (kept->write) writes_->give_up(*kept->write);
    kept_.erase(tp);
}

Task<std::vector<CommitFailure>> TrackedOffsets::close(TimePoint deadline) {
    return close_all(shared_from_this(), deadline);
}

Task<std::vector<CommitFailure>> TrackedOffsets::close_all(Self self, TimePoint deadline) {
    self->closed_ = true;
    self->refresh_timer_->cancel();
    std::vector<Task<std::optional<CommitFailure>>> tasks;
    for (const auto& [tp, kept] : self->kept_) tasks.push_back(finalize(self, tp, deadline));
    std::vector<std::optional<CommitFailure>> outcomes = co_await zk::gather(std::move(tasks));
    std::vector<CommitFailure> failures;
    for (auto& outcome : outcomes) {
        if (outcome) failures.push_back(std::move(*outcome));
    }
    self->forget_all(manager_closed());
    co_return failures;
}

Task<void> TrackedOffsets::reset(OffsetReset reset) { return store_->reset(std::move(reset)); }

// ---- what a store forgets unless it is written again

bool TrackedOffsets::stale(const KeptOffset& kept) const {
    const Duration interval = store_->refresh_interval();
    return interval > Duration::zero() && kept.stored.next >= 0 && runtime_->now() - kept.written_at >= interval;
}

/// Not only with a flush: with auto.commit.interval.ms=0 there may be none.
Task<void> TrackedOffsets::run_refresh(std::weak_ptr<TrackedOffsets> weak, std::shared_ptr<Timer> timer) {
    for (;;) {
        co_await timer->wait_for(refresh_check);
        const Self self = weak.lock();
        if (!self || self->closed_) co_return;
        self->refresh();
    }
}

void TrackedOffsets::refresh() {
    const TimePoint until = later(runtime_->now(), answer_patience);
    for (const auto& [tp, kept] : kept_) {
        if (kept->finalizing || kept->writing() || !stale(*kept)) continue;
        const auto request = ask_to_write(tp, kept, until);
        request->refresh = true;
        request->one_try = true;  // the next check is the next try, and a flush reports why
    }
}

std::shared_ptr<OffsetManager> make_offset_manager(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetStore> store) {
    if (!runtime || !store) throw Error(errc::invalid_config, "make_offset_manager needs a runtime and a store");
    const auto manager = std::make_shared<TrackedOffsets>(std::move(runtime), std::move(store));
    manager->begin();
    return manager;
}

}  // namespace kwire
