#include <algorithm>
#include <charconv>
#include <cmath>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/records_json.h>
#include <kwire/protocol/uuid.h>

#include "field_name.h"

namespace kwire::protocol {
namespace {

// Kafka's Uuid.METADATA_TOPIC_ID.
constexpr Uuid metadata_topic_id{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

class JsonWriter {
 public:
    JsonWriter(std::string& out, std::int16_t version, RecordsAs records, Secrets secrets)
        : out_(out), version_(version), records_(records), secrets_(secrets) {}

    void write_message(const Schema& schema, const void* message) {
        hides_ = secrets_ == Secrets::hidden && may_hold_secrets(schema);
        write_structure(schema, message);
    }

 private:
    void write_structure(const Schema& schema, const void* structure) {
        const std::string* name = member_names(schema).data();
        char before = '{';
        for (const Field& field : schema.fields) {
            if (field.spec.versions.contains(version_)) {
                write_member(schema, field, *name, structure, before);
            }
            ++name;
        }
        for (const Field& field : schema.tagged) {
            if (field.spec.versions.contains(version_) &&
                !equal(*field.type, field.in(structure), field.in(schema.defaults))) {
                write_member(schema, field, *name, structure, before);
            }
            ++name;
        }
        if (before == '{') out_ += '{';
        out_ += '}';
    }

    void write_member(const Schema& schema, const Field& field, const std::string& name,
                      const void* structure, char& before) {
        out_ += before;
        before = ',';
        const void* value = field.in(structure);
        const auto* records =
            static_cast<const Bytes*>(field.spec.holds_records ? field.type->get(value) : nullptr);
        if (records && records_ == RecordsAs::size) {
            out_.append(name, 0, name.size() - 2).append("SizeInBytes\":");
            append_number(records->size());
            return;
        }
        out_ += name;
        if (records && records_ == RecordsAs::batches) {
            return append_records_json(out_, *records, secrets_);
        }
        if (records && secrets_ == Secrets::hidden && !records->empty() && in_metadata_topic_) {
            out_ += hidden_json;
            return;
        }
        if (hides_ && is_hidden(schema, field, structure)) {
            out_ += hidden_json;
            return;
        }
        const bool outer = is_sensitive_;
        is_sensitive_ = hides_ && (outer || says_sensitive(schema, field, structure));
        write_value(*field.type, value);
        is_sensitive_ = outer;
        note_topic(*field.type, value);
    }

    /// The value of a configuration or bytes that are secret, and there.
    bool is_hidden(const Schema& schema, const Field& field, const void* structure) const {
        const void* value = field.type->get(field.in(structure));
        if (!value) return false;
        if (is_secret(field)) return !static_cast<const Bytes*>(value)->empty();
        if (field.type->kind != Kind::string || field.name != "value") return false;
        if (static_cast<const std::string*>(value)->empty()) return false;
        if (is_sensitive_) return true;
        for (const Field& other : schema.fields) {
            const void* its = other.type->get(other.in(structure));
            if (!its) continue;
            if (other.name == "is_sensitive" && *static_cast<const bool*>(its)) return true;
            const bool names = other.type->kind == Kind::string && (other.name == "name" || other.name == "key");
            if (names && is_secret_config(*static_cast<const std::string*>(its))) return true;
        }
        return false;
    }

    /// The other values of a configuration are as secret as its own.
    static bool says_sensitive(const Schema& schema, const Field& field, const void* structure) {
        if (field.name != "synonyms") return false;
        return std::any_of(schema.fields.begin(), schema.fields.end(), [structure](const Field& other) {
            return other.name == "is_sensitive" && *static_cast<const bool*>(other.in(structure));
        });
    }

    /// The name or id of a topic stands before its records. Those of the cluster's metadata hold the
    /// credentials of all users.
    void note_topic(const Type& type, const void* holder) {
        if (secrets_ == Secrets::shown || (type.kind != Kind::string && type.kind != Kind::uuid)) return;
        const void* value = type.get(holder);
        if (!value) return;
        if (type.kind == Kind::string) {
            in_metadata_topic_ = *static_cast<const std::string*>(value) == "__cluster_metadata";
        } else {
            in_metadata_topic_ = *static_cast<const Uuid*>(value) == metadata_topic_id;
        }
    }

    template <class T>
    void append_number(T number) {
        char digits[32];
        const auto result = std::to_chars(digits, digits + sizeof digits, number);
        // Not by a range of iterators, which goes the long way of replace().
        out_.append(digits, static_cast<std::size_t>(result.ptr - digits));
    }

    template <class T>
    void write_number(const void* value) {
        append_number(*static_cast<const T*>(value));
    }

    void write_double(double value) {
        if (!std::isfinite(value)) {
            out_ += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
            return;
        }
        const std::size_t begin = out_.size();
        append_number(value);
        // Kafka's converters take a number without a fraction for an integer.
        if (out_.find_first_of(".e", begin) == std::string::npos) out_ += ".0";
    }

    void write_value(const Type& type, const void* holder) {
        const void* value = type.optional ? type.get(holder) : holder;
        if (!value) {
            out_ += "null";
            return;
        }
        switch (type.kind) {
            case Kind::boolean:
                out_ += *static_cast<const bool*>(value) ? "true" : "false";
                return;
            case Kind::int8:
                return write_number<std::int8_t>(value);
            case Kind::int16:
                return write_number<std::int16_t>(value);
            case Kind::uint16:
                return write_number<std::uint16_t>(value);
            case Kind::int32:
                return write_number<std::int32_t>(value);
            case Kind::uint32:
                return write_number<std::uint32_t>(value);
            case Kind::int64:
                return write_number<std::int64_t>(value);
            case Kind::float64:
                return write_double(*static_cast<const double*>(value));
            case Kind::uuid:
                out_ += '"' + static_cast<const Uuid*>(value)->to_string() + '"';
                return;
            case Kind::string:
                return append_json_string(out_, *static_cast<const std::string*>(value));
            case Kind::bytes:
                out_ += '"';
                append_base64(out_, static_cast<const Bytes*>(value)->view());
                out_ += '"';
                return;
            case Kind::array:
                return write_array(type, value);
            case Kind::structure:
                return write_structure(type.schema(), value);
        }
    }

    void write_array(const Type& type, const void* array) {
        out_ += '[';
        const auto* element = static_cast<const std::byte*>(type.elements(array));
        const std::size_t count = type.count(array);
        for (std::size_t i = 0; i < count; ++i, element += type.element->size) {
            if (i > 0) out_ += ',';
            write_value(*type.element, element);
        }
        out_ += ']';
    }

    std::string& out_;
    std::int16_t version_;
    RecordsAs records_;
    Secrets secrets_;
    bool hides_ = false;              // the message may hold secrets, and they are not to be shown
    bool is_sensitive_ = false;       // what is written belongs to a sensitive configuration
    bool in_metadata_topic_ = false;  // the topic named last is __cluster_metadata
};

}  // namespace

void append_json(std::string& out, const Schema& schema, const void* message, std::int16_t version,
                 RecordsAs records, Secrets secrets) {
    JsonWriter(out, version, records, secrets).write_message(schema, message);
}

std::string to_json(const Schema& schema, const void* message, std::int16_t version,
                    RecordsAs records, Secrets secrets) {
    std::string out;
    append_json(out, schema, message, version, records, secrets);
    return out;
}

}  // namespace kwire::protocol
