#include <algorithm>
#include <cassert>
#include <cstring>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/uuid.h>

#include "big_endian.h"
#include "place.h"

namespace kwire::protocol {
namespace {

// A compact length could say more, but Kafka refuses longer strings in every version.
constexpr std::size_t string_bytes_max = 32767;

// The fewest bytes that a value of the type takes at the version.
std::size_t minimum_size(const Type& type, const FieldSpec& spec, std::int16_t version,
                         bool flexible) {
    const bool compact = flexible && !spec.keeps_long_length;
    switch (type.kind) {
        case Kind::boolean:
        case Kind::int8:
            return 1;
        case Kind::int16:
        case Kind::uint16:
            return 2;
        case Kind::int32:
        case Kind::uint32:
            return 4;
        case Kind::int64:
        case Kind::float64:
            return 8;
        case Kind::uuid:
            return 16;
        case Kind::string:
            return compact ? 1 : 2;
        case Kind::bytes:
        case Kind::array:
            return compact ? 1 : 4;
        case Kind::structure:
            break;
    }
    if (type.optional && spec.nullable.contains(version)) return 1;
    std::size_t size = flexible ? 1 : 0;
    for (const Field& field : type.schema().fields) {
        if (field.spec.versions.contains(version)) {
            size += minimum_size(*field.type, field.spec, version, flexible);
        }
    }
    return std::max<std::size_t>(size, 1);
}

// Walks a schema and fills a value. Every read returns false once something is wrong, and then
// error_ says what.
class Decoder {
 public:
    Decoder(std::string_view message, const Bytes& data, std::int16_t version, bool flexible,
            UnknownTags* unknown)
        : message_(message),
          data_(data),
          at_(data.data()),
          end_(data.data() + data.size()),
          version_(version),
          flexible_(flexible),
          unknown_(unknown),
          budget_(8 * data.size() + (std::size_t{1} << 20)) {}

    bool read_structure(const Schema& schema, void* structure) {
        EnteredPlace place(place_);
        for (const Field& field : schema.fields) {
            if (!field.spec.versions.contains(version_)) continue;
            place->field = &field;
            if (!read_field(field, field.in(structure))) return false;
        }
        place->field = nullptr;
        if (flexible_ && !read_tags(schema, structure)) return false;
        return true;
    }

    bool expect_end() { return left() == 0 || fail(std::to_string(left()) + " bytes left over"); }

    std::size_t consumed() const { return static_cast<std::size_t>(at_ - data_.data()); }

    const DecodeError& error() const { return error_; }

 private:
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

    bool fail(std::string what) { return fail_at(consumed(), std::move(what)); }
    bool fail_at(std::size_t offset, std::string what) {
        error_ = {path(message_, place_), std::move(what), offset};
        return false;
    }

    bool needs(std::size_t size) {
        if (size <= left()) [[likely]]
            return true;
        return fail("needs " + std::to_string(size) + " bytes, " + std::to_string(left()) +
                    " left");
    }

    template <class T>
    bool read(T& value) {
        if (!needs(sizeof(T))) return false;
        value = load_big_endian<T>(at_);
        at_ += sizeof(T);
        return true;
    }

    template <class T>
    bool read_into(void* value) {
        return read(*static_cast<T*>(value));
    }

    bool read_unsigned_varint(std::uint32_t& value) {
        value = 0;
        const std::size_t begin = consumed();
        for (int shift = 0; shift < 35; shift += 7) {
            std::uint8_t byte = 0;
            if (!read(byte)) return false;
            if (shift == 28 && byte > 0x0f) break;
            value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return true;
        }
        return fail_at(begin, "an unsigned varint of more than 32 bits");
    }

    // The length before a string, bytes or an array; -1 is null. `Wide` is its type in versions
    // that are not flexible.
    template <class Wide>
    bool read_length(const Field& field, std::int64_t& length) {
        if (flexible_ && !field.spec.keeps_long_length) {
            std::uint32_t plus_one = 0;
            if (!read_unsigned_varint(plus_one)) return false;
            length = static_cast<std::int64_t>(plus_one) - 1;
            return true;
        }
        Wide wide = 0;
        if (!read(wide)) return false;
        length = wide;
        return true;
    }

