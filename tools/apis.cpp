// kwire apis: what each broker speaks.
#include <memory>

#include <kwire/net/error.h>
#include <kwire/protocol/api_key.h>

#include "connection.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"
#include "table.h"

namespace kwire::tools {
namespace {

int apis(const ConnectionOptions& options) {
    if (options.bootstrap.empty()) throw UsageError("--bootstrap is required");
    Connections connections(client_config(options, PropertyScope::cluster));
    const auto view = connections.wait(connections.cluster()->refresh({}));
    Table table({"BROKER", "API", "KEY", "OLDEST", "NEWEST"});
    int code = exit_ok;
    for (const auto& [id, broker] : view->brokers) {
        try {
            const auto versions = connections.wait(connections.cluster()->versions(id));
            for (const auto& [api, range] : versions) {
                const std::string_view api_name = name(api);
                table.row({broker.address.to_string(),
                           api_name.empty() ? "(unknown)" : std::string(api_name),
                           std::to_string(static_cast<int>(api)), std::to_string(range.lowest),
                           std::to_string(range.highest)});
            }
        } catch (const Error& error) {
            report(error.what());
            code = exit_failure;
        }
    }
    Output output(1);
    table.append_to(output.buffer());
    const int written = finish(output);
    return written == exit_ok ? code : written;
}

}  // namespace

void add_apis(Command root) {
    const auto options = std::make_shared<ConnectionOptions>();
    Command command = root.subcommand("apis", "What each broker speaks: APIs and their versions");
    add_bootstrap(command, *options, "brokers to begin with");
    add_properties(command, *options);
    command.notes("Examples", {"kwire apis --bootstrap localhost:9092"});
    command.runs([options] { return apis(*options); });
}

}  // namespace kwire::tools
