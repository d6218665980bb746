#include "judge.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace kwire::seeds {
namespace {

std::string of(ProcessId process) { return 'p' + std::to_string(process); }

}  // namespace

void Judge::say(const std::string& what) const {
    if (!said_) return;
    const double seconds = std::chrono::duration<double>(now_().time_since_epoch()).count() - 3600;
    char time[32];
    std::snprintf(time, sizeof time, "%9.3f  ", seconds);
    said_(time + what);
}

void Judge::fail(const std::string& what) {
    if (!broken_.empty()) return;
    const double seconds = std::chrono::duration<double>(now_().time_since_epoch()).count() - 3600;
    char time[32];
    std::snprintf(time, sizeof time, "at %.3f s: ", seconds);
    broken_ = time + what;
    say("BROKEN: " + what);
}

/// Into the trace and the digest.
void Judge::note(const std::string& what) {
    digest = digest * 1099511628211U + std::hash<std::string>{}(what) +
             static_cast<std::uint64_t>(now_().time_since_epoch().count());
    say(what);
}

// ---- owners

void Judge::assigned(ProcessId process, const TopicPartition& tp) {
    note(of(process) + " is assigned " + tp.to_string());
    for (const auto& [key, span] : spans_) {
        if (key.second != tp || callbacks_late_) continue;
        if (key.first == process) {
            fail(of(process) + " is assigned " + tp.to_string() + " twice without a revocation");
        } else if (!span.excused_until) {
            fail(of(process) + " is assigned " + tp.to_string() + ", which " + of(key.first) + " still owns");
        }
    }
    spans_[{process, tp}] = {};
}

void Judge::gone(ProcessId process, const TopicPartition& tp) {
    note(of(process) + " gave up " + tp.to_string());
    spans_.erase({process, tp});
}

void Judge::ended(ProcessId process) {
    std::erase_if(spans_, [process](const auto& entry) { return entry.first.first == process; });
}

void Judge::excuse(ProcessId process, Duration grace) {
    for (auto& [key, span] : spans_) {
        if (key.first == process && !span.excused_until) span.excused_until = now_() + grace;
    }
}

void Judge::excuse(ProcessId process, const TopicPartition& tp, Duration grace) {
    const auto span = spans_.find({process, tp});
    if (span != spans_.end() && !span->second.excused_until) span->second.excused_until = now_() + grace;
}

void Judge::disturbed(ProcessId process, const TopicPartition& tp, Duration grace) {
    const auto span = spans_.find({process, tp});
    if (span == spans_.end()) return;
    const TimePoint until = now_() + grace;
    span->second.excused_until = std::max(span->second.excused_until.value_or(until), until);
}

void Judge::stands_again(ProcessId process, const TopicPartition& tp) {
    const auto span = spans_.find({process, tp});
    if (span != spans_.end() && span->second.excused_until && *span->second.excused_until <= now_()) {
        span->second.excused_until.reset();
    }
}

bool Judge::excused(ProcessId process, const TopicPartition& tp) const {
    const auto span = spans_.find({process, tp});
    return span != spans_.end() && span->second.excused_until && now_() <= *span->second.excused_until;
}

bool Judge::owns(ProcessId process, const TopicPartition& tp) const { return spans_.contains({process, tp}); }

// ---- deliveries

void Judge::delivered(ProcessId process, const TopicPartition& tp, std::uint64_t claim, std::int64_t offset) {
    ++deliveries_;
    const std::string what = tp.to_string() + '@' + std::to_string(offset);
    note(of(process) + " is handed " + what);
    const auto span = spans_.find({process, tp});
    if (callbacks_late_) {
        // Only what the offsets themselves say.
    } else if (span == spans_.end()) {
        fail(of(process) + " is handed " + what + ", which it does not own");
    } else if (span->second.excused_until && now_() > *span->second.excused_until) {
        fail(of(process) + " is handed " + what + " after it lost it");
    }
    Claim& reading = claims_[{process, tp}];
    if (reading.number == claim) {
        if (offset < reading.next) fail(of(process) + " is handed " + what + " again within one claim");
        if (offset > reading.next) {
            fail(of(process) + " is handed " + what + ", but not " + std::to_string(reading.next) + " before it");
        }
    } else if (offset > processed(tp)) {
        fail(of(process) + " begins with " + what + ", though only what is before " + std::to_string(processed(tp)) +
             " was processed");
    }
    reading = {claim, offset + 1};
    auto& highest = delivered_[tp];
    if (offset < highest) ++duplicates_;
    highest = std::max(highest, offset + 1);
}

void Judge::acknowledged(const TopicPartition& tp, std::int64_t offset) {
    auto& processed = processed_[tp];
    auto& waiting = out_of_order_[tp];
    if (offset >= processed) waiting.insert(offset);
    while (!waiting.empty() && *waiting.begin() <= processed) {
        if (*waiting.begin() == processed) ++processed;
        waiting.erase(waiting.begin());
    }
}

std::int64_t Judge::processed(const TopicPartition& tp) const {
    const auto found = processed_.find(tp);
    return found == processed_.end() ? 0 : found->second;
}

// ---- commits

void Judge::committed(ProcessId process, const std::string& store, const TopicPartition& tp, std::int64_t next,
                      bool legitimate, bool late) {
    const std::string what = of(process) + " commits " + std::to_string(next) + " of " + tp.to_string() + " to " + store;
    note(what + (late ? ", late" : ""));
    if (next > processed(tp)) fail(what + ", but only what is before " + std::to_string(processed(tp)) + " was processed");
    const auto before = stored(store, tp);
    if (next < before && !late) fail(what + ", where " + std::to_string(before) + " was stored");
    if (!legitimate) fail(what + " and does not own it");
    stored_[{store, tp}] = next;
}

std::int64_t Judge::stored(const std::string& store, const TopicPartition& tp) const {
    const auto found = stored_.find({store, tp});
    return found == stored_.end() ? -1 : found->second;
}

}  // namespace kwire::seeds
