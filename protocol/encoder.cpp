#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/uuid.h>

#include "big_endian.h"
#include "place.h"

namespace kwire::protocol {
namespace {

constexpr std::size_t varint_size(std::uint32_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7) ++size;
    return size;
}

// Appends to a string.
class StringSink {
 public:
    explicit StringSink(std::string& out) : out_(out) {}

    void put(const char* data, std::size_t size) { out_.append(data, size); }
    std::size_t position() const { return out_.size(); }
    // For the one length that is only known afterwards, that of a tagged field: mostly a few bytes.
    void insert_varint(std::size_t position, std::uint32_t value) {
        char bytes[5];
        std::size_t size = 0;
        for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
        bytes[size++] = static_cast<char>(value);
        out_.insert(position, bytes, size);
    }

 private:
    std::string& out_;
};

// Only counts.
class SizeSink {
 public:
    void put(const char*, std::size_t size) { size_ += size; }
    std::size_t position() const { return size_; }
    void insert_varint(std::size_t, std::uint32_t value) { size_ += varint_size(value); }

 private:
    std::size_t size_ = 0;
};

// Walks a schema and writes a value. As in the decoder, false means that error_ says what is wrong.
template <class Sink>
class Encoder {
 public:
    Encoder(std::string_view message, Sink& sink, std::int16_t version, bool flexible,
            const UnknownTags* unknown)
        : message_(message),
          sink_(sink),
          version_(version),
          flexible_(flexible),
          unknown_(unknown && !unknown->empty() ? unknown : nullptr) {}

    bool write_structure(const Schema& schema, const void* structure) {
        EnteredPlace place(place_);
        for (const Field& field : schema.fields) {
            place->field = &field;
            if (!field.spec.versions.contains(version_)) {
                if (!may_be_left_out(schema, field, structure)) return false;
            } else if (!write_field(field, *field.type, field.in(structure))) {
                return false;
            }
        }
        if (!write_tags(schema, structure)) return false;
        return true;
    }

    const EncodeError& error() const { return error_; }

 private:
    bool fail(std::string what) {
        error_ = {path(message_, place_), std::move(what)};
        return false;
    }

    bool is_default(const Schema& schema, const Field& field, const void* structure) const {
        return equal(*field.type, field.in(structure), field.in(schema.defaults));
    }

    bool may_be_left_out(const Schema& schema, const Field& field, const void* structure) {
        return field.spec.may_be_ignored || is_default(schema, field, structure) ||
               fail("is set, and version " + std::to_string(version_) + " cannot carry it");
    }

    template <class T>
    void write(T value) {
        char bytes[sizeof(T)];
        store_big_endian<T>(bytes, value);
        sink_.put(bytes, sizeof bytes);
    }

    template <class T>
    bool write_from(const void* value) {
        write(*static_cast<const T*>(value));
        return true;
    }

    void write_unsigned_varint(std::uint32_t value) {
        for (; value >= 0x80; value >>= 7) write(static_cast<std::uint8_t>(value | 0x80));
        write(static_cast<std::uint8_t>(value));
    }

    template <class Wide>
    bool write_length(const Field& field, std::size_t length) {
        // A compact length could say more, but Kafka refuses longer strings in every version.
        if (length > static_cast<std::size_t>(std::numeric_limits<Wide>::max())) {
            return fail("has a length of " + std::to_string(length) +
                        ", more than the protocol's " +
                        std::to_string(std::numeric_limits<Wide>::max()));
        }
        if (flexible_ && !field.spec.keeps_long_length) {
            write_unsigned_varint(static_cast<std::uint32_t>(length) + 1);
        } else {
            write(static_cast<Wide>(length));
        }
        return true;
    }

    template <class Wide>
    bool write_null(const Field& field) {
        if (!field.spec.nullable.contains(version_)) {
            return fail("is null, which version " + std::to_string(version_) + " does not allow");
        }
        if (flexible_ && !field.spec.keeps_long_length) {
            write_unsigned_varint(0);
        } else {
            write(static_cast<Wide>(-1));
        }
        return true;
    }

    bool write_field(const Field& field, const Type& type, const void* holder) {
        const void* value = type.get(holder);
        switch (type.kind) {
            case Kind::boolean:
                write(static_cast<std::uint8_t>(*static_cast<const bool*>(value) ? 1 : 0));
                return true;
            case Kind::int8:
                return write_from<std::int8_t>(value);
            case Kind::int16:
                return write_from<std::int16_t>(value);
            case Kind::uint16:
                return write_from<std::uint16_t>(value);
            case Kind::int32:
                return write_from<std::int32_t>(value);
            case Kind::uint32:
                return write_from<std::uint32_t>(value);
            case Kind::int64:
                return write_from<std::int64_t>(value);
            case Kind::float64: {
                std::uint64_t bits = 0;
                std::memcpy(&bits, value, sizeof bits);
                write(bits);
                return true;
            }
            case Kind::uuid:
                sink_.put(
                    reinterpret_cast<const char*>(static_cast<const Uuid*>(value)->bytes.data()),
                    16);
                return true;
            case Kind::string:
                return write_string(field, static_cast<const std::string*>(value));
            case Kind::bytes:
                return write_bytes(field, static_cast<const Bytes*>(value));
            case Kind::array:
                return write_array(field, type, value);
            case Kind::structure:
                return write_nested(field, type, value);
        }
        assert(false && "not a kind");
        return false;
    }

