#include <kwire/net/partition_cursor.h>

#include <algorithm>
#include <utility>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kwire {
namespace {

bool register_process_wide_barrier() {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void raise_to(std::atomic<std::int64_t>& value, std::int64_t to) {
    auto seen = value.load(std::memory_order_relaxed);
    while (seen < to && !value.compare_exchange_weak(seen, to, std::memory_order_release)) {
    }
}

/// A read-modify-write of one variable that both sides touch orders them as a fence does, and unlike a fence the thread
/// sanitizer understands it. The rare way, for kernels without membarrier.
void meet_other_threads() {
    static std::atomic<int> meeting_point{0};
    meeting_point.fetch_add(1, std::memory_order_seq_cst);
}

}  // namespace

const bool PartitionCursor::process_wide_barrier_works_ = register_process_wide_barrier();

void PartitionCursor::full_fence() { meet_other_threads(); }

void process_wide_barrier() {
    // Where the kernel refuses, readers pass a full fence of their own, and so does this side.
    meet_other_threads();
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

PartitionCursor::PartitionCursor(TopicPartition tp, std::uint64_t generation, std::int64_t start,
                                 std::function<void()> on_progress)
    : delivered_(start),
      processed_(start),
      processed_shared_(start),
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
        if (restarts != this->restarts()) return false;
        raise_to(processed_shared_, next);
    }
    return look_after_mark();
}

bool PartitionCursor::acknowledge(std::int64_t begin, std::int64_t end, std::uint32_t restarts) {
    if (state() == State::retired) return false;
    {
        const std::lock_guard lock(ranges_mutex_);
        if (restarts != this->restarts()) return false;
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
    auto& known_end = acknowledged_ranges_[begin];
    known_end = std::max(known_end, end);
    const auto prefix = past_acknowledged(processed_shared_.load(std::memory_order_relaxed));
    raise_to(processed_shared_, prefix);
    // What mark_processed went past is of no use any more either.
    const auto done = std::max(prefix, processed_.load(std::memory_order_relaxed));
    while (!acknowledged_ranges_.empty() && acknowledged_ranges_.begin()->second <= done) {
        acknowledged_ranges_.erase(acknowledged_ranges_.begin());
    }
}

std::int64_t PartitionCursor::past_acknowledged(std::int64_t from) const {
    for (const auto& [begin, end] : acknowledged_ranges_) {
        if (begin > from) break;
        from = std::max(from, end);
    }
    return from;
}

void PartitionCursor::restart(std::int64_t offset) {
    const std::lock_guard lock(ranges_mutex_);
    acknowledged_ranges_.clear();
    skipped_from_ = skipped_to_ = -1;
    restarts_.fetch_add(1, std::memory_order_relaxed);
    start_.store(offset, std::memory_order_relaxed);
    processed_.store(offset, std::memory_order_relaxed);
    processed_shared_.store(offset, std::memory_order_relaxed);
    delivered_.store(offset, std::memory_order_release);
}

std::int64_t PartitionCursor::delivered() const {
    const std::lock_guard lock(ranges_mutex_);
    const std::int64_t handed_out = delivered_.load(std::memory_order_acquire);
    return handed_out == skipped_from_ ? skipped_to_ : handed_out;
}

std::int64_t PartitionCursor::processed() const {
    const std::lock_guard lock(ranges_mutex_);
    return processed_locked();
}

PartitionCursor::Progress PartitionCursor::progress() const {
    const std::lock_guard lock(ranges_mutex_);
    return {start(), processed_locked(), restarts()};
}

std::int64_t PartitionCursor::processed_locked() const {
    return past_acknowledged(std::max(processed_.load(std::memory_order_acquire),
                                      processed_shared_.load(std::memory_order_acquire)));
}

void PartitionCursor::set_state(State state) {
    state_.store(state, std::memory_order_relaxed);
    process_wide_barrier();
}

}  // namespace kwire
