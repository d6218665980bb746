#include <bitset>
#include <cassert>
#include <charconv>
#include <cstring>
#include <limits>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/uuid.h>

#include "field_name.h"
#include "json_scanner.h"
#include "place.h"

namespace kwire::protocol {
namespace {

constexpr std::size_t fields_max = 64;

// Walks a schema along a text and fills a value. As in the decoder, false means that error_ says
// what is wrong.
class JsonReader {
 public:
    JsonReader(std::string_view message, std::string_view text, std::int16_t version)
        : message_(message), text_(text), version_(version) {}

    bool read_message(const Schema& schema, void* message) {
        return read_structure(schema, message) &&
               (text_.at_end() || fail("is followed by more than the message"));
    }

    const DecodeError& error() const { return error_; }

 private:
    bool fail(std::string what) { return fail_at(text_.position(), std::move(what)); }
    bool fail_at(std::size_t offset, std::string what) {
        error_ = {path(message_, place_), std::move(what), offset};
        return false;
    }

    bool expects(std::string_view what) {
        return fail("is " + text_.what_comes() + ", not " + std::string(what));
    }

    bool read_structure(const Schema& schema, void* structure) {
        if (!text_.take('{')) return expects("an object");
        EnteredPlace place(place_);
        std::bitset<fields_max> seen;
        if (text_.take('}')) return true;
        do {
            place->field = nullptr;
            const std::size_t begin = text_.position();
            std::string name;
            if (!text_.take_string(name)) return fail(text_.problem("is not the name of a field"));
            std::size_t number = 0;
            const Field* field = find_field(schema, name, number);
            if (!field) return unknown_field(schema, name, begin);
            place->field = field;
            if (seen.test(number)) return fail_at(begin, "is given twice");
            seen.set(number);
            if (!text_.take(':')) return fail("has no colon behind its name");
            if (!read_value(*field, *field->type, field->in(structure))) return false;
        } while (text_.take(','));
        place->field = nullptr;
        return text_.take('}') || fail("ends where a comma or a brace should be");
    }

    const Field* find_field(const Schema& schema, std::string_view name, std::size_t& number) {
        number = 0;
        for (const auto* list : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *list) {
                assert(number < fields_max);
                if (field.spec.versions.contains(version_) && is_camel_case_of(name, field.name)) {
                    return &field;
                }
                ++number;
            }
        }
        return nullptr;
    }

    // Says which of the reasons it is that a name is not known.
    bool unknown_field(const Schema& schema, const std::string& name, std::size_t begin) {
        std::string what = "is no field of this message";
        for (const auto* list : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *list) {
                if (is_camel_case_of(name, field.name)) {
                    what = "is no field of version " + std::to_string(version_);
                } else if (field.spec.holds_records && name.ends_with("SizeInBytes") &&
                           is_camel_case_of(name.substr(0, name.size() - 11), field.name)) {
                    what =
                        "tells the size of records and not the records themselves; show them as "
                        "base64";
                }
            }
        }
        error_ = {path(message_, place_) + '.' + name, std::move(what), begin};
        return false;
    }

    bool read_null(const Field& field, const Type& type, void* holder, std::size_t begin) {
        if (!type.optional || !field.spec.nullable.contains(version_)) {
            return fail_at(
                begin, "is null, which version " + std::to_string(version_) + " does not allow");
        }
        type.reset(holder);
        return true;
    }

    bool read_value(const Field& field, const Type& type, void* holder) {
        const std::size_t begin = text_.position();
        if (text_.take_word("null")) return read_null(field, type, holder, begin);
        if (type.kind == Kind::string || type.kind == Kind::bytes) {
            if (text_.comes('{')) return fail(hidden_or_object());
        }
        void* value = type.emplace(holder);
        switch (type.kind) {
            case Kind::boolean:
                return read_boolean(*static_cast<bool*>(value));
            case Kind::int8:
                return read_number<std::int8_t>(value);
            case Kind::int16:
                return read_number<std::int16_t>(value);
            case Kind::uint16:
                return read_number<std::uint16_t>(value);
            case Kind::int32:
                return read_number<std::int32_t>(value);
            case Kind::uint32:
                return read_number<std::uint32_t>(value);
            case Kind::int64:
                return read_number<std::int64_t>(value);
            case Kind::float64:
                return read_double(*static_cast<double*>(value));
            case Kind::uuid:
                return read_uuid(*static_cast<Uuid*>(value));
            case Kind::string:
                return read_string(*static_cast<std::string*>(value));
            case Kind::bytes:
                return read_bytes(field, *static_cast<Bytes*>(value));
            case Kind::array:
                return read_array(field, type, value);
            case Kind::structure:
                return read_structure(type.schema(), value);
        }
        return false;
    }