    bool may_be_null(const Field& field, const Type& type) const {
        return type.optional && field.spec.nullable.contains(version_);
    }

    // Length read, null sorted out: `present` says whether a value follows.
    template <class Wide>
    bool open_variable(const Field& field, const Type& type, void* value, std::size_t& length,
                       bool& present) {
        const std::size_t begin = consumed();
        std::int64_t claimed = 0;
        if (!read_length<Wide>(field, claimed)) return false;
        if (claimed < 0) {
            if (claimed < -1) {
                return fail_at(begin, "has a length of " + std::to_string(claimed));
            }
            if (!may_be_null(field, type)) {
                return fail_at(begin, "is null, which version " + std::to_string(version_) +
                                          " does not allow");
            }
            type.reset(value);
            present = false;
            return true;
        }
        length = static_cast<std::size_t>(claimed);
        present = true;
        return true;
    }

    // Keeps what hostile counts can make us allocate in proportion to the input.
    bool spend(std::size_t memory) {
        if (memory <= budget_) [[likely]] {
            budget_ -= memory;
            return true;
        }
        return fail("would take more than eight times the memory of the input");
    }

    bool read_field(const Field& field, void* value) {
        const Type& type = *field.type;
        switch (type.kind) {
            case Kind::string:
                return read_string(field, type, value);
            case Kind::bytes:
                return read_bytes(field, type, value);
            case Kind::array:
                return read_array(field, type, value);
            case Kind::structure:
                return read_nested(field, type, value);
            default:
                return read_scalar(type, type.emplace(value));
        }
    }

    bool read_scalar(const Type& type, void* value) {
        switch (type.kind) {
            case Kind::boolean: {
                std::uint8_t byte = 0;
                if (!read(byte)) return false;
                *static_cast<bool*>(value) = byte != 0;
                return true;
            }
            case Kind::int8:
                return read_into<std::int8_t>(value);
            case Kind::int16:
                return read_into<std::int16_t>(value);
            case Kind::uint16:
                return read_into<std::uint16_t>(value);
            case Kind::int32:
                return read_into<std::int32_t>(value);
            case Kind::uint32:
                return read_into<std::uint32_t>(value);
            case Kind::int64:
                return read_into<std::int64_t>(value);
            case Kind::float64: {
                std::uint64_t bits = 0;
                if (!read(bits)) return false;
                std::memcpy(value, &bits, sizeof bits);
                return true;
            }
            case Kind::uuid: {
                if (!needs(16)) return false;
                std::memcpy(static_cast<Uuid*>(value)->bytes.data(), at_, 16);
                at_ += 16;
                return true;
            }
            default:
                assert(false && "not a scalar");
                return false;
        }
    }

    bool read_string(const Field& field, const Type& type, void* value) {
        const std::size_t begin = consumed();
        std::size_t length = 0;
        bool present = false;
        if (!open_variable<std::int16_t>(field, type, value, length, present)) return false;
        if (!present) return true;
        if (length > string_bytes_max) {
            return fail_at(begin, "has a length of " + std::to_string(length) +
                                      ", more than the protocol's " +
                                      std::to_string(string_bytes_max));
        }
        if (!needs(length) || !spend(length)) return false;
        static_cast<std::string*>(type.emplace(value))->assign(at_, length);
        at_ += length;
        return true;
    }

    bool read_bytes(const Field& field, const Type& type, void* value) {
        std::size_t length = 0;
        bool present = false;
        if (!open_variable<std::int32_t>(field, type, value, length, present)) return false;
        if (!present) return true;
        if (!needs(length)) return false;
        *static_cast<Bytes*>(type.emplace(value)) = data_.slice(consumed(), length);
        at_ += length;
        return true;
    }

    bool read_array(const Field& field, const Type& type, void* value) {
        const std::size_t begin = consumed();
        std::size_t count = 0;
        bool present = false;
        if (!open_variable<std::int32_t>(field, type, value, count, present)) return false;
        if (!present) return true;
        const Type& element = *type.element;
        if (count > 0) {
            const std::size_t least = minimum_size(element, field.spec, version_, flexible_);
            if (count > left() / least) {
                return fail_at(begin, "claims " + std::to_string(count) + " elements of at least " +
                                          std::to_string(least) + " bytes, " +
                                          std::to_string(left()) + " bytes left");
            }
            if (!spend(count * element.size)) return false;
        }
        auto* elements = static_cast<std::byte*>(type.make_elements(type.emplace(value), count));
        return read_elements(field, element, elements, count);
    }

