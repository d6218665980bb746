// kwire raw: one request as JSON, to a broker of one's choice, and its answer as JSON.
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <kwire/net/error.h>
#include <kwire/net/transport.h>
#include <kwire/protocol/conversation.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/produce.h>

#include "connection.h"
#include "exchange_printer.h"
#include "frame_input.h"
#include "numbers.h"
#include "output.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

using protocol::Schema;

constexpr std::size_t size_bytes = 4;
constexpr std::int32_t correlation_id = 1;

struct RawOptions {
    ConnectionOptions connection;
    std::string api;
    std::string json = "{}";
    std::optional<std::int32_t> version;
    std::optional<std::int32_t> broker;
    std::string to;
    bool records = false;
    bool show_secrets = false;
};

const Schema& schema_named(const std::string& api) {
    const auto key = api_key_of(api);
    const Schema* const schema = key ? protocol::request_schema(*key) : nullptr;
    if (!schema) throw UsageError("`" + api + "` is no API; `kwire apis` lists them");
    return *schema;
}

/// `leader=T:P`
TopicPartition partition_of(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    TopicPartition tp;
    try {
        if (colon == std::string::npos || colon == 0) throw UsageError("is to be TOPIC:PARTITION");
        parse_value(tp.partition, std::string_view(text).substr(colon + 1));
    } catch (const UsageError& error) {
        throw UsageError("--to leader=" + text + " " + error.what() +
                         ", such as --to leader=clicks:0");
    }
    tp.topic = text.substr(0, colon);
    return tp;
}

constexpr std::string_view to_coordinator = "coordinator=";
constexpr std::string_view to_leader = "leader=";

/// Whatever is wrong with `--to` and `--version` is told before anybody is asked.
void check_target(const std::string& to) {
    if (to.starts_with(to_leader)) {
        partition_of(to.substr(to_leader.size()));
    } else if (!to.empty() && to != "controller" &&
               (!to.starts_with(to_coordinator) || to.size() == to_coordinator.size())) {
        throw UsageError("--to " + to +
                         " is to be controller, coordinator=GROUP or leader=TOPIC:PARTITION");
    }
}

std::int32_t leader_of(Connections& connections, const std::string& text) {
    const TopicPartition tp = partition_of(text);
    const auto view = connections.wait(connections.cluster()->refresh({tp.topic}));
    const PartitionView* const partition = view->find(tp);
    if (!partition) {
        throw Error(errc::unknown_topic, "there is no partition " + std::to_string(tp.partition) +
                                             " of a topic `" + tp.topic + "`");
    }
    if (partition->leader < 0) {
        throw Error(errc::no_leader, "partition " + text + " has no leader at the moment");
    }
    return partition->leader;
}

/// The id of the broker that is asked.
std::int32_t broker_for(Connections& connections, const RawOptions& options) {
    if (options.to.starts_with(to_coordinator)) {
        return connections.wait(
            connections.cluster()->coordinator(options.to.substr(to_coordinator.size())));
    }
    if (options.to.starts_with(to_leader)) {
        return leader_of(connections, options.to.substr(to_leader.size()));
    }
    const auto view = connections.wait(connections.cluster()->refresh({}));
    if (options.broker) return *options.broker;
    if (options.to == "controller") {
        if (view->controller < 0) {
            throw Error(errc::no_leader, "no broker says that it is the controller");
        }
        return view->controller;
    }
    if (view->brokers.empty()) {
        throw Error(errc::cannot_connect,
                    "the cluster lists no brokers (0.8 does not before it has a topic)");
    }
    return view->brokers.begin()->first;
}

HostPort address_of(Connections& connections, std::int32_t broker) {
    auto view = connections.cluster()->view();
    if (!view->brokers.contains(broker))
        view = connections.wait(connections.cluster()->refresh({}));
    const auto found = view->brokers.find(broker);
    if (found != view->brokers.end()) return found->second.address;
    std::string all;
    for (const auto& [id, endpoint] : view->brokers) {
        all += (all.empty() ? "" : ", ") + std::to_string(id);
    }
    throw Error(errc::cannot_connect,
                "there is no broker " + std::to_string(broker) + ", only " + all);
}

