#include <algorithm>
#include <cstddef>

#include <kwire/protocol/message_walk.h>

namespace kwire::protocol {
namespace {

/// Visits every value that is neither array nor struct, with its field and the name of the list of
/// structs it stands in.
template <class Visit>
void walk(const Schema& schema, const void* structure, std::string_view list, Visit& visit);

template <class Visit>
void walk_value(const Field& field, const Type& type, const void* holder, std::string_view list,
                Visit& visit) {
    const void* value = type.get(holder);
    if (!value) return;
    if (type.kind == Kind::structure) {
        walk(type.schema(), value, list, visit);
    } else if (type.kind == Kind::array) {
        const auto* element = static_cast<const std::byte*>(type.elements(value));
        const std::size_t count = type.count(value);
        for (std::size_t i = 0; i < count; ++i, element += type.element->size) {
            walk_value(field, *type.element, element, field.name, visit);
        }
    } else {
        visit(field, type, value, list);
    }
}

template <class Visit>
void walk(const Schema& schema, const void* structure, std::string_view list, Visit& visit) {
    for (const auto* fields : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *fields) {
            walk_value(field, *field.type, field.in(structure), list, visit);
        }
    }
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

bool is_error_code(const Field& field, const Type& type) {
    return type.kind == Kind::int16 && field.name.ends_with("error_code");
}

/// Kafka calls it `topic`, `topic_name`, or `name` where it stands in a list of topics; lists of
/// bare names are `topics`, `topic_names` and the like.
bool is_topic_name(const Field& field, std::string_view list) {
    if (field.name == "topic" || field.name == "topic_name") return true;
    if (field.type->kind == Kind::array) return field.name.find("topic") != std::string_view::npos;
    return field.name == "name" &&
           (list.find("topic") != std::string_view::npos || list == "responses");
}

/// The topic of one struct, by name and by id, as Metadata lists them.
void learn(const Schema& schema, const void* structure, std::map<Uuid, std::string>& names) {
    const std::string* topic = nullptr;
    const Uuid* id = nullptr;
    for (const Field& field : schema.fields) {
        const void* value = field.type->get(field.in(structure));
        if (!value) continue;
        if (field.type->kind == Kind::uuid && field.name == "topic_id") {
            id = static_cast<const Uuid*>(value);
        } else if (field.type->kind == Kind::string &&
                   (field.name == "name" || field.name == "topic" || field.name == "topic_name")) {
            topic = static_cast<const std::string*>(value);
        } else if (field.type->kind == Kind::array &&
                   field.type->element->kind == Kind::structure) {
            const Type& element = *field.type->element;
            const auto* at = static_cast<const std::byte*>(field.type->elements(value));
            const std::size_t count = field.type->count(value);
            for (std::size_t i = 0; i < count; ++i, at += element.size) {
                learn(element.schema(), element.get(at), names);
            }
        }
    }
    if (topic && id && !topic->empty() && !id->is_zero()) names[*id] = *topic;
}

}  // namespace

std::vector<ErrorCode> errors_in(const Schema& schema, const void* message) {
    std::vector<ErrorCode> errors;
    const auto visit = [&errors](const Field& field, const Type& type, const void* value,
                                 std::string_view) {
        if (!is_error_code(field, type)) return;
        const auto code = *static_cast<const ErrorCode*>(value);
        if (code != ErrorCode::none) add_once(errors, code);
    };
    walk(schema, message, {}, visit);
    return errors;
}

std::vector<std::string> topics_in(const Schema& schema, const void* message,
                                   const std::map<Uuid, std::string>& names) {
    std::vector<std::string> topics;
    const auto visit = [&](const Field& field, const Type& type, const void* value,
                           std::string_view list) {
        if (type.kind == Kind::string && is_topic_name(field, list)) {
            const auto& name = *static_cast<const std::string*>(value);
            if (!name.empty()) add_once(topics, name);
        } else if (type.kind == Kind::uuid && field.name.starts_with("topic_id")) {
            const auto known = names.find(*static_cast<const Uuid*>(value));
            if (known != names.end()) add_once(topics, known->second);
        }
    };
    walk(schema, message, {}, visit);
    return topics;
}

void learn_topic_ids(const Schema& schema, const void* message,
                     std::map<Uuid, std::string>& names) {
    learn(schema, message, names);
}

void set_errors(const Schema& schema, void* message, ErrorCode code) {
    const auto visit = [code](const Field& field, const Type& type, const void* value,
                              std::string_view) {
        // The message is the caller's to change; the walk itself has no need to.
        if (is_error_code(field, type)) *static_cast<ErrorCode*>(const_cast<void*>(value)) = code;
    };
    walk(schema, message, {}, visit);
}

}  // namespace kwire::protocol
