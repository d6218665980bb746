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

}  // namespace

const bool PartitionCursor::process_wide_barrier_works_ = register_process_wide_barrier();

void process_wide_barrier() {
    // Where the kernel refuses, readers pass a full fence of their own, and so does this side.
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
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
    if (state() == State::draining && on_progress_) on_progress_();
}

bool PartitionCursor::mark_while_leaving(State now) {
    if (now == State::retired) return false;
    if (on_progress_) on_progress_();
    return true;
}

bool PartitionCursor::mark_processed_shared(std::int64_t next) {
    raise_to(processed_shared_, next);
    reader_fence();
    const State now = state();
    return now == State::flowing || now == State::suspended || mark_while_leaving(now);
}

bool PartitionCursor::acknowledge(std::int64_t begin, std::int64_t end) {
    std::int64_t prefix = 0;
    {
        const std::lock_guard lock(ranges_mutex_);
        prefix = processed_shared_.load(std::memory_order_relaxed);
        if (begin <= prefix) {
            prefix = std::max(prefix, end);
        } else {
            auto& known_end = acknowledged_ranges_[begin];
            known_end = std::max(known_end, end);
        }
        while (!acknowledged_ranges_.empty() && acknowledged_ranges_.begin()->first <= prefix) {
            prefix = std::max(prefix, acknowledged_ranges_.begin()->second);
            acknowledged_ranges_.erase(acknowledged_ranges_.begin());
        }
        raise_to(processed_shared_, prefix);
    }
    return mark_processed_shared(prefix);
}

std::int64_t PartitionCursor::processed() const {
    return std::max(processed_.load(std::memory_order_acquire),
                    processed_shared_.load(std::memory_order_acquire));
}

void PartitionCursor::set_state(State state) {
    state_.store(state, std::memory_order_relaxed);
    process_wide_barrier();
}

}  // namespace kwire
