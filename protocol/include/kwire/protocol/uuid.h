// The 16 bytes by which newer protocol versions name topics (KIP-516).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kwire {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Uuid&) const = default;

    /// All bytes zero: Kafka's way to say "no id".
    bool is_zero() const { return *this == Uuid{}; }

    /// URL-safe base64 without padding, 22 characters, as Kafka's Uuid.toString prints it.
    std::string to_string() const;
    /// Reads what to_string writes; nothing for any other text.
    static std::optional<Uuid> parse(std::string_view text);
};

}  // namespace kwire

template <>
struct std::hash<kwire::Uuid> {
    std::size_t operator()(const kwire::Uuid& id) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
    }
};