    bool read_elements(const Field& array, const Type& element, std::byte* elements,
                       std::size_t count) {
        Field each = array;
        each.type = &element;
        for (std::size_t i = 0; i < count; ++i) {
            place_->index = i;
            if (!read_field(each, elements + i * element.size)) return false;
        }
        place_->index = Place::not_in_array;
        return true;
    }

    // What Kafka writes before a struct that may be null: -1 and 1, and in a tagged field 0 and 1.
    bool read_presence(const Field& field, bool& present) {
        if (field.tag) {
            std::uint32_t marker = 0;
            if (!read_unsigned_varint(marker)) return false;
            present = marker > 0;
            return true;
        }
        std::int8_t marker = 0;
        if (!read(marker)) return false;
        present = marker >= 0;
        return true;
    }

    bool read_nested(const Field& field, const Type& type, void* value) {
        if (may_be_null(field, type)) {
            bool present = false;
            if (!read_presence(field, present)) return false;
            if (!present) {
                type.reset(value);
                return true;
            }
        }
        return read_structure(type.schema(), type.emplace(value));
    }

    bool read_tags(const Schema& schema, void* structure) {
        std::uint32_t count = 0;
        if (!read_unsigned_varint(count)) return false;
        for (; count > 0; --count) {
            if (!read_tag(schema, structure)) return false;
        }
        return true;
    }

    bool read_tag(const Schema& schema, void* structure) {
        std::uint32_t tag = 0;
        std::uint32_t size = 0;
        if (!read_unsigned_varint(tag) || !read_unsigned_varint(size) || !needs(size)) {
            return false;
        }
        for (const Field& field : schema.tagged) {
            if (field.tag == tag && field.spec.versions.contains(version_)) {
                place_->field = &field;
                return read_tagged_field(field, field.in(structure), size);
            }
        }
        if (unknown_) {
            std::string where = path(message_, place_);
            // The list grows by doubling, and so does a text.
            if (!spend(4 * sizeof(UnknownTag) + 2 * where.size())) return false;
            unknown_->push_back({std::move(where), tag, data_.slice(consumed(), size)});
        }
        at_ += size;
        return true;
    }

    bool read_tagged_field(const Field& field, void* value, std::size_t size) {
        const char* const end_of_message = end_;
        end_ = at_ + size;
        if (!read_field(field, value)) return false;
        if (at_ != end_) {
            return fail(std::to_string(left()) + " bytes left over in a tagged field");
        }
        end_ = end_of_message;
        place_->field = nullptr;
        return true;
    }

    std::string_view message_;
    const Bytes& data_;
    const char* at_;
    const char* end_;
    std::int16_t version_;
    bool flexible_;
    UnknownTags* unknown_;
    std::size_t budget_;
    Place* place_ = nullptr;
    DecodeError error_;
};

std::optional<DecodeError> unknown_version(const Schema& schema, std::int16_t version) {
    return DecodeError{std::string(schema.name),
                       "version " + std::to_string(version) + " is not known, only " +
                           std::to_string(schema.versions.lowest) + " to " +
                           std::to_string(schema.versions.highest),
                       0};
}

}  // namespace

std::optional<DecodeError> decode(const Schema& schema, void* message, std::int16_t version,
                                  const Bytes& body, UnknownTags* unknown) {
    if (!schema.versions.contains(version)) return unknown_version(schema, version);
    Decoder decoder(schema.name, body, version, schema.flexible.contains(version), unknown);
    if (decoder.read_structure(schema, message) && decoder.expect_end()) return std::nullopt;
    return decoder.error();
}

std::optional<DecodeError> decode_front(const Schema& schema, void* message, std::int16_t version,
                                        const Bytes& data, std::size_t& consumed,
                                        UnknownTags* unknown) {
    if (!schema.versions.contains(version)) return unknown_version(schema, version);
    Decoder decoder(schema.name, data, version, schema.flexible.contains(version), unknown);
    if (!decoder.read_structure(schema, message)) return decoder.error();
    consumed = decoder.consumed();
    return std::nullopt;
}

}  // namespace kwire::protocol
