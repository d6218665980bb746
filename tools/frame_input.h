// What `decode` and `encode` read: stdin whole, or line by line.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "command_line.h"
#include "output.h"

namespace kwire::tools {

/// Throws UsageError where the number is none that a version has.
std::int16_t version_of(std::int32_t number);

/// All of stdin. Throws std::system_error if it cannot be read.
std::string read_stdin();

/// Answers each line of stdin by what `append` appends; writes whenever much is at hand, and before
/// waiting for more. `append` says false where a line was wrong; the exit code is then a failure.
int each_line(const std::function<bool(std::string& out, std::string_view line)>& append);

}  // namespace kwire::tools
