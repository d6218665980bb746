#include "field_name.h"

#include <unordered_map>

namespace kwire::protocol {
namespace {

// Calls `take` with each character; stops where it returns false.
template <class Take>
bool walk(std::string_view snake_case, Take take) {
    bool raise = false;
    for (std::size_t i = 0; i < snake_case.size(); ++i) {
        const char c = snake_case[i];
        if (c == '_') {
            raise = true;
            continue;
        }
        const bool raised = raise && c >= 'a' && c <= 'z';
        if (!take(raised ? static_cast<char>(c - 'a' + 'A') : c)) return false;
        // In camel case Kafka writes KRaft.
        raise = c == 'k' && snake_case.substr(i).starts_with("kraft");
    }
    return true;
}

}  // namespace

void append_camel_case(std::string& out, std::string_view snake_case) {
    walk(snake_case, [&out](char c) {
        out += c;
        return true;
    });
}

const std::vector<std::string>& member_names(const Schema& schema) {
    thread_local std::unordered_map<const Schema*, std::vector<std::string>> known;
    std::vector<std::string>& names = known[&schema];
    if (!names.empty()) return names;
    for (const auto* fields : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *fields) {
            std::string& name = names.emplace_back("\"");
            append_camel_case(name, field.name);
            name += "\":";
        }
    }
    return names;
}

bool is_camel_case_of(std::string_view camel_case, std::string_view snake_case) {
    std::size_t at = 0;
    return walk(snake_case,
                [&](char c) { return at < camel_case.size() && camel_case[at++] == c; }) &&
           at == camel_case.size();
}

}  // namespace kwire::protocol
