#include "tenancy/partition_carrier.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <asio/post.hpp>

namespace kwire {

PartitionCarrier::PartitionCarrier(Engine& engine, Committer& committer)
    : engine_(engine), committer_(committer), history_(engine) {}

void PartitionCarrier::use(const Clients& clients) {
    clients_ = clients;
    history_.use(clients.cluster);
}

// ---- starting

void PartitionCarrier::carry_out(const action::Assigned& a) {
    for (const auto& tp : a.partitions) {
        ++being_announced_[tp];
        engine_.log(LogLevel::info, tp.to_string() + " is ours");
    }
    engine_.call_back("on_assigned", &GroupConfig::on_assigned, a.partitions,
                      [weak = std::weak_ptr(engine_.hold(*this)), partitions = a.partitions] {
                          if (const auto self = weak.lock()) self->end_of_assigned(partitions);
                      });
}

void PartitionCarrier::end_of_assigned(const std::vector<TopicPartition>& partitions) {
    for (const auto& tp : partitions) {
        const auto found = being_announced_.find(tp);
        if (--found->second == 0) being_announced_.erase(found);
    }
    engine_.changed().notify_all();
}

void PartitionCarrier::carry_out(const action::Start& a) {
    auto held = std::make_shared<Held>();
    held->id = a.span;
    held->tp = a.tp;
    held_[a.span] = held;
    engine_.spawn(start(engine_.hold(*this), held));
}

Task<void> PartitionCarrier::start(Self self, HeldPtr held) {
    // A start that was cancelled may still be waiting for an answer; two at a time would confuse the store.
    while (self->starting_.count(held->tp) > 0) co_await self->engine_.changed().wait();
    if (held->over) co_return;
    self->starting_.insert(held->tp);
    bool failed = false;
    try {
        co_await find_position_and_assign(self, held);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        failed = true;
        self->not_started_.insert_or_assign(held->tp, error);
        if (!held->over) self->engine_.report(error);
    }
    if (!failed) self->not_started_.erase(held->tp);
    self->starting_.erase(held->tp);
    if (failed || held->over) self->clients_.offsets->abandon_partition(held->tp);
    if (!held->over) {
        if (failed) {
            self->held_.erase(held->id);
            self->engine_.post(event::NotStarted{held->id});
        } else {
            self->engine_.post(event::Started{held->id});
        }
    }
    self->engine_.changed().notify_all();
}

Task<void> PartitionCarrier::find_position_and_assign(Self self, HeldPtr held) {
    const std::optional<StartOffset> begin = co_await find_position(self, held);
    // Nothing is handed out of a partition that the program does not know to be its own.
    while (self->being_announced_.count(held->tp) > 0 && !held->over) co_await self->engine_.changed().wait();
    if (held->over || !begin) co_return;
    const auto consumer = self->clients_.consumer;
    std::function<void()> on_progress = self->progress_of(held->id);
    auto cursor = co_await consumer->async_assign(held->tp, *begin, std::move(on_progress));
    if (held->over) {
        consumer->unassign(cursor, PartitionCursor::State::retired);
        co_return;
    }
    held->cursor = std::move(cursor);
}

/// Nothing if the start was cancelled meanwhile.
Task<std::optional<StartOffset>> PartitionCarrier::find_position(Self self, HeldPtr held) {
    const TopicPartition tp = held->tp;
    std::int64_t stored = co_await self->clients_.offsets->initialize_partition(tp);
    if (held->over) co_return std::nullopt;
    const bool is_another = co_await TopicHistory::is_another_topic(self->engine_.hold(self->history_), tp);
    if (held->over) co_return std::nullopt;
    if (is_another && stored >= 0) {
        self->begin_anew(tp);
        stored = -1;
    }
    if (stored >= 0) {
        self->committer_.note_stored(tp, stored);
        co_return StartOffset::at(stored);
    }
    if (self->engine_.config().offsets.initial == Initial::oldest) co_return StartOffset::oldest();
    const std::int64_t end = co_await store_end_of_log(self, tp);
    co_return StartOffset::at(end);
}

/// "Newest" means the end of the log as of now. It is stored before anything is read: else the next owner, where this one
/// dies soon, would take it for its own now, and what came in between would be lost.
Task<std::int64_t> PartitionCarrier::store_end_of_log(Self self, TopicPartition tp) {
    std::vector<OffsetQuery> queries(1, OffsetQuery{tp, -1});
    const auto answers =
        co_await list_offsets(self->clients_.cluster, std::move(queries), self->engine_.config().fetch.isolation);
    const std::int64_t end = std::max<std::int64_t>(answers.front().offset, 0);
    self->clients_.offsets->mark_as_processed(tp, end);
    const auto failures = co_await Committer::commit(self->engine_.hold(self->committer_));
    for (const auto& failure : failures) {
        if (failure.tp == tp) throw Error(failure.error);
    }
    co_return end;
}

/// Called on any thread.
std::function<void()> PartitionCarrier::progress_of(SpanId id) {
    return [weak = std::weak_ptr(engine_.hold(*this)), runtime = std::weak_ptr(engine_.runtime()), id] {
        const auto alive = runtime.lock();
        if (!alive) return;
        asio::post(alive->executor(), [weak, id] {
            if (const auto me = weak.lock()) me->check_drained(id);
        });
    };
}

void PartitionCarrier::carry_out(const action::CancelStart& a) {
    const auto found = held_.find(a.span);
    if (found == held_.end() || found->second->cursor) return;  // its answer is on the way
    found->second->over = true;
    held_.erase(found);
    engine_.post(event::NotStarted{a.span});
    engine_.changed().notify_all();
}

const Error* PartitionCarrier::why_not_started(const TopicPartition& tp) const {
    const auto found = not_started_.find(tp);
    return found == not_started_.end() ? nullptr : &found->second;
}

// ---- stopping

void PartitionCarrier::carry_out(const action::Revoked& a) {
    for (const auto& tp : a.partitions) engine_.log(LogLevel::info, tp.to_string() + " is handed over");
    engine_.call_back("on_revoked", &GroupConfig::on_revoked, a.partitions,
                      [weak = std::weak_ptr(engine_.hold(*this)), spans = a.spans] {
                          if (const auto self = weak.lock()) self->engine_.post(event::RevokeReturned{spans});
                      });
}

void PartitionCarrier::carry_out(const action::Stop& a) {
    const auto& held = held_.at(a.span);
    clients_.consumer->unassign(held->cursor, PartitionCursor::State::draining);
    check_drained(a.span);
}

void PartitionCarrier::check_drained(SpanId id) {
    const auto found = held_.find(id);
    if (found == held_.end() || !found->second->cursor || found->second->over) return;
    const auto& cursor = *found->second->cursor;
    if (cursor.state() == PartitionCursor::State::draining && cursor.drained()) engine_.post(event::Drained{id});
}

void PartitionCarrier::carry_out(const action::Finalize& a) {
    engine_.spawn(finalize(engine_.hold(*this), held_.at(a.span), a));
}

Task<void> PartitionCarrier::finalize(Self self, HeldPtr held, action::Finalize a) {
    if (held->over) co_return;  // lost meanwhile
    auto& cursor = *held->cursor;
    // Marks are refused from here on, so that none is accepted that will not be committed.
    cursor.set_state(PartitionCursor::State::retired);
    self->pass_on_mark(*held);
    const std::int64_t processed = cursor.processed();
    const auto failure = co_await self->clients_.offsets->finalize_partition(held->tp, a.deadline);
    if (!held->over) {
        if (failure) {
            self->engine_.report(failure->error);
            self->note_uncommitted(*held, failure->error.what());
        } else if (!a.drained && processed < cursor.delivered()) {
            const std::string reason = "messages " + std::to_string(processed) + " to " +
                                       std::to_string(cursor.delivered() - 1) +
                                       " were handed out and not acknowledged in time; the next owner "
                                       "reads them again";
            self->engine_.report(Error(errc::timed_out, reason,
                                       {.topic = held->tp.topic, .partition = held->tp.partition, .offset = processed}));
            self->note_uncommitted(*held, reason);
        }
    }
    self->committer_.tell(held->tp);
    held->over = true;
    self->held_.erase(held->id);
    self->engine_.post(event::Finalized{held->id});
}

void PartitionCarrier::note_uncommitted(const Held& held, std::string reason) {
    if (!engine_.closing()) return;
    CloseReport::Uncommitted entry;
    entry.tp = held.tp;
    entry.processed = held.cursor->processed();
    entry.delivered = held.cursor->delivered();
    entry.committed = clients_.offsets->committed(held.tp).value_or(-1);
    entry.reason = std::move(reason);
    uncommitted_.push_back(std::move(entry));
}

void PartitionCarrier::carry_out(const action::Lost& a) {
    std::vector<TopicPartition> announced;
    for (const auto& lost : a.spans) {
        lose(lost);
        if (lost.announced) announced.push_back(lost.tp);
        engine_.log(LogLevel::warning, lost.tp.to_string() + " is lost");
    }
    engine_.call_back("on_lost", &GroupConfig::on_lost, announced);
    engine_.changed().notify_all();
}

void PartitionCarrier::lose(const action::LostSpan& lost) {
    const auto found = held_.find(lost.span);
    if (found == held_.end()) return;
    const auto held = found->second;
    held->over = true;
    held_.erase(found);
    if (!held->cursor) return;  // its start is still under way and cleans up after itself
    clients_.consumer->unassign(held->cursor, PartitionCursor::State::retired);
    const bool uncommitted =
        held->cursor->delivered() > clients_.offsets->committed(held->tp).value_or(held->cursor->start());
    if (uncommitted) note_uncommitted(*held, "ZooKeeper was not there to commit to, or to stay the owner by");
    clients_.offsets->abandon_partition(held->tp);
}

void PartitionCarrier::carry_out(const action::SuspendReading&) {
    clients_.consumer->suspend();
    tell_suspension(true);
}

void PartitionCarrier::carry_out(const action::ResumeReading&) {
    clients_.consumer->resume();
    tell_suspension(false);
}

/// A connection that comes and goes while another callback runs is told as what it came to.
void PartitionCarrier::tell_suspension(bool suspended) {
    suspended_ = suspended;
    if (std::exchange(suspension_waits_, true)) return;
    const auto make = [weak = std::weak_ptr(engine_.hold(*this))]() -> CallbackQueue::Call {
        const auto self = weak.lock();
        if (!self) return [] {};
        self->suspension_waits_ = false;
        if (std::exchange(self->suspension_told_, self->suspended_) == self->suspended_) return [] {};
        const auto callback = self->suspended_ ? &GroupConfig::on_suspended : &GroupConfig::on_resumed;
        return [config = self->engine_.shared_config(), callback] {
            if ((*config).*callback) ((*config).*callback)();
        };
    };
    engine_.call_back_made_late("on_suspended or on_resumed", make);
}

// ---- marks

void PartitionCarrier::begin_anew(const TopicPartition& tp) {
    clients_.offsets->restart_partition(tp, 0);
    committer_.forget(tp);
    history_.begin_anew(tp);
}

void PartitionCarrier::pass_on_marks() {
    for (const auto& [id, held] : held_) {
        if (held->cursor && !held->over) pass_on_mark(*held);
    }
}

void PartitionCarrier::each_read(const std::function<void(const TopicPartition&)>& visit) const {
    for (const auto& [id, held] : held_) {
        // What is known of one that is not read yet may be from the time before another member had it.
        if (held->cursor) visit(held->tp);
    }
}

void PartitionCarrier::pass_on_mark(Held& held) {
    const auto progress = held.cursor->progress();
    if (std::exchange(held.restarts, progress.restarts) != progress.restarts) {
        clients_.offsets->restart_partition(held.tp, progress.processed);
    } else if (progress.processed > progress.start) {
        clients_.offsets->mark_as_processed(held.tp, progress.processed);
    }
}

}  // namespace kwire
