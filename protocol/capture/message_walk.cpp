#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include <kwire/protocol/message_walk.h>

namespace kwire::protocol {
namespace {

constexpr std::int16_t any_version = -1;

/// Visits every value that is neither array nor struct, with its field and the name of the list of
/// structs it stands in.
template <class Visit>
void walk(const Schema& schema, const void* structure, std::string_view list, Visit& visit,
          std::int16_t version = any_version);

template <class Visit>
void walk_value(const Field& field, const Type& type, const void* holder, std::string_view list,
                Visit& visit, std::int16_t version) {
    const void* value = type.optional ? type.get(holder) : holder;
    if (!value) return;
    if (type.kind == Kind::structure) {
        walk(type.schema(), value, list, visit, version);
    } else if (type.kind == Kind::array) {
        const auto* element = static_cast<const std::byte*>(type.elements(value));
        const std::size_t count = type.count(value);
        for (std::size_t i = 0; i < count; ++i, element += type.element->size) {
            walk_value(field, *type.element, element, field.name, visit, version);
        }
    } else {
        visit(field, type, value, list);
    }
}

template <class Visit>
void walk(const Schema& schema, const void* structure, std::string_view list, Visit& visit,
          std::int16_t version) {
    for (const auto* fields : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *fields) {
            if (version != any_version && !field.spec.versions.contains(version)) continue;
            walk_value(field, *field.type, field.in(structure), list, visit, version);
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

using ChangeAddress = std::function<void(std::string& host, std::int32_t& port)>;

/// The message is the caller's to change, but schemas hand out what is in it as const.
void* writable(const void* value) {
    return const_cast<void*>(value);
}

std::size_t change_addresses_in(const Schema& schema, void* structure,
                                const ChangeAddress& change) {
    std::size_t count = 0;
    std::string* host = nullptr;
    std::int32_t* port = nullptr;
    for (const auto* fields : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *fields) {
            const Type& type = *field.type;
            void* const value = writable(type.get(field.in(structure)));
            if (!value) continue;
            if (type.kind == Kind::string && field.name == "host") {
                host = static_cast<std::string*>(value);
            } else if (type.kind == Kind::int32 && field.name == "port") {
                port = static_cast<std::int32_t*>(value);
            } else if (type.kind == Kind::structure) {
                count += change_addresses_in(type.schema(), value, change);
            } else if (type.kind == Kind::array && type.element->kind == Kind::structure) {
                auto* at = static_cast<std::byte*>(writable(type.elements(value)));
                for (std::size_t left = type.count(value); left > 0; --left) {
                    void* const element = writable(type.element->get(at));
                    if (element) {
                        count += change_addresses_in(type.element->schema(), element, change);
                    }
                    at += type.element->size;
                }
            }
        }
    }
    if (!host || !port || host->empty()) return count;
    change(*host, *port);
    return count + 1;
}

/// What a field of an answer is called in requests, where that is something else.
struct OtherName {
    std::string_view answered;
    std::string_view asked;
};
constexpr OtherName other_names[] = {
    {"responses", "topics"},
    {"responses", "topic_data"},
    {"responses", "topic_names"},
    {"results", "topics"},
    {"topics", "topic_names"},
    {"partition_responses", "partition_data"},
    {"partitions", "partition_indexes"},
    {"partition_index", "partition"},
    {"partition_index", "index"},
    {"name", "topic"},
    {"topic", "name"},
    {"coordinators", "coordinator_keys"},
    {"groups", "groups_names"},
    {"results", "groups_names"},
    {"results", "resources"},
};

bool means(std::string_view answered, std::string_view asked) {
    return answered == asked ||
           std::any_of(std::begin(other_names), std::end(other_names), [&](const OtherName& other) {
               return other.answered == answered && other.asked == asked;
           });
}

template <class T>
bool copy_as(const void* from, void* to) {
    *static_cast<T*>(to) = *static_cast<const T*>(from);
    return true;
}

/// False for kinds that stand for no name or number.
bool copy_plain(Kind kind, const void* from, void* to) {
    switch (kind) {
        case Kind::int8:
            return copy_as<std::int8_t>(from, to);
        case Kind::int16:
            return copy_as<std::int16_t>(from, to);
        case Kind::int32:
            return copy_as<std::int32_t>(from, to);
        case Kind::int64:
            return copy_as<std::int64_t>(from, to);
        case Kind::uuid:
            return copy_as<Uuid>(from, to);
        case Kind::string:
            return copy_as<std::string>(from, to);
        default:
            return false;
    }
}

void echo(const Schema& asked, const void* request, const Schema& answered, void* response,
          std::int16_t version);

/// A list of bare names or numbers is answered by a list of structs that begin with them.
void echo_element(const Type& asked, const void* request, const Type& answered, void* response,
                  std::int16_t version) {
    void* const target = answered.emplace(response);
    const void* const source = asked.get(request);
    if (!source ||
        copy_plain(asked.kind == answered.kind ? asked.kind : Kind::array, source, target)) {
        return;
    }
    if (answered.kind != Kind::structure) return;
    if (asked.kind == Kind::structure) {
        echo(asked.schema(), source, answered.schema(), target, version);
        return;
    }
    for (const Field& field : answered.schema().fields) {
        if (field.type->kind != asked.kind || is_error_code(field, *field.type) ||
            !field.spec.versions.contains(version)) {
            continue;
        }
        copy_plain(asked.kind, source, field.type->emplace(field.in(target)));
        return;
    }
}

void echo_list(const Type& asked, const void* request, const Type& answered, void* response,
               std::int16_t version) {
    const std::size_t count = asked.count(request);
    const auto* source = static_cast<const std::byte*>(asked.elements(request));
    auto* target = static_cast<std::byte*>(answered.make_elements(response, count));
    for (std::size_t i = 0; i < count; ++i) {
        echo_element(*asked.element, source + i * asked.element->size, *answered.element,
                     target + i * answered.element->size, version);
    }
}

void echo(const Schema& asked, const void* request, const Schema& answered, void* response,
          std::int16_t version) {
    for (const Field& to : answered.fields) {
        if (is_error_code(to, *to.type) || !to.spec.versions.contains(version)) continue;
        for (const Field& from : asked.fields) {
            const void* const value = from.type->get(from.in(request));
            if (!value || from.type->kind != to.type->kind || !means(to.name, from.name)) continue;
            if (to.type->kind == Kind::array) {
                // The same list may stand under two names, of which one is for other versions.
                if (from.type->count(value) == 0) continue;
                echo_list(*from.type, value, *to.type, to.type->emplace(to.in(response)), version);
            } else {
                copy_plain(to.type->kind, value, to.type->emplace(to.in(response)));
            }
            break;
        }
    }
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

std::size_t change_addresses(const Schema& schema, void* message, const ChangeAddress& change) {
    return change_addresses_in(schema, message, change);
}

void fail_all(const Schema& request_schema, const void* request, const Schema& response_schema,
              void* response, std::int16_t version, ErrorCode code) {
    echo(request_schema, request, response_schema, response, version);
    set_errors(response_schema, response, version, code);
}

void set_errors(const Schema& schema, void* message, std::int16_t version, ErrorCode code) {
    const auto visit = [code](const Field& field, const Type& type, const void* value,
                              std::string_view) {
        if (is_error_code(field, type)) *static_cast<ErrorCode*>(writable(value)) = code;
    };
    walk(schema, message, {}, visit, version);
}

}  // namespace kwire::protocol
