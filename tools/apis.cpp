// kwire apis: what kwire speaks, and what brokers do.
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include <kwire/net/error.h>
#include <kwire/protocol/api_key.h>
#include <kwire/protocol/messages.h>

#include "connection.h"
#include "output.h"
#include "release_guess.h"
#include "report.h"
#include "subcommands.h"
#include "table.h"

namespace kwire::tools {
namespace {

using protocol::Schema;

struct ApisOptions {
    ConnectionOptions connection;
    bool schema = false;
    std::string name;
    std::string format = "text";
};

std::string text_of(VersionRange range) {
    if (range.highest < range.lowest) return "-";
    if (range.lowest == range.highest) return std::to_string(range.lowest);
    return std::to_string(range.lowest) + '-' + std::to_string(range.highest);
}

std::string name_or_unknown(ApiKey api) {
    const std::string_view known = name(api);
    return known.empty() ? "(unknown)" : std::string(known);
}

std::vector<const Schema*> every_message() {
    std::vector<const Schema*> all;
    for (const auto list : {protocol::all_messages(), protocol::embedded_messages()}) {
        all.insert(all.end(), list.begin(), list.end());
    }
    return all;
}

/// The messages of an API or the one of that name; all where there is no name.
std::vector<const Schema*> messages_named(const std::string& wanted) {
    if (wanted.empty()) return every_message();
    if (const auto key = api_key_of(wanted)) {
        return {protocol::request_schema(*key), protocol::response_schema(*key)};
    }
    if (const Schema* message = protocol::find_message(wanted)) return {message};
    throw UsageError("kwire does not know `" + wanted + "`; `kwire apis` lists what it knows");
}

int print_schemas(const std::string& wanted) {
    Output output(1);
    for (const Schema* message : messages_named(wanted)) {
        for (std::int16_t v = message->versions.lowest; v <= message->versions.highest; ++v) {
            output.line(protocol::schema_text(*message, v));
        }
    }
    return finish(output);
}

using Json = nlohmann::ordered_json;

/// `{"lowest":0,"highest":13}`, or null where there are none.
Json json_of(VersionRange range) {
    if (range.highest < range.lowest) return nullptr;
    return {{"lowest", range.lowest}, {"highest", range.highest}};
}

int print_known_json() {
    Output output(1);
    for (const Schema* message : every_message()) {
        const bool is_request =
            message->api_key && protocol::request_schema(*message->api_key) == message;
        if (message->api_key && !is_request) continue;
        Json line;
        if (is_request) {
            line["api"] = name_or_unknown(*message->api_key);
            line["key"] = static_cast<int>(*message->api_key);
        } else {
            line["message"] = message->name;
        }
        line["versions"] = json_of(message->versions);
        line["flexible_from"] =
            message->flexible.highest < message->flexible.lowest ? Json() : Json(message->flexible.lowest);
        output.line(line.dump());
    }
    return finish(output);
}

int print_known() {
    Table apis({"API", "KEY", "VERSIONS", "FLEXIBLE FROM"});
    Table others({"IN RECORDS AND OTHER MESSAGES", "VERSIONS", "FLEXIBLE FROM"});
    const auto flexible = [](const Schema& message) {
        return message.flexible.highest < message.flexible.lowest
                   ? "-"
                   : std::to_string(message.flexible.lowest);
    };
    for (const Schema* message : every_message()) {
        if (!message->api_key) {
            others.row(
                {std::string(message->name), text_of(message->versions), flexible(*message)});
        } else if (protocol::request_schema(*message->api_key) == message) {
            apis.row({name_or_unknown(*message->api_key),
                      std::to_string(static_cast<int>(*message->api_key)),
                      text_of(message->versions), flexible(*message)});
        }
    }
    Output output(1);
    apis.append_to(output.buffer());
    output.buffer() += '\n';
    others.append_to(output.buffer());
    return finish(output);
}

using Versions = std::map<ApiKey, VersionRange>;

/// A column each, beside what kwire speaks.
void append_side_by_side(std::string& out, const std::map<std::string, Versions>& brokers) {
    std::vector<std::string> header{"API", "KEY", "KWIRE"};
    std::vector<std::string> releases{"looks like", "", ""};
    std::set<ApiKey> keys;
    for (const auto& [broker, versions] : brokers) {
        header.push_back(broker);
        releases.emplace_back(release_of(versions));
        for (const auto& [key, range] : versions) keys.insert(key);
    }
    Table table(header);
    table.row(releases);
    for (const ApiKey key : keys) {
        const Schema* const known = protocol::request_schema(key);
        std::vector<std::string> row{name_or_unknown(key), std::to_string(static_cast<int>(key)),
                                     known ? text_of(known->versions) : "-"};
        for (const auto& [broker, versions] : brokers) {
            const auto offered = versions.find(key);
            row.push_back(offered == versions.end() ? "-" : text_of(offered->second));
        }
        table.row(row);
    }
    table.append_to(out);
}

/// A line for each broker.
void append_json(std::string& out, const std::map<std::string, Versions>& brokers) {
    for (const auto& [broker, versions] : brokers) {
        Json line{{"broker", broker}, {"looks_like", release_of(versions)}, {"apis", Json::array()}};
        for (const auto& [key, range] : versions) {
            line["apis"].push_back({{"api", name_or_unknown(key)},
                                    {"key", static_cast<int>(key)},
                                    {"versions", json_of(range)}});
        }
        out += line.dump() + '\n';
    }
}

int ask_brokers(const ApisOptions& options) {
    Connections connections(client_config(options.connection, PropertyScope::cluster));
    const auto view = connections.wait(connections.cluster()->refresh({}));
    if (view->brokers.empty()) {
        throw Error(errc::cannot_connect,
                    "the cluster lists no brokers (0.8 does not before it has a topic)");
    }
    std::map<std::string, Versions> brokers;
    int code = exit_ok;
    for (const auto& [id, broker] : view->brokers) {
        try {
            brokers[broker.address.to_string()] =
                connections.wait(connections.cluster()->versions(id));
        } catch (const Error& error) {
            report(error.what());
            code = exit_failure;
        }
    }
    Output output(1);
    if (options.format == "json") {
        append_json(output.buffer(), brokers);
    } else if (!brokers.empty()) {
        append_side_by_side(output.buffer(), brokers);
    }
    const int written = finish(output);
    return written == exit_ok ? code : written;
}

int apis(const ApisOptions& options) {
    if (!options.connection.bootstrap.empty()) {
        if (options.schema || !options.name.empty()) {
            throw UsageError("--bootstrap asks brokers; --schema and a name ask kwire itself");
        }
        return ask_brokers(options);
    }
    if (options.schema || !options.name.empty()) {
        if (options.format == "json") throw UsageError("fields are shown as text only");
        return print_schemas(options.name);
    }
    return options.format == "json" ? print_known_json() : print_known();
}

}  // namespace

void add_apis(Command root) {
    const auto options = std::make_shared<ApisOptions>();
    Command command = root.subcommand(
        "apis", "What kwire speaks, or with --bootstrap what each broker does, side by side");
    command.argument("API", options->name, "show the fields of this API or message, each version");
    command.flag("--schema", options->schema, "show the fields of all messages at all versions");
    command.option("-f,--format", options->format, "text|json", "json: one object a line")
        .one_of({"text", "json"});
    add_bootstrap(command, options->connection, "brokers to ask");
    add_properties(command, options->connection);
    command.notes("Examples",
                  {"kwire apis", "kwire apis Fetch", "kwire apis OffsetCommitValue",
                   "kwire apis --schema | grep topic_id", "kwire apis --bootstrap localhost:9092"});
    command.runs([options] { return apis(*options); });
}

}  // namespace kwire::tools
