// kwire config: every property that -X takes.
#include <memory>
#include <string>

#include <kwire/group/properties.h>
#include <kwire/protocol/json_text.h>

#include "output.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

std::string_view used_by(PropertyScope scope) {
    switch (scope) {
        case PropertyScope::cluster:
            return "the cluster (every subcommand that reaches brokers)";
        case PropertyScope::fetch:
            return "fetching (consume, bench)";
        case PropertyScope::group:
            return "the group (consume, topics, offsets, group, bench fetch, bench group)";
        case PropertyScope::producer:
            return "the producer (produce, bench produce, bench latency)";
    }
    return "";
}

void append_text(std::string& out, const PropertyInfo& info) {
    out.append(info.name);
    for (const auto alias : info.aliases) out.append(", ").append(alias);
    out.append("\n    ").append(info.meaning);
    out.append("\n    ").append(info.rule);
    if (!info.default_value.empty()) out.append("; default ").append(info.default_value);
    out += '\n';
}

void append_json(std::string& out, const PropertyInfo& info) {
    const auto text = [&out](std::string_view before, std::string_view value) {
        out += before;
        protocol::append_json_string(out, value);
    };
    text("{\"name\":", info.name);
    out += ",\"aliases\":[";
    std::string_view comma;
    for (const auto alias : info.aliases) {
        text(comma, alias);
        comma = ",";
    }
    text("],\"part\":", name(info.scope));
    text(",\"default\":", info.default_value);
    text(",\"rule\":", info.rule);
    text(",\"meaning\":", info.meaning);
    out += "}\n";
}

int print(const std::string& format) {
    Output output(1);
    std::string& out = output.buffer();
    const PropertyInfo* before = nullptr;
    const auto list = property_list();
    for (const PropertyInfo& info : list) {
        if (format == "json") {
            append_json(out, info);
            continue;
        }
        if (before == nullptr || before->scope != info.scope) {
            if (before != nullptr) out += '\n';
            out.append("# Of ").append(used_by(info.scope)).append("\n\n");
        }
        append_text(out, info);
        before = &info;
    }
    return finish(output);
}

}  // namespace

void add_config(Command root) {
    const auto format = std::make_shared<std::string>("text");
    Command command = root.subcommand("config", "List the properties that -X takes");
    command.option("-f,--format", *format, "text|json", "json: one object a line")
        .one_of({"text", "json"});
    command.notes("Examples", {"kwire config", "kwire config --format json | jq -r .name"});
    command.runs([format] { return print(*format); });
}

}  // namespace kwire::tools
