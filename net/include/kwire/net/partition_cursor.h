// One span of reading one partition: from the moment it is assigned to a consumer until it is taken away. What was
// handed to the program and what the program has processed are recorded here, at the price of two plain stores a message.
//
// Purpose: whoever takes a partition away must know exactly what was handed out before, and whether the program is done
// with it, without slowing the reading thread and even while the program stands still in the middle of a batch.
//
// How it is safe: the reading thread stores the position it is about to hand out and then looks at the state; the
// runtime changes the state, makes every running thread pass a memory barrier (membarrier(2), process-wide), and only
// then looks at the position. One of the two always sees the other. The barrier is paid for by the rare side alone.
//
// What holds nothing to read (control batches, aborted transactions, what compaction left out, an empty tail) is never
// handed out, so nobody marks it. The reader notes such a stretch with skip_to, and it counts as processed as soon as
// everything before it is. So a cursor whose log ends in such a tail drains, and what is committed lies past the tail.
//
// Threads: begin_delivery, mark_processed, skip_to and restart by the one thread that holds the partition's batch;
// mark_processed_shared and acknowledge from any thread; delivered, processed and drained too; set_state from one thread
// at a time. The consumer never hands out two batches of one cursor at a time.
// Lifetimes: held by shared_ptr by the consumer, by every batch and by every OwnedMessage.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <kwire/protocol/topic_partition.h>

namespace kwire {

/// Makes every thread of this process pass a full memory barrier. Costs microseconds.
void process_wide_barrier();

class PartitionCursor : public std::enable_shared_from_this<PartitionCursor> {
 public:
    enum class State : std::uint8_t {
        flowing,    ///< Messages are handed out.
        suspended,  ///< Nothing is handed out for now; the position stays.
        draining,   ///< Taken away: nothing more is handed out, marks are still accepted.
        retired,    ///< Over. Marks are refused.
    };

    /// start is the offset of the first message that is wanted; generation tells this span from every other one of this
    /// process. on_progress (may be empty) is called, on any thread, when a mark or the end of a batch arrives in
    /// State::draining.
    /// reader: any address that tells those who read it from others; see reader().
    PartitionCursor(TopicPartition tp, std::uint64_t generation, std::int64_t start, std::function<void()> on_progress,
                    const void* reader = nullptr);

    const TopicPartition& topic_partition() const { return tp_; }
    std::uint64_t generation() const { return generation_; }
    /// As given; by it a group refuses messages that it did not hand out. Never dereferenced.
    const void* reader() const { return reader_; }
    std::int64_t start() const { return start_.load(std::memory_order_relaxed); }
    State state() const { return state_.load(std::memory_order_relaxed); }

    // ---- the reading thread, once a message

    /// Records that the message before next is about to be handed out. False: it must not be.
    bool begin_delivery(std::int64_t next) {
        const auto before = delivered_.load(std::memory_order_relaxed);
        delivered_.store(next, std::memory_order_relaxed);
        reader_fence();
        if (state_.load(std::memory_order_relaxed) == State::flowing) [[likely]] return true;
        take_back_delivery(before);
        return false;
    }

    /// Everything before next is processed; highest wins. False if this span is over: nothing was recorded.
    bool mark_processed(std::int64_t next) {
        if (next > processed_.load(std::memory_order_relaxed)) {
            processed_.store(next, std::memory_order_release);
        }
        reader_fence();
        const State now = state_.load(std::memory_order_relaxed);
        return now == State::flowing || now == State::suspended || mark_while_leaving(now);
    }

    // ---- the reading thread, at most once a batch

    /// Offsets from the last message handed out up to end hold nothing to read.
    void skip_to(std::int64_t end);
    /// The log was cut back, or begins anew, at offset, which may lie before delivered(): everything begins there again.
    /// The only case in which offsets of a cursor go back. expected: so many that expect_restart announced end with it.
    void restart(std::int64_t offset, std::uint32_t expected = 0);
    /// The batch in hand is given back. Tells on_progress if somebody waits for it.
    void end_of_batch();
    /// As delivered(), without what was skipped behind it.
    std::int64_t handed_out() const { return delivered_.load(std::memory_order_relaxed); }

    // ---- any thread

