#include "error_name.h"

#include <string>

namespace kwire::tools {

std::optional<ErrorCode> error_named(std::string_view text) {
    constexpr int beyond_all = 1000;
    for (int code = -1; code < beyond_all; ++code) {
        const auto error = static_cast<ErrorCode>(code);
        const std::string_view known = name(error);
        if (known.empty() || error == ErrorCode::none) continue;
        if (known == text || std::to_string(code) == text) return error;
    }
    return std::nullopt;
}

}  // namespace kwire::tools
