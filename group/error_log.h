// What went wrong, kept until the program asks for it.
//
// Invariants: never blocks and never grows over its bound: the oldest errors make room and are counted.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <kwire/net/error.h>

namespace kwire {

class ErrorLog {
 public:
    static constexpr std::size_t errors_max = 256;

    void add(const Error& error);
    /// All that was added since the last call, oldest first.
    std::vector<Error> take();
    /// How many were pushed out before anybody took them.
    std::uint64_t dropped() const;

 private:
    mutable std::mutex mutex_;
    std::deque<Error> errors_;
    std::uint64_t dropped_ = 0;
};

}  // namespace kwire