std::string range_text(const VersionRange& range) {
    return std::to_string(range.lowest) + " to " + std::to_string(range.highest);
}

void check_version(const Schema& schema, std::int32_t version) {
    if (version >= 0 && version <= INT16_MAX &&
        schema.versions.contains(static_cast<std::int16_t>(version))) {
        return;
    }
    throw UsageError("kwire knows " + std::string(schema.name) + " in versions " +
                     range_text(schema.versions) + ", not " + std::to_string(version));
}

/// The version asked for, whatever the broker says of it; or the highest that both sides know.
std::int16_t version_for(Connections& connections, const RawOptions& options, const Schema& schema,
                         std::int32_t broker) {
    if (options.version) return static_cast<std::int16_t>(*options.version);
    const auto offered = connections.wait(connections.cluster()->versions(broker));
    const auto found = offered.find(*schema.api_key);
    if (found == offered.end()) {
        throw Error(errc::unsupported_version, "broker " + std::to_string(broker) +
                                                   " does not offer " + to_string(*schema.api_key) +
                                                   "; --version sends it all the same");
    }
    const std::int16_t version = std::min(found->second.highest, schema.versions.highest);
    if (version < found->second.lowest || version < schema.versions.lowest) {
        throw Error(errc::unsupported_version, "broker " + std::to_string(broker) + " offers " +
                                                   to_string(*schema.api_key) + " in versions " +
                                                   range_text(found->second) + ", kwire knows " +
                                                   range_text(schema.versions));
    }
    return version;
}

Task<void> close_late(std::shared_ptr<Timer> timer, std::shared_ptr<Stream> stream,
                      TimePoint deadline, std::shared_ptr<bool> late) {
    const bool passed = co_await timer->wait_until(deadline);
    if (!passed) co_return;
    *late = true;
    stream->close();
}

Task<void> read_all(std::shared_ptr<Stream> stream, std::span<char> buffer) {
    while (!buffer.empty()) {
        const std::size_t size = co_await stream->read_some(buffer);
        buffer = buffer.subspan(size);
    }
}

/// Sends a frame over a connection of its own; answers what came back, without its size. Where the
/// connection ended because the time was over, `late` says so.
Task<std::string> ask(std::shared_ptr<Runtime> runtime, HostPort target, std::string frame,
                      bool is_answered, Duration timeout, std::shared_ptr<bool> late) {
    const TimePoint deadline = later(runtime->now(), timeout);
    const auto transport = tcp_transport(runtime);
    std::shared_ptr<Stream> stream = co_await transport->connect(target, deadline);
    const auto timer = std::make_shared<Timer>(*runtime);
    runtime->spawn(close_late(timer, stream, deadline, late));
    co_await stream->write(frame);
    std::string answer;
    if (is_answered) {
        char size[size_bytes];
        co_await read_all(stream, size);
        const std::int32_t bytes = protocol::frame_size(size);
        const auto wrong = protocol::wrong_frame_size(bytes, plausible_frame_bytes_max);
        if (wrong) throw Error(errc::not_kafka, *wrong, {.target = target.to_string()});
        answer.resize(static_cast<std::size_t>(bytes));
        co_await read_all(stream, answer);
    }
    timer->cancel();
    stream->close();
    co_return answer;
}

/// The answer as JSON, and the errors in it.
std::vector<ErrorCode> append_answer(std::string& out, const Schema& request, std::int16_t version,
                                     std::string answer, const RawOptions& options) {
    const ApiKey key = *request.api_key;
    const Schema& schema = *protocol::response_schema(key);
    protocol::ResponseFrame frame;
    auto error = decode_response_header(Bytes::own(std::move(answer)),
                                        protocol::response_header_version(key, version), frame);
    const std::int16_t body_version = answer_version(key, version, frame.body.view());
    const auto message = schema.make();
    if (!error) error = decode(schema, message.get(), body_version, frame.body);
    if (error) throw Error(errc::broken_frame, error->message());
    append_json(out, schema, message.get(), body_version,
                options.records ? protocol::RecordsAs::batches : protocol::RecordsAs::base64,
                options.show_secrets ? protocol::Secrets::shown : protocol::Secrets::hidden);
    out += '\n';
    return errors_in(schema, message.get());
}