    /// As mark_processed, for threads other than the reading one. restarts: what restarts() said when the message was read;
    /// a mark of before the last restart is not recorded, and answered with false, for its offset means another message.
    bool mark_processed_shared(std::int64_t next, std::uint32_t restarts = 0);

    /// The messages in [begin, end) are processed. The mark moves on over the gap-free prefix of all that was
    /// acknowledged. Not to be mixed with mark_processed on one cursor. False if this span is over.
    bool acknowledge(std::int64_t begin, std::int64_t end, std::uint32_t restarts);
    bool acknowledge(std::int64_t begin, std::int64_t end) { return acknowledge(begin, end, restarts()); }

    // ---- whoever finds out that the log is another one (its topic was deleted and made anew), or sets another position.
    // Any thread, in this order

    /// What was handed out so far, and what the reader still has of it, means messages that are gone: marks of it are
    /// refused or not counted from now on, nothing is to be waited for, and nothing of it is to be committed.
    void expect_restart();
    /// How many were announced and not made by the reader yet.
    std::uint32_t restarts_expected() const;
    /// The reader will call restart(offset, ...). To all but the reader it has happened already.
    void restart_comes(std::int64_t offset);

    /// How often restart was called.
    std::uint32_t restarts() const { return restarts_.load(std::memory_order_relaxed); }
    /// Both of one moment.
    struct Progress {
        std::int64_t start = 0;
        std::int64_t processed = 0;
        std::uint32_t restarts = 0;
    };
    Progress progress() const;

    /// The next offset to hand out: everything before it was handed out, or was not there.
    std::int64_t delivered() const;
    /// The next offset to commit. start() if nothing was marked.
    std::int64_t processed() const;
    /// All that was handed out is processed.
    bool drained() const { return processed() >= delivered(); }

    // ---- whoever gives and takes the partition

    /// When it returns, no message is handed out that delivered() does not count, unless state is flowing. For a cursor
    /// that a Consumer reads, the Consumer does this (unassign, suspend, resume), except from draining to retired.
    void set_state(State state);
    /// As set_state for many, at the price of one barrier: call process_wide_barrier() after the last one.
    void set_state_without_barrier(State state) { state_.store(state, std::memory_order_relaxed); }

 private:
    static void reader_fence() {
        if (process_wide_barrier_works_.load(std::memory_order_relaxed)) [[likely]] {
            std::atomic_signal_fence(std::memory_order_seq_cst);
        } else {
            full_fence();
        }
    }
    static void full_fence();
    /// from, or the end of what is known to hold nothing and begins there. Needs ranges_mutex_.
    std::int64_t past_acknowledged(std::int64_t from) const;
    std::int64_t processed_locked() const;
    bool look_after_mark();
    void add_acknowledged(std::int64_t begin, std::int64_t end);
    /// Marks of messages that were handed out under that many restarts count. Needs ranges_mutex_.
    bool counts(std::uint32_t restarts) const { return restarts == this->restarts() && restarts_expected_ == 0; }
    void take_back_delivery(std::int64_t before);
    bool mark_while_leaving(State now);

    friend void process_wide_barrier();
    static std::atomic<bool> process_wide_barrier_works_;  // else readers pass a fence of their own

    std::atomic<State> state_{State::flowing};
    std::atomic<std::int64_t> delivered_;
    std::atomic<std::int64_t> processed_;
    std::atomic<std::int64_t> processed_shared_;
    const void* const reader_;

    const TopicPartition tp_;
    const std::uint64_t generation_;
    std::atomic<std::int64_t> start_;
    std::atomic<std::uint32_t> restarts_{0};
    const std::function<void()> on_progress_;

    mutable std::mutex ranges_mutex_;
    // begin -> end: acknowledged, or with nothing to read, and not yet part of the gap-free prefix. No two touch.
    std::map<std::int64_t, std::int64_t> acknowledged_ranges_;
    std::int64_t skipped_from_ = -1;  // the last stretch with nothing to read
    std::int64_t skipped_to_ = -1;
    std::uint32_t restarts_expected_ = 0;           // announced, and not made by the reader yet
    std::optional<std::int64_t> restart_offset_;  // of the last one announced
};

}  // namespace kwire