    /// What is wrong with an object in the place of a string or bytes.
    std::string hidden_or_object() {
        std::string name;
        if (text_.take('{') && text_.take_string(name) && name == "hidden") {
            return "is hidden, and what it was is not known here: print the message with its secrets "
                   "(--show-secrets), or put the value in";
        }
        return "is an object, not a string";
    }

    bool read_boolean(bool& value) {
        if (text_.take_word("true")) {
            value = true;
        } else if (text_.take_word("false")) {
            value = false;
        } else {
            return expects("true or false");
        }
        return true;
    }

    template <class T>
    bool read_number(void* value) {
        const std::size_t begin = text_.position();
        const std::string_view digits = text_.take_number();
        if (digits.empty()) return expects("a number");
        const char* const end = digits.data() + digits.size();
        const auto [stop, problem] = std::from_chars(digits.data(), end, *static_cast<T*>(value));
        if (problem == std::errc{} && stop == end) return true;
        return fail_at(begin, "is " + std::string(digits) + ", not a whole number from " +
                                  std::to_string(std::numeric_limits<T>::min()) + " to " +
                                  std::to_string(std::numeric_limits<T>::max()));
    }

    bool read_double(double& value) {
        const std::size_t begin = text_.position();
        std::string word;
        if (text_.take_string(word)) {
            if (word == "NaN") {
                value = std::numeric_limits<double>::quiet_NaN();
            } else if (word == "Infinity" || word == "-Infinity") {
                value = std::numeric_limits<double>::infinity();
                if (word[0] == '-') value = -value;
            } else {
                return fail_at(begin, "is a text other than NaN, Infinity and -Infinity");
            }
            return true;
        }
        const std::string_view digits = text_.take_number();
        if (digits.empty()) return expects("a number");
        const char* const end = digits.data() + digits.size();
        const auto [stop, problem] = std::from_chars(digits.data(), end, value);
        return (problem == std::errc{} && stop == end) ||
               fail_at(begin, "is " + std::string(digits) + ", not a number");
    }

    bool read_string(std::string& value) {
        if (text_.take_string(value)) return true;
        return fail(text_.problem("is " + text_.what_comes() + ", not a string"));
    }

    bool read_uuid(Uuid& value) {
        const std::size_t begin = text_.position();
        std::string word;
        if (!read_string(word)) return false;
        const auto id = Uuid::parse(word);
        if (!id) return fail_at(begin, "is not a uuid of 22 characters as Kafka prints it");
        value = *id;
        return true;
    }

    bool read_bytes(const Field& field, Bytes& value) {
        const std::size_t begin = text_.position();
        if (field.spec.holds_records && text_.comes('[')) {
            return fail("is a list of opened batches, which only base64 can be made bytes of");
        }
        std::string word;
        if (!read_string(word)) return false;
        auto data = from_base64(word);
        if (!data) return fail_at(begin, "is not base64");
        value = Bytes::own(std::move(*data));
        return true;
    }

    bool read_array(const Field& field, const Type& type, void* array) {
        if (!text_.comes('[')) return expects("a list");
        // Elements are made all at once, so they are counted first.
        const std::size_t count = text_.count_elements();
        text_.take('[');
        Field each = field;
        each.type = type.element;
        auto* elements = static_cast<std::byte*>(type.make_elements(array, count));
        for (std::size_t i = 0; i < count; ++i) {
            place_->index = i;
            if (i > 0 && !text_.take(',')) return fail("ends where a comma should be");
            if (!read_value(each, *type.element, elements + i * type.element->size)) return false;
        }
        place_->index = Place::not_in_array;
        return text_.take(']') || fail("ends where a comma or a bracket should be");
    }

    std::string_view message_;
    JsonScanner text_;
    std::int16_t version_;
    Place* place_ = nullptr;
    DecodeError error_;
};

}  // namespace

std::optional<DecodeError> from_json(const Schema& schema, void* message, std::int16_t version,
                                     std::string_view text) {
    if (!schema.versions.contains(version)) {
        return DecodeError{std::string(schema.name),
                           "version " + std::to_string(version) + " is not known, only " +
                               std::to_string(schema.versions.lowest) + " to " +
                               std::to_string(schema.versions.highest),
                           0};
    }
    JsonReader reader(schema.name, text, version);
    if (reader.read_message(schema, message)) return std::nullopt;
    return reader.error();
}

}  // namespace kwire::protocol
