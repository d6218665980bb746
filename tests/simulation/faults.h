// Ten virtual minutes of a group with twenty faults, all drawn from a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace kwire::simulation {

struct Outcome {
    std::string broken;  ///< Empty: every promise held.
    std::uint64_t digest = 0;
    std::size_t faults = 0;
    std::size_t operations = 0;
    std::size_t duplicates = 0;
};

/// The same seed does the same each time. trace, if given, is told in words what happens.
Outcome run_seed(std::uint64_t seed, std::function<void(const std::string&)> trace = nullptr);

}  // namespace kwire::simulation
