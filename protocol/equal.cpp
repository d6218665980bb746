#include <cstring>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {
namespace {

template <class T>
bool same(const void* a, const void* b) {
    return *static_cast<const T*>(a) == *static_cast<const T*>(b);
}

bool same_elements(const Type& type, const void* a, const void* b) {
    const std::size_t count = type.count(a);
    if (count != type.count(b)) return false;
    const auto* x = static_cast<const std::byte*>(type.elements(a));
    const auto* y = static_cast<const std::byte*>(type.elements(b));
    for (std::size_t i = 0; i < count; ++i, x += type.element->size, y += type.element->size) {
        if (!equal(*type.element, x, y)) return false;
    }
    return true;
}

}  // namespace

bool equal(const Type& type, const void* holder_a, const void* holder_b) {
    const void* a = type.get(holder_a);
    const void* b = type.get(holder_b);
    if (!a || !b) return a == b;
    switch (type.kind) {
        case Kind::boolean:
            return same<bool>(a, b);
        case Kind::int8:
            return same<std::int8_t>(a, b);
        case Kind::int16:
        case Kind::uint16:
            return same<std::uint16_t>(a, b);
        case Kind::int32:
        case Kind::uint32:
            return same<std::int32_t>(a, b);
        case Kind::int64:
            return same<std::int64_t>(a, b);
        case Kind::float64:
            // Bit by bit, as Kafka does: not-a-number equals itself.
            return std::memcmp(a, b, sizeof(double)) == 0;
        case Kind::uuid:
            return same<Uuid>(a, b);
        case Kind::string:
            return same<std::string>(a, b);
        case Kind::bytes:
            return same<Bytes>(a, b);
        case Kind::array:
            return same_elements(type, a, b);
        case Kind::structure:
            return equal(type.schema(), a, b);
    }
    return false;
}

bool equal(const Schema& schema, const void* a, const void* b) {
    for (const auto* list : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *list) {
            if (!equal(*field.type, field.in(a), field.in(b))) return false;
        }
    }
    return true;
}

}  // namespace kwire::protocol
