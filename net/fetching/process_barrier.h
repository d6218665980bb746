// The barrier of partition_cursor.h: membarrier(2), and what happens where the kernel has none, or refuses it one day.
//
// Purpose: readers leave out their fence only as long as the other side's system call succeeds. It may stop to: a program
// can give up system calls (seccomp) after it has started.
// Threads: any.
#pragma once

#include <atomic>

namespace kwire {

class ProcessBarrier {
 public:
    /// The system call with that command, 0 where it succeeded. A parameter, so that a test can refuse.
    using Membarrier = long (*)(int command);

    /// works: what readers look at before they leave out their fence.
    ProcessBarrier(std::atomic<bool>& works, Membarrier membarrier);

    /// Makes every thread of the process pass a full memory barrier.
    void pass();

 private:
    std::atomic<bool>& works_;
    const Membarrier membarrier_;
};

/// The fence that readers pass, and that pass() passes too.
void meet_other_threads();

}  // namespace kwire
