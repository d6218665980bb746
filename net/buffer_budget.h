// What a consumer may hold of fetched bytes: buffered frames and what requests under way may bring.
//
// Invariant: a frame counts from the moment its request was sent (with what it may bring), then with its true size, until
// the last slice of it is gone, whoever holds that.
// Threads: reserve, settle and hold on the strand; release from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <kwire/protocol/bytes.h>

namespace kwire {

class BufferBudget {
 public:
    /// on_room is called, on any thread, when something was freed after wait_for_room().
    BufferBudget(std::int64_t bytes_max, std::function<void()> on_room)
        : bytes_max_(bytes_max), on_room_(std::move(on_room)) {}

    std::int64_t bytes_max() const { return bytes_max_; }
    std::int64_t used() const { return used_.load(std::memory_order_relaxed); }

    /// False if it does not fit. What is empty takes anything: one message may be larger than the whole bound.
    bool reserve(std::int64_t bytes) {
        if (used_.load() > 0 && used_.load() + bytes > bytes_max_) return false;
        used_.fetch_add(bytes);
        return true;
    }
    void release(std::int64_t bytes) {
        used_.fetch_sub(bytes);
        signal_progress();
    }
    /// A frame turned out to have other than the reserved bytes.
    void correct(std::int64_t difference) {
        used_.fetch_add(difference);
        if (difference < 0) signal_progress();
    }
    /// Readers got on: who waits for that is woken.
    void signal_progress() {
        if (waiting_.load() && waiting_.exchange(false)) on_room_();
    }
    /// From now on progress is told, once. Check the condition again after this call, before waiting.
    void wait_for_room() { waiting_.store(true); }

 private:
    const std::int64_t bytes_max_;
    const std::function<void()> on_room_;
    std::atomic<std::int64_t> used_{0};
    std::atomic<bool> waiting_{false};
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
