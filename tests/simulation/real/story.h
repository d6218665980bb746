// A few virtual minutes of a group with faults, all drawn from a seed, and what must hold at their end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "scenario.h"

namespace kwire::seeds {

struct Outcome {
    std::string broken;  ///< The first broken promise; empty: all held.
    std::uint64_t digest = 0;
    std::size_t deliveries = 0;
    std::size_t duplicates = 0;
    std::uint64_t operations = 0;
};

/// The same seed and scenarios do the same each time. said, if given, hears what happens, in words.
Outcome run_seed(std::uint64_t seed, Scenarios allowed, std::function<void(const std::string&)> said = nullptr);

}  // namespace kwire::seeds
