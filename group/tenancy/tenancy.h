// The life of each partition that a member holds or wants, whoever coordinates the group.
//
// Purpose: acquire, announce, start, run, drain, finalize, release, in this order, as a function (input, now) -> orders
// without I/O, clock or thread. The coordinator says what is wanted and what is granted; carriers start, stop and
// commit.
//
// How it works: each partition has one Span with a Step. The coordinator only sets whether the partition is wanted, and
// advance() takes its span one step in that direction. So a change of mind in the middle of anything needs no special
// case, and a rebalance touches only the partitions that change hands.
// All that is known of a program's callbacks is here: what was announced, and which on_revoked has not returned.
// Invariants: nothing is started before it is announced; nothing is finalized or released before on_revoked has
// returned or processing_timeout has passed; an input costs what it touches, not what there is.
// Threads: one.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "membership_protocol.h"
#include "schedule.h"
#include "turn.h"

namespace kwire {

class Tenancy {
 public:
    struct Settings {
        /// How long a partition that goes waits until what was handed out is processed and on_revoked has returned.
        Duration processing_timeout;
        /// How long committing may take before a partition is released without.
        Duration finalize_timeout;
    };
    /// What is asked of the coordinator: to acquire, answered by granted(), or to release, answered by released().
    /// Either takes back the other one.
    struct Request {
        enum class Kind { acquire, release };
        Kind kind;
        SpanId span;
        TopicPartition tp;
    };
    /// How far a partition has come, for reports.
    enum class Progress { absent, acquiring, starting, running, leaving };

    Tenancy(Settings settings, Turn& turn)
        : settings_(settings), turn_(turn), drain_time_(settings.processing_timeout) {}

    // ---- from the coordinator
    void want(const TopicPartition& tp);
    void unwant(const TopicPartition& tp);
    /// Wants these and nothing else.
    void want_only(const std::set<TopicPartition>& wanted);
    void granted(SpanId span);
    void released(SpanId span);
    /// Another member has it: Lost at once, and acquired again if it is still wanted.
    void withdrawn(SpanId span);
    /// Until resume() nothing is started and nothing finalized.
    void suspend() { set_suspended(true); }
    void resume() { set_suspended(false); }
    void lose_all();
    /// Wants nothing, and gives the program at most drain.
    void close(Duration drain);

    // ---- from the carrier of partitions
    void on(const event::Started& e);
    void on(const event::NotStarted& e);
    void on(const event::Drained& e);
    void on(const event::RevokeReturned& e);
    void on(const event::Finalized& e);

    /// Takes every span that was touched, or whose time came, as far as it goes. grants_pending: more are about to be
    /// granted, so that announcing waits for these.
    void progress(bool grants_pending);
    /// True if progress() has something to do.
    bool has_work() const { return !touched_.empty(); }
    std::vector<Request> take_requests() { return std::exchange(requests_, {}); }

    std::optional<TimePoint> next_timer() const { return timers_.next(); }
    bool empty() const { return spans_.empty(); }
    /// True while the program has messages of a partition that goes, or on_revoked has not returned for it.
    bool held_by_program() const { return held_ > 0; }
    bool wants(const TopicPartition& tp) const;
    Progress progress_of(const TopicPartition& tp) const;

 private:
    enum class Step {
        acquiring,
        granted,  // waits until all grants are in, to be announced together
        to_start,
        starting,
        cancelling,
        running,
        draining,
        to_finalize,
        finalizing,
        to_release,
        releasing,
    };
    struct Span {
        SpanId id = 0;
        Step step = Step::acquiring;
        bool wanted = true;
        bool drained = false;
        bool announced = false;  // as assigned, and not yet as revoked
        bool revoking = false;   // on_revoked has not returned
        bool held = false;       // counted in held_
        Retry retry;             // of the start
        TimePoint drain_deadline{};
    };

    /// The span of that id if it is in one of the steps given; null for an answer that came too late. Touches it.
    Span* find(SpanId id, std::initializer_list<Step> steps);
    void renew(const TopicPartition& tp, Span& span);  // the same partition, another span
    void request(Request::Kind kind, const TopicPartition& tp, const Span& span);
    void erase(const TopicPartition& tp);
    void set_suspended(bool suspended);
    void revoke(const std::set<TopicPartition>& touched);
    /// Takes span as far as it goes.
    void advance(const TopicPartition& tp, Span& span);
    void announce(bool grants_pending);
    bool is_held(const Span& span) const;
    std::optional<TimePoint> timer_of(const Span& span) const;
    static bool is_to_be_announced(const Span& span);

    const Settings settings_;
    Turn& turn_;
    Duration drain_time_;
    bool suspended_ = false;
    std::map<TopicPartition, Span> spans_;
    std::map<SpanId, TopicPartition> names_;
    std::set<TopicPartition> touched_;
    std::set<TopicPartition> to_announce_;
    Schedule<TopicPartition> timers_;
    std::vector<Request> requests_;
    SpanId next_span_ = 1;
    std::size_t held_ = 0;
};

}  // namespace kwire
