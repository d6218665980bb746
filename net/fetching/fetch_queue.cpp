#include "fetch_queue.h"

#include <algorithm>
#include <utility>

#include "message_batch.h"

namespace kwire {
namespace {

// A reading thread needs one state, and another while it keeps a batch and reads the next.
constexpr std::size_t idle_states_max = 8;
// Larger decompression buffers go back to the system with their batch, or a few huge batches would hold memory for ever.
constexpr std::size_t idle_buffer_bytes_max = 4 * 1024 * 1024;

/// A chunk that holds nothing but the news that the position is another one.
FetchedChunk restart_at(std::int64_t position, std::uint32_t expected) {
    FetchedChunk moved;
    moved.position = moved.next_offset = position;
    moved.restarts = true;
    moved.expected = expected;
    return moved;
}

/// What chunk says of a new position, of the partition that was just taken in hand.
void restart(const QueuedPartition& partition, FetchedChunk& chunk) {
    PartitionCursor& cursor = *partition.cursor;
    chunk.restarts = false;
    if (chunk.expected > 0 || chunk.position < cursor.handed_out()) cursor.restart(chunk.position, chunk.expected);
}

}  // namespace

FetchQueue::FetchQueue(std::shared_ptr<BufferBudget> budget, RecordReaderOptions options,
                       std::function<void(const Error&)> on_failure,
                       std::function<void()> on_readable, std::shared_ptr<TimeSource> time)
    : budget_(std::move(budget)),
      options_(options),
      on_failure_(std::move(on_failure)),
      on_readable_(std::move(on_readable)),
      time_(std::move(time)) {}

FetchQueue::~FetchQueue() = default;

// ---- filling

void FetchQueue::push(std::vector<Delivery> deliveries) {
    Lock lock(mutex_);
    if (closed_) return;
    for (Delivery& delivery : deliveries) {
        QueuedPartition& partition = *delivery.partition;
        // In flight while the partition was taken away: it must never come out.
        if (partition.removed || partition.failed.load(std::memory_order_relaxed)) continue;
        partition.chunks.push_back(std::move(delivery.chunk));
        // A failure waits for nobody where nothing is left to read before it.
        if (partition.in_hand || !fail_locked(partition)) list_locked(delivery.partition);
    }
    report_failures(lock);
    wake(std::move(lock));
    // deliveries, with what was refused, goes only now that the lock is free.
}

void FetchQueue::push_restart(const std::shared_ptr<QueuedPartition>& partition, std::int64_t position) {
    std::vector<Delivery> deliveries;
    deliveries.push_back({partition, restart_at(position, 0)});
    push(std::move(deliveries));
}

// A seek on another thread replaces the position that is expected. It must not do so between a check of removed and what
// that check leads to.

void FetchQueue::expect_restart(const std::shared_ptr<QueuedPartition>& partition) {
    const Lock lock(mutex_);
    if (!partition->removed) partition->cursor->expect_restart();
}

void FetchQueue::push_expected_restart(const std::shared_ptr<QueuedPartition>& partition, std::int64_t position) {
    Lock lock(mutex_);
    if (closed_ || partition->removed || partition->failed) return;
    partition->cursor->restart_comes(position);
    partition->chunks.push_back(restart_at(position, 1));
    list_locked(partition);
    wake(std::move(lock));
}

void FetchQueue::push_failure(const std::shared_ptr<QueuedPartition>& partition, Error failure) {
    FetchedChunk last;
    last.failure = std::make_shared<const Error>(std::move(failure));
    std::vector<Delivery> deliveries;
    deliveries.push_back({partition, std::move(last)});
    push(std::move(deliveries));
}

bool FetchQueue::fail_locked(QueuedPartition& partition) {
    if (partition.chunks.empty() || !partition.chunks.front().failure) return false;
    if (!partition.failed.exchange(true)) failures_.push_back(partition.chunks.front().failure);
    partition.chunks.clear();
    partition.waiting_bytes.store(0, std::memory_order_relaxed);
    return true;
}

void FetchQueue::report_failures(Lock& lock) {
    while (!failures_.empty()) {
        const auto failures = std::exchange(failures_, {});
        lock.unlock();
        for (const auto& failure : failures) on_failure_(*failure);
        lock.lock();
    }
}

void FetchQueue::list_locked(const std::shared_ptr<QueuedPartition>& partition) {
    const bool held = partition->in_hand || partition->paused;
    if (partition->listed || held || partition->removed || partition->chunks.empty()) return;
    partition->listed = true;
    ready_.push_back(partition);
}

void FetchQueue::wake(Lock lock) {
    if (ready_.empty() || suspended_) return;
    const bool one = sleepers_ > 0 && ready_.size() == 1;
    const bool several = sleepers_ > 0 && !one;
    lock.unlock();
    if (one) readable_.notify_one();
    if (several) readable_.notify_all();
    if (async_waiters_.load() > 0) on_readable_();
}

// ---- emptying

std::unique_ptr<MessageBatch::State> FetchQueue::take_locked() {
    if (suspended_ || lapsed()) return nullptr;
    while (!ready_.empty()) {
        auto partition = std::move(ready_.front());
        ready_.pop_front();
        partition->listed = false;
        if (partition->removed || partition->paused || partition->chunks.empty()) continue;
        // Taken away by its cursor alone: handing it out would only bring it back.
        if (partition->cursor->state() >= PartitionCursor::State::draining) continue;
        if (fail_locked(*partition)) continue;
        std::unique_ptr<MessageBatch::State> state;
        if (idle_states_.empty()) {
            state = std::make_unique<MessageBatch::State>();
        } else {
            state = std::move(idle_states_.back());
            idle_states_.pop_back();
        }
        partition->in_hand = true;
        state->chunk = std::move(partition->chunks.front());
        partition->chunks.pop_front();
        if (state->chunk.restarts) [[unlikely]] restart(*partition, state->chunk);
        // In one order with the wish for progress, see Fetcher::reads_enough.
        partition->waiting_bytes.fetch_sub(static_cast<std::int64_t>(state->chunk.records.size()),
                                           std::memory_order_seq_cst);
        state->partition = std::move(partition);
        return state;
    }
    return nullptr;
}

std::unique_ptr<MessageBatch::State> FetchQueue::next_locked(Lock& lock) {
    for (;;) {
        auto state = take_locked();
        if (failures_.empty()) return state;
        report_failures(lock);
        if (state || closed_) return state;
        // Something may have come while the lock was free.
    }
}

MessageBatch FetchQueue::open(std::unique_ptr<MessageBatch::State> state) {
    if (!state) return {};
    state->queue = shared_from_this();
    budget_->signal_progress();
    state->begin();
    return MessageBatch(std::move(state));
}

MessageBatch FetchQueue::try_take() {
    Lock lock(mutex_);
    if (closed_) throw Error(errc::closed, "the consumer is closed");
    auto state = next_locked(lock);
    lock.unlock();
    return open(std::move(state));
}

MessageBatch FetchQueue::take(std::chrono::milliseconds timeout) {
    Lock lock(mutex_);
    auto state = closed_ ? nullptr : next_locked(lock);
    if (!state && !closed_ && timeout.count() > 0) {
        // "For ever" may be asked for, and is more than the clock can count.
        const auto wait = std::min<std::chrono::milliseconds>(timeout, std::chrono::hours(24 * 365));
        const auto deadline = std::chrono::steady_clock::now() + wait;
        ++sleepers_;
        do {
            const bool in_time = readable_.wait_until(lock, deadline) == std::cv_status::no_timeout;
            if (closed_) break;
            state = next_locked(lock);
            if (!in_time) break;
        } while (!state);
        --sleepers_;
    }
    if (closed_) throw Error(errc::closed, "the consumer is closed");
    lock.unlock();
    return open(std::move(state));
}

void FetchQueue::give_back(const std::shared_ptr<QueuedPartition>& partition, FetchedChunk* rest) {
    Lock lock(mutex_);
    partition->in_hand = false;
    if (partition->successor) [[unlikely]] {
        auto freed = partition->successor;
        while (freed->successor) freed = std::shared_ptr(freed->successor);
        freed->in_hand = freed->predecessor_in_hand = false;
        set_flow_locked(*freed);
        list_locked(freed);
    }
    if (rest != nullptr && !closed_ && !partition->removed &&
        !partition->failed.load(std::memory_order_relaxed)) {
        partition->waiting_bytes.fetch_add(static_cast<std::int64_t>(rest->records.size()),
                                           std::memory_order_relaxed);
        partition->chunks.push_front(std::move(*rest));
    }
    list_locked(partition);
    wake(std::move(lock));
    partition->cursor->end_of_batch();
}

void FetchQueue::clear_locked(QueuedPartition& partition, std::vector<FetchedChunk>& dropped) {
    for (FetchedChunk& chunk : partition.chunks) dropped.push_back(std::move(chunk));
    partition.chunks.clear();
    partition.waiting_bytes.store(0, std::memory_order_relaxed);
}

void FetchQueue::fail(const std::shared_ptr<QueuedPartition>& partition, const Error& failure) {
    std::vector<FetchedChunk> dropped;
    {
        const Lock lock(mutex_);
        if (partition->removed || partition->failed.exchange(true)) return;
        clear_locked(*partition, dropped);
    }
    on_failure_(failure);
}

void FetchQueue::recycle(std::unique_ptr<MessageBatch::State> state) {
    state->partition.reset();
    state->queue.reset();
    if (state->reader.buffer_bytes() > idle_buffer_bytes_max) state->reader.release_buffer();
    const Lock lock(mutex_);
    if (!closed_ && idle_states_.size() < idle_states_max) idle_states_.push_back(std::move(state));
}

// ---- coming and going

void FetchQueue::add(const std::shared_ptr<QueuedPartition>& partition) {
    const Lock lock(mutex_);
    if (closed_) throw Error(errc::closed, "the consumer is closed");
    if (suspended_) partition->cursor->set_state(PartitionCursor::State::suspended);
    partitions_.push_back(partition);
}

bool FetchQueue::flows_locked(const QueuedPartition& partition) const {
    return !suspended_ && !partition.paused && !partition.predecessor_in_hand;
}

void FetchQueue::set_flow_locked(const QueuedPartition& partition) {
    PartitionCursor& cursor = *partition.cursor;
    if (partition.removed || cursor.state() >= PartitionCursor::State::draining) return;
    cursor.set_state(flows_locked(partition) ? PartitionCursor::State::flowing : PartitionCursor::State::suspended);
}

bool FetchQueue::pause(const std::shared_ptr<QueuedPartition>& partition) {
    const Lock lock(mutex_);
    if (partition->removed || partition->paused.exchange(true)) return false;
    set_flow_locked(*partition);
    return true;
}

bool FetchQueue::resume(const std::shared_ptr<QueuedPartition>& partition) {
    Lock lock(mutex_);
    if (partition->removed || !partition->paused.exchange(false)) return false;
    set_flow_locked(*partition);
    list_locked(partition);
    wake(std::move(lock));
    return true;
}

void FetchQueue::succeed_locked(const std::shared_ptr<QueuedPartition>& old,
                                const std::shared_ptr<QueuedPartition>& fresh, std::int64_t position,
                                std::vector<FetchedChunk>& dropped) {
    old->removed = true;
    clear_locked(*old, dropped);
    std::replace(partitions_.begin(), partitions_.end(), old, fresh);
    fresh->paused = old->paused.load();
    fresh->in_hand = fresh->predecessor_in_hand = old->in_hand;
    if (old->in_hand) old->successor = fresh;
    // What was expected of old comes with the first chunk of fresh.
    const std::uint32_t expected = fresh->cursor->restarts_expected();
    if (expected > 0) fresh->chunks.push_back(restart_at(position, expected));
    set_flow_locked(*fresh);
    list_locked(fresh);
}

bool FetchQueue::seek(const std::shared_ptr<QueuedPartition>& old, const std::shared_ptr<QueuedPartition>& fresh,
                      std::int64_t position) {
    std::vector<FetchedChunk> dropped;  // goes when the lock is free
    Lock lock(mutex_);
    if (closed_ || old->removed) return false;
    fresh->cursor->expect_restart();
    fresh->cursor->restart_comes(position);
    succeed_locked(old, fresh, position, dropped);
    wake(std::move(lock));
    return true;
}

bool FetchQueue::give_up_fetched(const std::shared_ptr<QueuedPartition>& old,
                                 const std::shared_ptr<QueuedPartition>& fresh, std::int64_t* position) {
    std::vector<FetchedChunk> dropped;
    const Lock lock(mutex_);
    if (closed_ || old->removed || old->in_hand || old->chunks.empty()) return false;
    const auto is_news = [](const FetchedChunk& chunk) { return chunk.failure || chunk.restarts; };
    if (std::any_of(old->chunks.begin(), old->chunks.end(), is_news)) return false;
    *position = std::max(old->chunks.front().position, old->cursor->delivered());
    succeed_locked(old, fresh, *position, dropped);
    return true;
}

bool FetchQueue::remove(const std::shared_ptr<QueuedPartition>& partition,
                        PartitionCursor::State state) {
    std::vector<FetchedChunk> dropped;
    {
        const Lock lock(mutex_);
        if (partition->removed) return false;
        partition->removed = true;
        std::erase(partitions_, partition);
        clear_locked(*partition, dropped);
    }
    partition->cursor->set_state(state);
    budget_->signal_progress();
    return true;
}

void FetchQueue::suspend() {
    const Lock lock(mutex_);
    suspended_ = true;
    for (const auto& partition : partitions_) {
        partition->cursor->set_state_without_barrier(PartitionCursor::State::suspended);
    }
    process_wide_barrier();
}

void FetchQueue::resume() {
    Lock lock(mutex_);
    suspended_ = false;
    for (const auto& partition : partitions_) {
        if (flows_locked(*partition)) partition->cursor->set_state_without_barrier(PartitionCursor::State::flowing);
    }
    process_wide_barrier();
    const bool sleeping = sleepers_ > 0;
    wake(std::move(lock));
    if (sleeping) readable_.notify_all();
}

void FetchQueue::hand_out_until(TimePoint until) {
    const bool nothing_was_handed_out = lapsed();
    hand_out_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    if (!nothing_was_handed_out) return;
    Lock lock(mutex_);
    const bool sleeping = sleepers_ > 0;
    wake(std::move(lock));
    if (sleeping) readable_.notify_all();
}

void FetchQueue::close() {
    std::vector<std::unique_ptr<MessageBatch::State>> states;
    std::vector<FetchedChunk> dropped;
    {
        const Lock lock(mutex_);
        closed_ = true;
        states.swap(idle_states_);
        for (const auto& partition : partitions_) clear_locked(*partition, dropped);
        ready_.clear();
    }
    readable_.notify_all();
    if (async_waiters_.load() > 0) on_readable_();
}

}  // namespace kwire
