// What a consumer may hold of fetched bytes: buffered frames and what requests under way may bring.
//
// Invariant: a frame counts from the moment its request was sent (with what it may bring), then with its true size, until
// the last slice of it is gone, whoever holds that.
// Threads: reserve, settle and hold on the strand; release from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include <kwire/protocol/bytes.h>

namespace kwire {

class BufferBudget {
 public:
    /// on_news is called, on any thread, when what was waited for came: room, or progress.
    BufferBudget(std::int64_t bytes_max, std::function<void()> on_news)
        : bytes_max_(bytes_max), on_news_(std::move(on_news)) {}

    std::int64_t bytes_max() const { return bytes_max_; }
    std::int64_t used() const { return used_.load(std::memory_order_relaxed); }

    /// False if it does not fit. What is empty takes anything: one message may be larger than the whole bound.
    bool reserve(std::int64_t bytes) {
        if (!fits(bytes)) return false;
        used_.fetch_add(bytes);
        return true;
    }
    void release(std::int64_t bytes) {
        used_.fetch_sub(bytes);
        signal_room();
    }
    /// A frame turned out to have other than the reserved bytes.
    void correct(std::int64_t difference) {
        used_.fetch_add(difference);
        if (difference < 0) signal_room();
    }
    /// A reader took something: who waits for that is woken.
    void signal_progress() {
        if (progress_wanted_.load() && progress_wanted_.exchange(false)) on_news_();
    }

    // Both are for once. Look again after the call, before waiting: what is missed here is missed.

    /// Tells when readers got on. With many partitions that is often: only for who waits for just that.
    void wait_for_progress() { progress_wanted_.store(true); }
    /// Tells when bytes may fit.
    void wait_for_room(std::int64_t bytes) {
        std::int64_t wanted = room_wanted_.load();
        while (bytes < wanted && !room_wanted_.compare_exchange_weak(wanted, bytes)) {
        }
    }

 private:
    static constexpr std::int64_t nothing = std::numeric_limits<std::int64_t>::max();

    bool fits(std::int64_t bytes) const {
        const std::int64_t used = used_.load();
        return used <= 0 || used + bytes <= bytes_max_;
    }
    void signal_room() {
        const std::int64_t wanted = room_wanted_.load();
        if (wanted != nothing && fits(wanted) && room_wanted_.exchange(nothing) != nothing) on_news_();
    }

    const std::int64_t bytes_max_;
    const std::function<void()> on_news_;
    std::atomic<std::int64_t> used_{0};
    std::atomic<std::int64_t> room_wanted_{nothing};  // the least that somebody waits for
    std::atomic<bool> progress_wanted_{false};
};

/// The share of one frame. Slices of the frame hold it; the last one gives the bytes back.
class FrameShare {
 public:
    FrameShare(std::shared_ptr<BufferBudget> budget, std::int64_t bytes)
        : budget_(std::move(budget)), bytes_(bytes) {}
    ~FrameShare() {
        frame_ = {};  // first the memory, then the permission to take as much again
        budget_->release(bytes_);
    }
    FrameShare(const FrameShare&) = delete;
    FrameShare& operator=(const FrameShare&) = delete;

    /// The true size, in place of what was reserved.
    void settle(std::int64_t bytes) { budget_->correct(bytes - std::exchange(bytes_, bytes)); }

    /// records, kept alive by share as well as by the frame it lies in.
    static Bytes hold(const std::shared_ptr<FrameShare>& share, const Bytes& records) {
        share->frame_ = records;
        return {share, records.view()};
    }

 private:
    std::shared_ptr<BufferBudget> budget_;
    std::int64_t bytes_;
    Bytes frame_;  // any slice of the frame keeps the whole of it
};

}  // namespace kwire
