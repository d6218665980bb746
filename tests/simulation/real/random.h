// Every random choice of a seed. The same on every machine and with every standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include <kwire/net/runtime.h>

namespace kwire::seeds {

class Random {
 public:
    explicit Random(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15U + 1) {}

    /// Below count, which must not be 0.
    std::size_t choose(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
    bool chance(double probability) {
        return static_cast<double>(engine_() >> 11) < probability * 9007199254740992.0;
    }
    /// Whole milliseconds, up to max.
    Duration delay(Duration max) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(max).count();
        return std::chrono::milliseconds(choose(static_cast<std::size_t>(ms) + 1));
    }

 private:
    std::mt19937_64 engine_;
};

}  // namespace kwire::seeds