    bool write_string(const Field& field, const std::string* text) {
        if (!text) return write_null<std::int16_t>(field);
        if (!write_length<std::int16_t>(field, text->size())) return false;
        sink_.put(text->data(), text->size());
        return true;
    }

    bool write_bytes(const Field& field, const Bytes* bytes) {
        if (!bytes) return write_null<std::int32_t>(field);
        if (!write_length<std::int32_t>(field, bytes->size())) return false;
        sink_.put(bytes->data(), bytes->size());
        return true;
    }

    bool write_array(const Field& field, const Type& type, const void* array) {
        if (!array) return write_null<std::int32_t>(field);
        const std::size_t count = type.count(array);
        if (!write_length<std::int32_t>(field, count)) return false;
        const auto* elements = static_cast<const std::byte*>(type.elements(array));
        for (std::size_t i = 0; i < count; ++i) {
            place_->index = i;
            if (!write_field(field, *type.element, elements + i * type.element->size)) return false;
        }
        place_->index = Place::not_in_array;
        return true;
    }

    bool write_nested(const Field& field, const Type& type, const void* structure) {
        if (type.optional && field.spec.nullable.contains(version_)) {
            write(static_cast<std::int8_t>(structure ? 1 : field.tag ? 0 : -1));
            if (!structure) return true;
        } else if (!structure) {
            return fail("is null, which version " + std::to_string(version_) + " does not allow");
        }
        return write_structure(type.schema(), structure);
    }

    // Tagged fields are written by ascending tag, and only where they are not at their default.
    bool write_tags(const Schema& schema, const void* structure) {
        std::vector<const UnknownTag*> unknown;
        if (unknown_ && flexible_) unknown = unknown_here();
        std::uint32_t count = static_cast<std::uint32_t>(unknown.size());
        for (const Field& field : schema.tagged) {
            place_->field = &field;
            if (!field.spec.versions.contains(version_)) {
                if (!may_be_left_out(schema, field, structure)) return false;
            } else if (!is_default(schema, field, structure)) {
                ++count;
            }
        }
        if (!flexible_) return true;
        write_unsigned_varint(count);
        if (count == 0) return true;
        auto next_unknown = unknown.begin();
        for (const Field& field : schema.tagged) {
            if (!field.spec.versions.contains(version_) || is_default(schema, field, structure)) {
                continue;
            }
            for (; next_unknown != unknown.end() && (*next_unknown)->tag < *field.tag;
                 ++next_unknown) {
                write_unknown(**next_unknown);
            }
            place_->field = &field;
            if (!write_tagged_field(field, field.in(structure))) return false;
        }
        for (; next_unknown != unknown.end(); ++next_unknown) write_unknown(**next_unknown);
        return true;
    }

    bool write_tagged_field(const Field& field, const void* value) {
        write_unsigned_varint(*field.tag);
        const std::size_t begin = sink_.position();
        if (!write_field(field, *field.type, value)) return false;
        sink_.insert_varint(begin, static_cast<std::uint32_t>(sink_.position() - begin));
        return true;
    }

    std::vector<const UnknownTag*> unknown_here() {
        place_->field = nullptr;
        const std::string here = path(message_, place_);
        std::vector<const UnknownTag*> found;
        for (const UnknownTag& tag : *unknown_) {
            if (tag.path == here) found.push_back(&tag);
        }
        std::stable_sort(found.begin(), found.end(),
                         [](const UnknownTag* a, const UnknownTag* b) { return a->tag < b->tag; });
        return found;
    }

    void write_unknown(const UnknownTag& unknown) {
        write_unsigned_varint(unknown.tag);
        write_unsigned_varint(static_cast<std::uint32_t>(unknown.data.size()));
        sink_.put(unknown.data.data(), unknown.data.size());
    }

    std::string_view message_;
    Sink& sink_;
    std::int16_t version_;
    bool flexible_;
    const UnknownTags* unknown_;
    Place* place_ = nullptr;
    EncodeError error_;
};

}  // namespace

std::optional<EncodeError> encode(const Schema& schema, const void* message, std::int16_t version,
                                  std::string& out, const UnknownTags* unknown) {
    if (!schema.versions.contains(version)) {
        return EncodeError{std::string(schema.name),
                           "version " + std::to_string(version) + " is not known, only " +
                               std::to_string(schema.versions.lowest) + " to " +
                               std::to_string(schema.versions.highest)};
    }
    const std::size_t before = out.size();
    StringSink sink(out);
    Encoder encoder(schema.name, sink, version, schema.flexible.contains(version), unknown);
    if (encoder.write_structure(schema, message)) return std::nullopt;
    out.resize(before);
    return encoder.error();
}

std::optional<std::size_t> encoded_size(const Schema& schema, const void* message,
                                        std::int16_t version) {
    if (!schema.versions.contains(version)) return std::nullopt;
    SizeSink sink;
    Encoder encoder(schema.name, sink, version, schema.flexible.contains(version), nullptr);
    if (!encoder.write_structure(schema, message)) return std::nullopt;
    return sink.position();
}

}  // namespace kwire::protocol
