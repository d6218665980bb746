// How long to wait before a dead target is tried again.
//
// Purpose: grows twofold with every failure up to a maximum, with jitter so that many clients do
// not come back at once. Invariant: never under 50 ms, whatever is configured: a dead target costs
// at most 20 tries a second. A pure decision: no clock; the numbers come from a seed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace kwire {

class Backoff {
 public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr Milliseconds floor{50};

    Backoff(Milliseconds first, Milliseconds most, std::uint64_t seed)
        : first_(std::max(first, floor)), most_(std::max(most, first_)), random_(seed) {}

    /// The wait after one more failure: the doubled last one, moved by up to a fifth up or down.
    Milliseconds next() {
        const auto doubled = std::min(most_, first_ * (std::int64_t{1} << std::min(failures_, 30)));
        ++failures_;
        std::uniform_real_distribution<double> jitter(0.8, 1.2);
        const double moved = static_cast<double>(doubled.count()) * jitter(random_);
        return std::max(floor, Milliseconds(static_cast<std::int64_t>(moved)));
    }

    void reset() { failures_ = 0; }
    int failures() const { return failures_; }

 private:
    Milliseconds first_;
    Milliseconds most_;
    std::mt19937_64 random_;
    int failures_ = 0;
};

}  // namespace kwire