bool is_answered(const Schema& schema, const void* message) {
    if (schema.api_key != ApiKey::produce) return true;
    return static_cast<const protocol::ProduceRequest*>(message)->acks != 0;
}

/// What ask throws, and what a broker that hangs up may mean by it.
std::string answer_of(Connections& connections, const HostPort& target, std::string frame,
                      bool answered, Duration timeout) {
    const auto late = std::make_shared<bool>(false);
    try {
        return connections.wait(
            ask(connections.runtime(), target, std::move(frame), answered, timeout, late));
    } catch (const Error& error) {
        if (*late) {
            throw Error(errc::timed_out,
                        "no answer within request.timeout.ms=" +
                            std::to_string(
                                std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()),
                        {.target = target.to_string()});
        }
        if (error.condition() != errc::connection_lost) throw;
        throw Error(errc::connection_lost,
                    std::string(error.what()) +
                        "; so brokers do when they cannot read a request, or do not offer its "
                        "version: `kwire apis` lists what they offer");
    }
}

int raw(const RawOptions& options) {
    if (options.connection.bootstrap.empty()) throw UsageError("--bootstrap is required");
    if (options.broker && !options.to.empty()) {
        throw UsageError("--broker and --to both say who is asked; give one of them");
    }
    const Schema& schema = schema_named(options.api);
    check_target(options.to);
    if (options.version) check_version(schema, *options.version);
    const std::string json = options.json == "-" ? read_stdin() : options.json;
    const ClientConfig config = client_config(options.connection, PropertyScope::cluster);
    Connections connections(config);
    const std::int32_t broker = broker_for(connections, options);
    const HostPort target = address_of(connections, broker);
    const std::int16_t version = version_for(connections, options, schema, broker);

    const auto message = schema.make();
    if (const auto error = from_json(schema, message.get(), version, json)) {
        throw UsageError("the request is not " + std::string(schema.name) + " " +
                         std::to_string(version) + ": " + printable(error->message()));
    }
    std::string frame;
    if (const auto error = encode_request(schema, message.get(), version, correlation_id,
                                          config.group.cluster.client_id, frame)) {
        throw UsageError(printable(error->message()));
    }
    const bool answered = is_answered(schema, message.get());
    std::string answer = answer_of(connections, target, std::move(frame), answered,
                                   config.group.cluster.request_timeout);
    if (!answered) return exit_ok;
    Output output(1);
    const auto errors =
        append_answer(output.buffer(), schema, version, std::move(answer), options);
    const int code = finish(output);
    for (const ErrorCode error : errors) {
        report(target.to_string() + " answers " + to_string(error));
    }
    return errors.empty() ? code : exit_failure;
}

}  // namespace

void add_raw(Command root) {
    const auto options = std::make_shared<RawOptions>();
    Command command = root.subcommand("raw", "One request as JSON to a broker, its answer as JSON");
    command.argument("API", options->api, "such as Metadata; `kwire apis` lists them").required();
    command.argument("JSON", options->json,
                     "the request; fields left out have their defaults; - reads stdin ({})");
    add_bootstrap(command, options->connection, "brokers to begin with");
    command.option("--version", options->version, "VERSION",
                   "send this version, also if the broker does not offer it (the highest of both)");
    command.option("--broker", options->broker, "ID", "ask this broker (the one of lowest id)");
    command.option("--to", options->to, "WHO",
                   "ask the controller, coordinator=GROUP or leader=TOPIC:PARTITION");
    command.flag("--records", options->records, "open the record batches in the answer");
    add_show_secrets(command, options->show_secrets);
    add_properties(command, options->connection);
    command.notes(
        "Examples",
        {"kwire raw -b localhost:9092 ApiVersions",
         R"(kwire raw -b localhost:9092 Metadata '{"topics":[{"name":"clicks"}]}' --version 5)",
         R"(kwire raw -b localhost:9092 --to coordinator=g OffsetFetch '{"groups":[{"groupId":"g","topics":null}]}')",
         "kwire raw -b localhost:9092 --to leader=clicks:0 --records Fetch - < fetch.json"});
    command.notes("Exit code",
                  {"1 where the answer holds an error code; it is shown all the same"});
    command.runs([options] { return raw(*options); });
}

}  // namespace kwire::tools
