#include "committer.h"

#include <chrono>
#include <exception>
#include <utility>

namespace kwire {

Committer::Committer(Engine& engine) : engine_(engine), timer_(*engine.runtime()) {}

void Committer::use(std::shared_ptr<OffsetManager> offsets, Source source) {
    offsets_ = std::move(offsets);
    source_ = std::move(source);
}

void Committer::begin() {
    if (engine_.config().offsets.commit_interval > std::chrono::milliseconds(0)) engine_.spawn(run(engine_.hold(*this)));
}

Task<void> Committer::run(std::shared_ptr<Committer> self) {
    const auto interval = self->engine_.config().offsets.commit_interval;
    while (!self->engine_.closing()) {
        co_await self->timer_.wait_for(interval);
        // While ZooKeeper is away nobody knows who the owner is, and it may no longer be us.
        if (self->engine_.closing() || !self->source_.lease_holds()) continue;
        try {
            const auto failures = co_await commit(self);
            for (const auto& failure : failures) self->engine_.report(failure.error);
        } catch (...) {
            const Error error = as_error(std::current_exception());
            if (error.condition() != errc::zookeeper_unavailable) self->engine_.report(error);
        }
    }
}

Task<std::vector<CommitFailure>> Committer::commit(std::shared_ptr<Committer> self) {
    while (self->committing_) co_await self->engine_.changed().wait();
    // Not before: who waits here may have lost everything meanwhile.
    if (!self->source_.lease_holds()) {
        throw Error(errc::zookeeper_unavailable,
                    "ZooKeeper is disconnected, and another member may own the partitions by now: what was "
                    "acknowledged is kept, and committed once it is back");
    }
    self->committing_ = true;
    std::vector<CommitFailure> failures;
    std::exception_ptr broken;
    try {
        self->source_.pass_on_marks();
        failures = co_await self->offsets_->flush();
    } catch (...) {
        broken = std::current_exception();  // a program's own store
    }
    self->committing_ = false;
    self->engine_.changed().notify_all();
    self->tell_all();
    if (broken) std::rethrow_exception(broken);
    co_return failures;
}

Task<void> Committer::flush(std::shared_ptr<Committer> self) {
    if (self->engine_.finished()) {
        throw Error(errc::closed,
                    "group " + self->engine_.group() + " is closed; closing committed what was acknowledged");
    }
    const auto failures = co_await commit(self);
    if (!failures.empty()) throw Error(failures.front().error);
}

// ---- on_committed

void Committer::tell_all() {
    if (!engine_.config().on_committed) return;
    const bool is_queued = !news_.empty();
    source_.each_read([this](const TopicPartition& tp) { note(tp); });
    call_back(is_queued);
}

void Committer::tell(const TopicPartition& tp) {
    if (!engine_.config().on_committed) return;
    const bool is_queued = !news_.empty();
    note(tp);
    call_back(is_queued);
}

void Committer::note(const TopicPartition& tp) {
    const auto committed = offsets_->committed(tp);
    if (!committed) return;
    const auto [told, is_new] = told_.try_emplace(tp, *committed);
    if (!is_new && told->second == *committed) return;
    told->second = *committed;
    news_[tp] = *committed;
}

void Committer::call_back(bool is_queued) {
    if (is_queued || news_.empty()) return;
    // What is stored until it is the callback's turn is told with it.
    const auto make = [weak = std::weak_ptr(engine_.hold(*this))]() -> CallbackQueue::Call {
        const auto self = weak.lock();
        if (!self) return [] {};
        return [config = self->engine_.shared_config(), news = std::exchange(self->news_, {})] { config->on_committed(news); };
    };
    engine_.call_back_made_late("on_committed", make);
}

}  // namespace kwire
