#include <kwire/protocol/schema.h>

namespace kwire::protocol {
namespace {

std::string_view scalar_name(Kind kind) {
    switch (kind) {
        case Kind::boolean:
            return "bool";
        case Kind::int8:
            return "int8";
        case Kind::int16:
            return "int16";
        case Kind::uint16:
            return "uint16";
        case Kind::int32:
            return "int32";
        case Kind::uint32:
            return "uint32";
        case Kind::int64:
            return "int64";
        case Kind::float64:
            return "float64";
        case Kind::uuid:
            return "uuid";
        case Kind::string:
            return "string";
        case Kind::bytes:
            return "bytes";
        case Kind::array:
            return "[]";
        case Kind::structure:
            break;
    }
    return "";
}

class SchemaText {
 public:
    SchemaText(std::int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

    void add_fields(const Schema& schema) {
        bool first = true;
        for (const auto* list : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *list) {
                if (!field.spec.versions.contains(version_)) continue;
                if (!first) text += ", ";
                first = false;
                add_field(field);
            }
        }
    }

    std::string text;

 private:
    void add_field(const Field& field) {
        if (field.tag) text += '#' + std::to_string(*field.tag) + ' ';
        text.append(field.name).append(" ");
        if (flexible_ && field.spec.keeps_long_length) text += "long ";
        if (field.type->optional && field.spec.nullable.contains(version_)) text += '?';
        if (field.spec.holds_records) {
            text += "records";
        } else {
            add_type(*field.type);
        }
    }

    void add_type(const Type& type) {
        text += scalar_name(type.kind);
        if (type.kind == Kind::array) add_type(*type.element);
        if (type.kind != Kind::structure) return;
        text += '{';
        add_fields(type.schema());
        text += '}';
    }

    std::int16_t version_;
    bool flexible_;
};

}  // namespace

std::string schema_text(const Schema& schema, std::int16_t version) {
    const bool flexible = schema.flexible.contains(version);
    SchemaText fields(version, flexible);
    fields.add_fields(schema);
    std::string line(schema.name);
    line += ' ' + std::to_string(version) + (flexible ? " compact" : "") + ':';
    if (!fields.text.empty()) line += ' ' + fields.text;
    return line;
}

}  // namespace kwire::protocol
