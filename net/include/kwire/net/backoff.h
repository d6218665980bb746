// How long to wait before the next try of something that failed: twice as long after each failure, with jitter.
//
// Purpose: the one rule for every retry in kwire, so that no loop asks more than 20 times a second. Pure: no clock, no
// timer. A value of 32 bytes, to be kept beside what is retried: one per address, partition or lookup.
// Invariants: no wait is shorter than 50 ms or longer than 1.2 times the maximum; waits grow until reset().
// Call reset() only after the whole of what was wanted succeeded. A try that half succeeds (a position found that is
// out of range again at once, one partition of two answered) is a failure here.
// Threads: a value; not for two threads at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace kwire {

class Backoff {
 public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr Milliseconds floor{50};

    /// Waits go from first to most; below 50 ms both count as 50 ms. Equal seeds give equal jitter: take
    /// Cluster::jitter_seed() where clients must not move in step. Without a seed there is no jitter.
    explicit Backoff(Milliseconds first = Milliseconds(100), Milliseconds most = Milliseconds(1'000),
                     std::optional<std::uint64_t> seed = std::nullopt)
        : first_(std::max(first, floor)),
          most_(std::max(most, first_)),
          random_(seed.value_or(0)),
          jitter_(seed.has_value()) {}

    /// The wait after one more failure: the doubled last one, moved by up to a fifth up or down.
    Milliseconds next() {
        const auto doubled = std::min(most_, first_ * (std::int64_t{1} << std::min(failures_, 30)));
        if (failures_ < 1'000'000) ++failures_;
        if (!jitter_) return doubled;
        const auto moved = doubled.count() * static_cast<std::int64_t>(800 + draw() % 401) / 1'000;
        return std::max(floor, Milliseconds(moved));
    }

    void reset() { failures_ = 0; }
    int failures() const { return failures_; }  ///< Since the last reset.

 private:
    // SplitMix64: eight bytes of state are enough for jitter.
    std::uint64_t draw() {
        random_ += 0x9e3779b97f4a7c15u;
        std::uint64_t bits = random_;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
        return bits ^ (bits >> 31);
    }

    Milliseconds first_;
    Milliseconds most_;
    std::uint64_t random_;
    bool jitter_;
    int failures_ = 0;
};

}  // namespace kwire
