// What a member does with a partition: claim, start, stop, commit, release, lose.
#include <algorithm>
#include <exception>
#include <utility>

#include <asio/post.hpp>

#include "joined_member.h"

namespace kwire {

// ---- owner nodes

void JoinedMember::carry_out(const action::Claim& a) {
    runtime_->spawn(claim(shared_from_this(), a));
}

Task<void> JoinedMember::claim(Self self, action::Claim a) {
    zk::Code code = zk::Code::other;
    try {
        if (self->settings_.config.group_instance_id.empty()) {
            code = co_await self->registry_->claim(self->group(), self->id_, a.tp, a.owner_text);
        } else {
            code = co_await self->registry_->claim_again(self->group(), self->id_, a.tp, a.owner_text);
        }
        if (code == zk::Code::no_auth || code == zk::Code::other) {
            self->report(Error(errc::zookeeper_error,
                               "claiming the partition: " + std::string(zk::name(code)),
                               {.topic = a.tp.topic, .partition = a.tp.partition}));
        }
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    self->post(event::ClaimAnswered{a.span, code});
}

void JoinedMember::carry_out(const action::WatchOwner& a) {
    runtime_->spawn(watch_owner(shared_from_this(), a));
}

Task<void> JoinedMember::watch_owner(Self self, action::WatchOwner a) {
    const zk::Watch watch = [weak = Weak(self), span = a.span](const zk::WatchEvent& e) {
        const auto me = weak.lock();
        // Whatever happened to the node: to claim it is how to find out.
        if (me && e.type != zk::WatchEvent::Type::session) me->post(event::OwnerGone{span});
    };
    bool unreadable = false;
    std::optional<zk::Owner> owner;
    try {
        owner = co_await self->registry_->owner(self->group(), a.tp, watch);
    } catch (...) {
        unreadable = true;  // the connection; anything else the next claim reports
    }
    if (unreadable) {
        self->post(event::OwnerUnreadable{a.span});
    } else if (!owner) {
        self->post(event::OwnerGone{a.span});
    } else {
        self->log(LogLevel::info, a.tp.to_string() + " is still owned by " + owner->id);
    }
}

void JoinedMember::carry_out(const action::WatchClaim&) {}

void JoinedMember::carry_out(const action::ReportBlocked& a) {
    report(Error(errc::not_owner,
                 "the ZooKeeper node /consumers/" + group() + "/owners/" + a.tp.topic + '/' +
                     std::to_string(a.tp.partition) +
                     " is persistent, so no session's end removes it, and the partition is not read: delete the node",
                 {.topic = a.tp.topic, .partition = a.tp.partition}));
}

void JoinedMember::carry_out(const action::Release& a) {
    runtime_->spawn(release(shared_from_this(), a));
}

Task<void> JoinedMember::release(Self self, action::Release a) {
    zk::Code code = zk::Code::other;
    try {
        code = co_await self->registry_->release(self->group(), self->id_, a.tp, a.claim_unknown);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        self->report(error);
    }
    self->announced_.erase(a.tp);
    self->post(event::Released{a.span, code});
}

// ---- starting

void JoinedMember::carry_out(const action::Assigned& a) {
    for (const auto& tp : a.partitions) {
        announced_.insert(tp);
        log(LogLevel::info, tp.to_string() + " is ours");
    }
    for (const auto& tp : a.partitions) ++being_announced_[tp];
    call_back("on_assigned", settings_.config.on_assigned, a.partitions,
              [weak = weak_from_this(), partitions = a.partitions] {
                  const auto self = weak.lock();
                  if (!self) return;
                  for (const auto& tp : partitions) {
                      const auto found = self->being_announced_.find(tp);
                      if (--found->second == 0) self->being_announced_.erase(found);
                  }
                  self->changed_.notify_all();
              });
}

void JoinedMember::carry_out(const action::Start& a) {
    auto span = std::make_shared<Span>();
    span->id = a.span;
    span->tp = a.tp;
    spans_[a.span] = span;
    runtime_->spawn(start(shared_from_this(), span));
}

Task<void> JoinedMember::start(Self self, SpanPtr span) {
    // A start that was cancelled may still be waiting for an answer; two at a time would confuse the store.
    while (self->starting_.count(span->tp) > 0) co_await self->changed_.wait();
    if (span->over) co_return;
    self->starting_.insert(span->tp);
    bool failed = false;
    try {
        co_await find_position_and_assign(self, span);
    } catch (...) {
        const Error error = as_error(std::current_exception());
        failed = true;
        self->not_begun_.insert_or_assign(span->tp, error);
        if (!span->over) self->report(error);
    }
    if (!failed) self->not_begun_.erase(span->tp);
    self->starting_.erase(span->tp);
    if (failed || span->over) self->offsets_->abandon_partition(span->tp);
    if (!span->over) {
        if (failed) {
            self->spans_.erase(span->id);
            self->post(event::NotStarted{span->id});
        } else {
            self->post(event::Started{span->id});
        }
    }
    self->changed_.notify_all();
}

Task<void> JoinedMember::find_position_and_assign(Self self, SpanPtr span) {
    std::int64_t stored = co_await self->offsets_->initialize_partition(span->tp);
    if (span->over) co_return;
    const bool is_another = co_await is_another_topic(self, span->tp);
    if (span->over) co_return;
    if (is_another && stored >= 0) {
        self->begin_anew(span->tp);
        stored = -1;
    }
    if (stored >= 0) self->committed_told_[span->tp] = stored;
    const std::function<void()> on_progress = [weak = Weak(self), runtime = std::weak_ptr(self->runtime_),
                                               id = span->id] {
        const auto alive = runtime.lock();
        if (!alive) return;
        asio::post(alive->executor(), [weak, id] {
            if (const auto me = weak.lock()) me->check_drained(id);
        });
    };
    const bool newest = self->settings_.config.offsets.initial == Initial::newest;
    StartOffset begin = stored >= 0 ? StartOffset::at(stored) : StartOffset::oldest();
    if (stored < 0 && newest) {
        const std::int64_t end = co_await store_end_of_log(self, span->tp);
        if (span->over) co_return;
        begin = StartOffset::at(end);
    }
    // Nothing is handed out of a partition that the program does not know to be its own.
    while (self->being_announced_.count(span->tp) > 0 && !span->over) co_await self->changed_.wait();
    if (span->over) co_return;
    auto cursor = co_await self->consumer_->async_assign(span->tp, begin, on_progress);
    if (span->over) {
        self->consumer_->unassign(cursor, PartitionCursor::State::retired);
        co_return;
    }
    span->cursor = std::move(cursor);
}

/// "Newest" means the end of the log as of now. It is stored before anything is read: else the next owner, where this one
/// dies soon, would take it for its own now, and what came in between would be lost.
Task<std::int64_t> JoinedMember::store_end_of_log(Self self, TopicPartition tp) {
    std::vector<OffsetQuery> queries(1, OffsetQuery{tp, -1});
    const auto answers =
        co_await list_offsets(self->cluster_, std::move(queries), self->settings_.config.fetch.isolation);
    const std::int64_t end = std::max<std::int64_t>(answers.front().offset, 0);
    self->offsets_->mark_as_processed(tp, end);
    const auto failures = co_await commit(self);
    for (const auto& failure : failures) {
        if (failure.tp == tp) throw Error(failure.error);
    }
    co_return end;
}

void JoinedMember::carry_out(const action::CancelStart& a) {
    const auto found = spans_.find(a.span);
    if (found == spans_.end() || found->second->cursor) return;  // its answer is on the way
    found->second->over = true;
    spans_.erase(found);
    post(event::NotStarted{a.span});
}

// ---- stopping

void JoinedMember::carry_out(const action::Revoked& a) {
    for (const auto& tp : a.partitions) log(LogLevel::info, tp.to_string() + " is handed over");
    call_back("on_revoked", settings_.config.on_revoked, a.partitions, [weak = weak_from_this(), spans = a.spans] {
        if (const auto self = weak.lock()) self->post(event::RevokeReturned{spans});
    });
}

void JoinedMember::carry_out(const action::Stop& a) {
    const auto& span = spans_.at(a.span);
    consumer_->unassign(span->cursor, PartitionCursor::State::draining);
    check_drained(a.span);
}

void JoinedMember::check_drained(SpanId id) {
    const auto found = spans_.find(id);
    if (found == spans_.end() || !found->second->cursor || found->second->over) return;
    const auto& cursor = *found->second->cursor;
    if (cursor.state() == PartitionCursor::State::draining && cursor.drained()) post(event::Drained{id});
}

void JoinedMember::carry_out(const action::Finalize& a) {
    runtime_->spawn(finalize(shared_from_this(), spans_.at(a.span), a.drained, a.deadline));
}

Task<void> JoinedMember::finalize(Self self, SpanPtr span, bool drained, TimePoint deadline) {
    if (span->over) co_return;  // lost meanwhile
    auto& cursor = *span->cursor;
    // Marks are refused from here on, so that none is accepted that will not be committed.
    cursor.set_state(PartitionCursor::State::retired);
    self->pass_on_mark(*span);
    const std::int64_t processed = cursor.processed();
    const auto failure = co_await self->offsets_->finalize_partition(span->tp, deadline);
    if (!span->over) {
        if (failure) {
            self->report(failure->error);
            self->note_uncommitted(*span, failure->error.what());
        } else if (!drained && processed < cursor.delivered()) {
            const std::string reason = "messages " + std::to_string(processed) + " to " +
                                       std::to_string(cursor.delivered() - 1) +
                                       " were handed out and not acknowledged in time; the next owner "
                                       "reads them again";
            self->report(Error(errc::timed_out, reason,
                               {.topic = span->tp.topic, .partition = span->tp.partition, .offset = processed}));
            self->note_uncommitted(*span, reason);
        }
    }
    self->tell_committed();
    span->over = true;
    self->spans_.erase(span->id);
    self->post(event::Finalized{span->id});
}

void JoinedMember::note_uncommitted(const Span& span, std::string reason) {
    if (!closing()) return;
    CloseReport::Uncommitted entry;
    entry.tp = span.tp;
    entry.processed = span.cursor->processed();
    entry.delivered = span.cursor->delivered();
    entry.committed = offsets_->committed(span.tp).value_or(-1);
    entry.reason = std::move(reason);
    close_report_.uncommitted.push_back(std::move(entry));
}

void JoinedMember::carry_out(const action::Lost& a) {
    std::vector<TopicPartition> announced;
    for (const auto& lost : a.spans) {
        lose(lost);
        if (announced_.erase(lost.tp) > 0) announced.push_back(lost.tp);
        log(LogLevel::warning, lost.tp.to_string() + " is lost");
    }
    call_back("on_lost", settings_.config.on_lost, announced);
}

void JoinedMember::lose(const action::LostSpan& lost) {
    const auto found = spans_.find(lost.span);
    if (found == spans_.end()) return;
    const auto span = found->second;
    span->over = true;
    spans_.erase(found);
    if (!span->cursor) return;  // its start is still under way and cleans up after itself
    consumer_->unassign(span->cursor, PartitionCursor::State::retired);
    const bool uncommitted = span->cursor->delivered() > offsets_->committed(span->tp).value_or(span->cursor->start());
    if (uncommitted) note_uncommitted(*span, "ZooKeeper was not there to commit to, or to stay the owner by");
    offsets_->abandon_partition(span->tp);
}

void JoinedMember::carry_out(const action::SuspendReading&) {
    consumer_->suspend();
    call_back("on_suspended", settings_.config.on_suspended);
}

void JoinedMember::carry_out(const action::ResumeReading&) {
    consumer_->resume();
    call_back("on_resumed", settings_.config.on_resumed);
}

// ---- committing

void JoinedMember::sweep_marks() {
    for (const auto& [id, span] : spans_) {
        if (span->cursor && !span->over) pass_on_mark(*span);
    }
}

void JoinedMember::pass_on_mark(Span& span) {
    const auto progress = span.cursor->progress();
    if (std::exchange(span.restarts, progress.restarts) != progress.restarts) {
        offsets_->restart_partition(span.tp, progress.processed);
    } else if (progress.processed > progress.start) {
        offsets_->mark_as_processed(span.tp, progress.processed);
    }
}

Task<std::vector<CommitFailure>> JoinedMember::commit(Self self) {
    while (self->committing_) co_await self->changed_.wait();
    // Not before: who waits here may have lost everything meanwhile.
    if (!self->trusted()) throw self->not_trusted();
    self->committing_ = true;
    self->sweep_marks();
    std::vector<CommitFailure> failures;
    std::exception_ptr broken;
    try {
        failures = co_await self->offsets_->flush();
    } catch (...) {
        broken = std::current_exception();  // a program's own store
    }
    self->committing_ = false;
    self->changed_.notify_all();
    self->tell_committed();
    if (broken) std::rethrow_exception(broken);
    co_return failures;
}

/// What the store holds more than when we last told.
void JoinedMember::tell_committed() {
    if (!settings_.config.on_committed) return;
    const bool is_queued = !committed_news_.empty();
    for (const auto& [id, span] : spans_) {
        if (!span->cursor) continue;  // what is known of it may be from the time before another member had it
        const auto committed = offsets_->committed(span->tp);
        if (!committed) continue;
        const auto [told, is_new] = committed_told_.try_emplace(span->tp, *committed);
        if (!is_new && told->second == *committed) continue;
        told->second = *committed;
        committed_news_[span->tp] = *committed;
    }
    if (is_queued || committed_news_.empty()) return;
    // What is stored until it is its turn, it tells as well.
    const auto make = [weak = weak_from_this(), callback = settings_.config.on_committed]() -> CallbackQueue::Call {
        const auto self = weak.lock();
        if (!self) return [] {};
        return [callback, news = std::exchange(self->committed_news_, {})] { callback(news); };
    };
    callbacks_->add_made_late("on_committed", make);
}

Task<void> JoinedMember::run_commits(Self self) {
    const auto interval = self->settings_.config.offsets.commit_interval;
    while (!self->closing()) {
        co_await self->commit_timer_.wait_for(interval);
        // While ZooKeeper is away nobody knows who the owner is, and it may no longer be us.
        if (self->closing() || !self->trusted()) continue;
        try {
            const auto failures = co_await commit(self);
            for (const auto& failure : failures) self->report(failure.error);
        } catch (...) {
            const Error error = as_error(std::current_exception());
            if (error.condition() != errc::zookeeper_unavailable) self->report(error);
        }
    }
}

Task<void> JoinedMember::flush(Self self) {
    if (self->membership_.closed()) {
        throw Error(errc::closed, "group " + self->group() + " is closed; closing committed what was acknowledged");
    }
    const auto failures = co_await commit(self);
    if (!failures.empty()) throw Error(failures.front().error);
}

}  // namespace kwire
