// What the parts of one membership share while they handle an event: the time, the orders, and how to wait before a
// retry.
//
// Purpose: the parts are pure; a Turn is their only way to learn the time and to order anything.
// Threads: one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kwire/net/backoff.h>

#include "membership_protocol.h"

namespace kwire {

class Turn {
 public:
    using Orders = std::vector<MembershipAction>;
    /// Without a seed no wait has jitter.
    Turn(Backoff::Milliseconds first, Backoff::Milliseconds most, std::optional<std::uint64_t> jitter_seed)
        : first_(first), most_(most), seed_(jitter_seed) {}

    /// Time never goes back.
    void begin(TimePoint now) { now_ = std::max(now_, now); }
    TimePoint now() const { return now_; }
    bool due(TimePoint when) const { return when <= now_; }

    template <class Action>
    void order(Action action) {
        orders_.emplace_back(std::move(action));
    }
    Orders take_orders() { return std::exchange(orders_, {}); }

    /// Each has jitter of its own.
    Backoff new_backoff() {
        if (seed_) ++*seed_;
        return Backoff(first_, most_, seed_);
    }
    /// From nothing to most; nothing without a seed.
    Duration jitter(Duration most) {
        if (!seed_) return {};
        const auto drawn = std::hash<std::string>{}(std::to_string(++*seed_)) % 1'000;
        return most * static_cast<std::int64_t>(drawn) / 1'000;
    }

 private:
    const Backoff::Milliseconds first_;
    const Backoff::Milliseconds most_;
    std::optional<std::uint64_t> seed_;
    TimePoint now_{};
    Orders orders_;
};

/// When something may be tried (again).
struct Retry {
    TimePoint not_before{};
    Backoff backoff{};

    void later(Turn& turn) {
        if (backoff.failures() == 0) backoff = turn.new_backoff();
        not_before = turn.now() + backoff.next();
    }
    void at_once(const Turn& turn) { not_before = turn.now(); }
    /// After a lost connection is back. What has failed again and again may be what the connection is lost by, such as a
    /// request that the server does not take: it keeps its wait.
    void connected_again(const Turn& turn) {
        if (backoff.failures() < 3) at_once(turn);
    }
    void reset(const Turn& turn) {
        backoff.reset();
        at_once(turn);
    }
};

/// What is read from outside, and read again when it changes.
struct Reading {
    bool known = false;
    bool under_way = false;
    bool again = true;
    Retry retry{};

    bool up_to_date() const { return known && !under_way; }
    bool waits() const { return again && !under_way; }
    void ask_again(const Turn& turn) {
        again = true;
        retry.at_once(turn);
    }
    void failed(Turn& turn) {
        again = true;
        retry.later(turn);
    }
    /// True if it is to be read now, and counts as under way from here.
    bool begin(const Turn& turn) {
        if (!waits() || !turn.due(retry.not_before)) return false;
        again = false;
        return under_way = true;
    }
    /// False for an answer that nobody waits for.
    bool end() { return std::exchange(under_way, false); }
};

/// The earlier of two times, either of which may be absent.
inline std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

}  // namespace kwire
