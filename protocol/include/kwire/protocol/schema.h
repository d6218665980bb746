// The description of a message as data, made once from its list of fields.
//
// Purpose: the codec, the JSON writer and every other walker are ordinary functions over a Schema
// and the address of a value, compiled once and not once a message. That keeps 90 APIs at a
// fraction of a second each to compile, and lets tools handle messages whose type they only learn
// at run time. Lifetimes: schemas are made at first use and live until the program ends. Threads:
// they never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/fields.h>

namespace kwire::protocol {

enum class Kind : std::uint8_t {
    boolean,
    int8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    float64,
    uuid,
    string,
    bytes,
    array,
    structure,
};

struct Schema;

/// A C++ type and how to handle a value of it through its address.
struct Type {
    Kind kind{};
    /// A std::optional around `kind`: get() gives the address of what is in it.
    bool optional = false;
    std::size_t size = 0;

    /// The address of the value itself; null where an optional is empty.
    const void* (*get)(const void*) = nullptr;
    /// Makes a default value in an optional; the address of the value itself.
    void* (*emplace)(void*) = nullptr;
    void (*reset)(void*) = nullptr;

    // For arrays, on the address that get() gave.
    const Type* element = nullptr;
    std::size_t (*count)(const void*) = nullptr;
    const void* (*elements)(const void*) = nullptr;
    /// Replaces what is there by `count` default elements; the address of the first.
    void* (*make_elements)(void*, std::size_t count) = nullptr;

    // For structures.
    const Schema& (*schema)() = nullptr;
};

struct Field {
    std::string_view name;
    std::size_t offset = 0;
    const Type* type = nullptr;
    FieldSpec spec;
    /// Set where the field is a tagged one (KIP-482).
    std::optional<std::uint32_t> tag;

    const void* in(const void* structure) const {
        return static_cast<const std::byte*>(structure) + offset;
    }
    void* in(void* structure) const { return static_cast<std::byte*>(structure) + offset; }
};

struct Schema {
    /// Untagged fields in wire order.
    std::vector<Field> fields;
    /// Tagged fields by ascending tag.
    std::vector<Field> tagged;
    /// A value with all defaults.
    const void* defaults = nullptr;

    // What follows is set for messages only, not for the structs in them.
    std::string_view name;
    VersionRange versions = no_versions;
    VersionRange flexible = no_versions;
    /// Makes a message with all defaults.
    std::shared_ptr<void> (*make)() = nullptr;
    /// Empty for headers.
    std::optional<ApiKey> api_key;
};

/// The schema of a message or of a struct in one. Instantiated beside each message, not here.
template <class T>
const Schema& schema_of();

/// Compares two values of the type that the schema describes, all fields of all versions.
bool equal(const Schema& schema, const void* a, const void* b);
bool equal(const Type& type, const void* a, const void* b);

/// What the version looks like on the wire, on one line:
/// `ListOffsetsRequest 2: replica_id int32, isolation_level int8, topics []{name string, partitions
/// []{...}}`. A leading `?` marks what may be null, `#3` a field with tag 3, `compact` a version
/// with compact lengths and tags.
std::string schema_text(const Schema& schema, std::int16_t version);

template <Message M>
bool operator==(const M& a, const M& b) {
    return equal(schema_of<M>(), &a, &b);
}

}  // namespace kwire::protocol
