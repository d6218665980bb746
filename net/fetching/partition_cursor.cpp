#include <kwire/net/partition_cursor.h>

#include <algorithm>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

#include "process_barrier.h"

namespace kwire {
namespace {

long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

void raise_to(std::atomic<std::int64_t>& value, std::int64_t to) {
    auto seen = value.load(std::memory_order_relaxed);
    while (seen < to && !value.compare_exchange_weak(seen, to, std::memory_order_release)) {
    }
}

}  // namespace

std::atomic<bool> PartitionCursor::process_wide_barrier_works_{false};

void PartitionCursor::full_fence() { meet_other_threads(); }

void process_wide_barrier() {
    static ProcessBarrier barrier(PartitionCursor::process_wide_barrier_works_, membarrier);
    barrier.pass();
}

namespace {
// Registered before there are readers.
[[maybe_unused]] const bool registered = (process_wide_barrier(), true);
}  // namespace

PartitionCursor::PartitionCursor(TopicPartition tp, std::uint64_t generation, std::int64_t start,
                                 std::function<void()> on_progress, const void* reader)
    : delivered_(start),
      processed_(start),
      processed_shared_(start),
      reader_(reader),
      tp_(std::move(tp)),
      generation_(generation),
      start_(start),
      on_progress_(std::move(on_progress)) {}

void PartitionCursor::take_back_delivery(std::int64_t before) {
    delivered_.store(before, std::memory_order_release);
    // The state may turn to draining just now: either it is seen here, or whoever turns it sees the position.
    reader_fence();
    end_of_batch();
}

void PartitionCursor::end_of_batch() {
    if (state() == State::draining && on_progress_) on_progress_();
}

bool PartitionCursor::mark_while_leaving(State now) {
    if (now == State::retired) return false;
    if (on_progress_) on_progress_();
    return true;
}

bool PartitionCursor::mark_processed_shared(std::int64_t next, std::uint32_t restarts) {
    {
        const std::lock_guard lock(ranges_mutex_);  // against restart
        if (!counts(restarts)) return false;
        raise_to(processed_shared_, next);
    }
    return look_after_mark();
}

bool PartitionCursor::acknowledge(std::int64_t begin, std::int64_t end, std::uint32_t restarts) {
    if (state() == State::retired) return false;
    {
        const std::lock_guard lock(ranges_mutex_);
        if (!counts(restarts)) return false;
        add_acknowledged(begin, end);
    }
    return look_after_mark();
}

/// After a mark was recorded, as in mark_processed.
bool PartitionCursor::look_after_mark() {
    reader_fence();
    const State now = state();
    return now == State::flowing || now == State::suspended || mark_while_leaving(now);
}

void PartitionCursor::skip_to(std::int64_t end) {
    const std::lock_guard lock(ranges_mutex_);
    skipped_from_ = handed_out();
    skipped_to_ = end;
    add_acknowledged(skipped_from_, end);
}

void PartitionCursor::add_acknowledged(std::int64_t begin, std::int64_t end) {
    if (begin >= end) return;
    auto& ranges = acknowledged_ranges_;
    auto next = ranges.upper_bound(begin);
    auto range = next == ranges.begin() ? next : std::prev(next);
    // Joined with the range before it and those behind that it touches: a program that leaves one message open and
    // acknowledges a million behind it costs one range.
    if (range == next || range->second < begin) range = ranges.emplace_hint(next, begin, end);
    range->second = std::max(range->second, end);
    while (next != ranges.end() && next->first <= range->second) {
        range->second = std::max(range->second, next->second);
        next = ranges.erase(next);
    }
    const auto prefix = past_acknowledged(processed_shared_.load(std::memory_order_relaxed));
    raise_to(processed_shared_, prefix);
    // What mark_processed went past is of no use any more either.
    const auto done = std::max(prefix, processed_.load(std::memory_order_relaxed));
    while (!ranges.empty() && ranges.begin()->second <= done) ranges.erase(ranges.begin());
}

std::int64_t PartitionCursor::past_acknowledged(std::int64_t from) const {
    for (const auto& [begin, end] : acknowledged_ranges_) {
        if (begin > from) break;
        from = std::max(from, end);
    }
    return from;
}

void PartitionCursor::restart(std::int64_t offset, std::uint32_t expected) {
    const std::lock_guard lock(ranges_mutex_);
    acknowledged_ranges_.clear();
    skipped_from_ = skipped_to_ = -1;
    const std::uint32_t ended = std::min(expected, restarts_expected_);
    restarts_expected_ -= ended;
    restarts_.fetch_add(std::max<std::uint32_t>(ended, 1), std::memory_order_relaxed);
    start_.store(offset, std::memory_order_relaxed);
    processed_.store(offset, std::memory_order_relaxed);
    processed_shared_.store(offset, std::memory_order_relaxed);
    delivered_.store(offset, std::memory_order_release);
}

void PartitionCursor::expect_restart() {
    {
        const std::lock_guard lock(ranges_mutex_);
        ++restarts_expected_;
        restart_offset_.reset();
        acknowledged_ranges_.clear();
    }
    end_of_batch();  // who waits for marks need not wait any longer
}

std::uint32_t PartitionCursor::restarts_expected() const {
    const std::lock_guard lock(ranges_mutex_);
    return restarts_expected_;
}

void PartitionCursor::restart_comes(std::int64_t offset) {
    const std::lock_guard lock(ranges_mutex_);
    restart_offset_ = offset;
}

std::int64_t PartitionCursor::delivered() const {
    const std::lock_guard lock(ranges_mutex_);
    if (restarts_expected_ > 0) return processed_locked();
    const std::int64_t handed_out = delivered_.load(std::memory_order_acquire);
    return handed_out == skipped_from_ ? skipped_to_ : handed_out;
}

std::int64_t PartitionCursor::processed() const {
    const std::lock_guard lock(ranges_mutex_);
    return processed_locked();
}

PartitionCursor::Progress PartitionCursor::progress() const {
    const std::lock_guard lock(ranges_mutex_);
    if (restarts_expected_ == 0) return {start(), processed_locked(), restarts()};
    const std::int64_t at = processed_locked();
    // One that is only expected has nothing to say yet.
    return {at, at, restarts() + restarts_expected_ - (restart_offset_ ? 0 : 1)};
}

std::int64_t PartitionCursor::processed_locked() const {
    if (restarts_expected_ > 0) return restart_offset_.value_or(start());
    return past_acknowledged(std::max(processed_.load(std::memory_order_acquire),
                                      processed_shared_.load(std::memory_order_acquire)));
}

void PartitionCursor::set_state(State state) {
    state_.store(state, std::memory_order_relaxed);
    process_wide_barrier();
}

}  // namespace kwire
