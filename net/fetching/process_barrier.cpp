#include "process_barrier.h"

#include <chrono>
#include <thread>

#include <linux/membarrier.h>

namespace kwire {
namespace {

/// A reader that saw works_ before it was taken back may be between its store and its look at the state. This much later
/// it is not, unless it was not running at all in that time.
constexpr std::chrono::milliseconds readers_notice{10};

}  // namespace

void meet_other_threads() {
    // A read-modify-write of one variable that both sides touch orders them as a fence does, and unlike a fence the thread
    // sanitizer understands it.
    static std::atomic<int> meeting_point{0};
    meeting_point.fetch_add(1, std::memory_order_seq_cst);
}

ProcessBarrier::ProcessBarrier(std::atomic<bool>& works, Membarrier membarrier)
    : works_(works), membarrier_(membarrier) {
    works_.store(membarrier_(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0);
}

void ProcessBarrier::pass() {
    meet_other_threads();
    if (!works_.load() || membarrier_(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return;
    // A process that was forked may have to register again; the slow command needs no registration.
    const bool mended = membarrier_(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
                        membarrier_(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
    if (mended || membarrier_(MEMBARRIER_CMD_SHARED) == 0) return;
    works_.store(false);
    std::this_thread::sleep_for(readers_notice);  // once in the life of the process
    meet_other_threads();
}

}  // namespace kwire
