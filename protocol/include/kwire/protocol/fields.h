// The words in which a message describes itself.
//
// A message is a plain struct with default values and one list of its fields in wire order:
//
//     struct Partition {
//         std::int32_t partition_index = 0;
//         std::int64_t log_start_offset = -1;
//         std::optional<Bytes> records{};
//         LeaderIdAndEpoch current_leader{};
//
//         static constexpr void fields(auto& f) {
//             f("partition_index", &Partition::partition_index);
//             f("log_start_offset", &Partition::log_start_offset, since(5).ignorable());
//             f("records", &Partition::records, always().records());
//             f.tagged(1, "current_leader", &Partition::current_leader, since(12));
//         }
//     };
//
// Everything else (decoding, encoding, sizes, JSON, schema texts, random values) walks that list.
// The C++ type of a member is its wire type: bool, int8 to int64, uint16, uint32, double,
// std::string, Bytes, Uuid, an enum of those integers, std::vector, another described struct.
// std::optional of any of them may be null.
//
// The rule of presence, for all walkers alike: a field that the version lacks has its default after
// decoding; one that is set to anything else is dropped by encoding if it is ignorable and refused
// if it is not. Names are Kafka's in snake_case; JSON turns them into Kafka's camelCase.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include <kwire/protocol/version_range.h>

namespace kwire::protocol {

/// In which versions a field is there, and how. Built by since() and its siblings.
struct FieldSpec {
    VersionRange versions;
    /// Where null may be written, if the member is a std::optional.
    VersionRange nullable;
    bool may_be_ignored = false;
    bool holds_records = false;
    bool keeps_long_length = false;

    constexpr FieldSpec until(std::int16_t highest) const {
        FieldSpec spec = *this;
        spec.versions.highest = highest;
        return spec;
    }
    /// A value is dropped without complaint where the version has no place for it.
    constexpr FieldSpec ignorable() const {
        FieldSpec spec = *this;
        spec.may_be_ignored = true;
        return spec;
    }
    constexpr FieldSpec nullable_since(std::int16_t lowest) const {
        FieldSpec spec = *this;
        spec.nullable.lowest = lowest;
        return spec;
    }
    constexpr FieldSpec nullable_until(std::int16_t highest) const {
        FieldSpec spec = *this;
        spec.nullable.highest = highest;
        return spec;
    }
    /// The bytes are record batches or a message set: Kafka's JSON shows their size only.
    constexpr FieldSpec records() const {
        FieldSpec spec = *this;
        spec.holds_records = true;
        return spec;
    }
    /// Keeps its two-byte length in flexible versions too (only the client id of a request header
    /// does).
    constexpr FieldSpec never_compact() const {
        FieldSpec spec = *this;
        spec.keeps_long_length = true;
        return spec;
    }
};

constexpr FieldSpec always() {
    return {};
}
constexpr FieldSpec between(std::int16_t lowest, std::int16_t highest) {
    FieldSpec spec;
    spec.versions = {lowest, highest};
    return spec;
}
constexpr FieldSpec since(std::int16_t lowest) {
    return between(lowest, VersionRange{}.highest);
}
constexpr FieldSpec until(std::int16_t highest) {
    return between(0, highest);
}
constexpr FieldSpec only(std::int16_t version) {
    return between(version, version);
}

/// Something that stands on its own on the wire: a request, a response or a header. Parts of it are
/// plain structs.
template <class M>
concept Message = requires {
    { M::name } -> std::convertible_to<std::string_view>;
    { M::versions } -> std::convertible_to<VersionRange>;
    { M::flexible } -> std::convertible_to<VersionRange>;
};

}  // namespace kwire::protocol
