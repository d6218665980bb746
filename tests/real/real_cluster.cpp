#include "real_cluster.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

std::string launcher_path() {
    return std::string(KWIRE_SOURCE_DIR) + "/tests/support/cluster";
}

std::string fresh_directory() {
    const char* base = std::getenv("KWIRE_TEST_DIR");
    auto name =
        (base != nullptr ? std::filesystem::path(base) : std::filesystem::temp_directory_path()) /
        "kwire-cluster.XXXXXX";
    auto text = name.string();
    if (::mkdtemp(text.data()) == nullptr) {
        throw std::runtime_error("cannot make a folder like " + text);
    }
    return text;
}

std::vector<int> numbers_of(std::string_view version) {
    std::vector<int> numbers;
    const char* at = version.data();
    const char* end = at + version.size();
    while (at < end) {
        int number = 0;
        at = std::from_chars(at, end, number).ptr + 1;
        numbers.push_back(number);
    }
    return numbers;
}

std::vector<std::string> start_command(const std::string& dir, const std::string& version,
                                       const RealCluster::Options& options) {
    std::vector<std::string> command{launcher_path(),
                                     "run",
                                     dir,
                                     version,
                                     "--brokers",
                                     std::to_string(options.brokers),
                                     "--zookeepers",
                                     std::to_string(options.zookeepers),
                                     "--partitions",
                                     std::to_string(options.partitions)};
    if (!options.chroot.empty()) {
        command.insert(command.end(), {"--chroot", options.chroot});
    }
    if (options.kraft) {
        command.emplace_back("--kraft");
    }
    for (const auto& setting : options.broker_settings) {
        command.insert(command.end(), {"--set", setting});
    }
    return command;
}

// The launcher prints NAME='value' lines.
std::string setting(std::string_view settings, const std::string& name) {
    const auto label = name + "='";
    const auto at = settings.find(label);
    if (at == std::string_view::npos) {
        throw std::runtime_error("the launcher did not print " + name);
    }
    settings.remove_prefix(at + label.size());
    return std::string(settings.substr(0, settings.find('\'')));
}

std::string join_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) {
        text += line;
        text += '\n';
    }
    return text;
}

void require(const ProcessResult& result, const std::string& what) {
    if (!result.ok()) {
        throw std::runtime_error(what + ": " + result.describe());
    }
}

// Fields as kcat's format "%p %o %K %S %k%s\n" prints them: the lengths come first, so values may
// hold anything.
class RecordParser {
 public:
    explicit RecordParser(std::string_view text) : text_(text) {}

    std::vector<Record> all() {
        std::vector<Record> records;
        while (!text_.empty()) {
            Record record;
            record.partition = static_cast<std::int32_t>(number());
            record.offset = number();
            const auto key_length = number();
            const auto value_length = number();
            record.key = field(key_length);
            record.value = field(value_length);
            bytes(1);  // the end of the line
            records.push_back(std::move(record));
        }
        return records;
    }

 private:
    std::int64_t number() {
        const auto end = text_.find(' ');
        std::int64_t value = 0;
        std::from_chars(text_.data(), text_.data() + std::min(end, text_.size()), value);
        text_.remove_prefix(std::min(end + 1, text_.size()));
        return value;
    }

    std::string bytes(std::int64_t count) {
        const auto taken =
            std::min(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), text_.size());
        std::string result(text_.substr(0, taken));
        text_.remove_prefix(taken);
        return result;
    }

    // kcat counts -1 bytes where there is nothing, not even an empty string.
    std::optional<std::string> field(std::int64_t length) {
        if (length < 0) {
            return std::nullopt;
        }
        return bytes(length);
    }

    std::string_view text_;
};

}  // namespace

RealCluster::RealCluster(const std::string& version, const Options& options)
    : version_(version),
      kraft_(options.kraft),
      dir_(fresh_directory()),
      launcher_(start_command(dir_, version, options), Process::AtExit::end_of_input) {
    kraft_ = kraft_ || at_least("4.0");
    // An empty line follows the settings. The limit covers a first fetch of the jars.
    const auto complete = [](std::string_view text) {
        return text.find("\n\n") != std::string_view::npos;
    };
    if (!launcher_.await_output(complete, 300s)) {
        throw std::runtime_error("Kafka " + version + " did not start: " + launcher_.err());
    }
    const auto settings = launcher_.out();
    bootstrap_ = setting(settings, "KWIRE_BOOTSTRAP");
    zookeeper_ = setting(settings, "KWIRE_ZOOKEEPER");
}

bool RealCluster::at_least(std::string_view version) const {
    return numbers_of(version_) >= numbers_of(version);
}

std::vector<std::string> RealCluster::codecs() const {
    // lz4 came with 0.8.2, zstd with 2.1 (KIP-110).
    std::vector<std::string> codecs{"none", "gzip", "snappy", "lz4"};
    if (at_least("2.1")) {
        codecs.emplace_back("zstd");
    }
    return codecs;
}

void RealCluster::create_topic(const std::string& topic, int partitions, int replication) const {
    require(run_process({launcher_path(), "topic", dir_, topic, std::to_string(partitions),
                         std::to_string(replication)}),
            "creating topic " + topic);
    // Up to 2.x the tool writes to ZooKeeper, and the brokers learn of it some time later.
    const auto all_led = [&] {
        const auto leaders = leaders_of(topic);
        return leaders.size() == static_cast<std::size_t>(partitions) &&
               std::all_of(leaders.begin(), leaders.end(),
                           [](const auto& l) { return l.second > 0; });
    };
    if (await(all_led, 15s)) {
        return;
    }
    // Controllers of old lines pass over a new topic now and then; who is elected next looks at all of them.
    if (!kraft_) {
        require(run_process({launcher_path(), "zk", dir_, "delete", "/controller"}), "electing a controller");
    }
    if (!await(all_led, 30s)) {
        throw std::runtime_error("topic " + topic + " was created but is not led");
    }
}

void RealCluster::signal(const std::string& server, const std::string& name) const {
    require(run_process({launcher_path(), "signal", dir_, server, name}), name + " to " + server);
}

void RealCluster::restart(const std::string& server) const {
    require(run_process({launcher_path(), "restart", dir_, server}), "restarting " + server);
}

void RealCluster::move(const std::string& broker) const {
    require(run_process({launcher_path(), "move", dir_, broker}), "moving " + broker);
}

std::vector<std::string> RealCluster::tool_command(const std::string& name,
                                                   std::vector<std::string> arguments,
                                                   const std::string& version) const {
    arguments.insert(arguments.begin(),
                     {launcher_path(), "tool", version.empty() ? version_ : version, name});
    return arguments;
}

ProcessResult RealCluster::tool(const std::string& name, std::vector<std::string> arguments,
                                const std::string& version, std::string_view input) const {
    return run_process(tool_command(name, std::move(arguments), version), input);
}

std::vector<std::string> RealCluster::kcat_command(std::vector<std::string> arguments) const {
    std::vector<std::string> command{"kcat", "-b", bootstrap_, "-q"};
    if (!at_least("0.10")) {
        // It cannot be asked what it speaks; librdkafka wants to be told.
        const auto release = version_.substr(0, version_.rfind('.'));
        command.insert(command.end(), {"-X", "api.version.request=false", "-X",
                                       "broker.version.fallback=" + release});
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

void RealCluster::kcat_produce(const std::string& topic, int partition, const std::string& codec,
                               const std::vector<std::string>& lines,
                               const std::vector<std::string>& more) const {
    auto command = kcat_command({"-P", "-t", topic, "-z", codec, "-p", std::to_string(partition)});
    if (partition < 0) {
        // It would keep to one partition for 10 ms, in which it sends all that a test has.
        command.insert(command.end(), {"-X", "sticky.partitioning.linger.ms=0"});
    }
    command.insert(command.end(), more.begin(), more.end());
    require(run_process(std::move(command), join_lines(lines)), "kcat producing to " + topic);
}

void RealCluster::java_produce(const std::string& topic, const std::string& codec,
                               const std::vector<std::string>& lines) const {
    // To a topic that is only being made, Java's old console producers try a few times within half a second, lose the
    // lines, and end with 0. Asking for it makes it.
    const auto has_leaders = [&] {
        const auto leaders = leaders_of(topic);
        return !leaders.empty() &&
               std::all_of(leaders.begin(), leaders.end(), [](const auto& entry) { return entry.second >= 0; });
    };
    if (!await(has_leaders, 60s)) {
        throw std::runtime_error("the topic " + topic + " has no leaders to produce to");
    }
    const std::string where = at_least("2.5") ? "--bootstrap-server" : "--broker-list";
    std::vector<std::string> arguments{where, bootstrap_, "--topic", topic, "--compression-codec", codec};
    if (!at_least("0.10")) {
        // It asks for no acknowledgement by default, gives up within half a second on a busy machine, and ends with 0.
        arguments.insert(arguments.end(), {"--request-required-acks", "1", "--request-timeout-ms", "30000",
                                           "--message-send-max-retries", "20", "--retry-backoff-ms", "500"});
    }
    const auto result = tool("console-producer", std::move(arguments), {}, join_lines(lines));
    require(result, "Java producing to " + topic);
    // What it could not send it logs, and ends with 0 all the same.
    if (result.err.find("Error when sending message") != std::string::npos) {
        throw std::runtime_error("Java producing to " + topic + ": " + result.describe());
    }
}

std::vector<Record> RealCluster::kcat_read(const std::string& topic) const {
    const auto result = run_process(
        kcat_command({"-C", "-t", topic, "-e", "-o", "beginning", "-f", "%p %o %K %S %k%s\n"}));
    require(result, "kcat reading " + topic);
    auto records = RecordParser(result.out).all();
    std::sort(records.begin(), records.end());
    return records;
}

std::vector<Record> RealCluster::kcat_read_all_of(const std::string& topic,
                                                  std::size_t count) const {
    std::vector<Record> records;
    const auto complete = [&] {
        records = kcat_read(topic);
        return records.size() >= count;
    };
    if (!await(complete, 60s)) {
        throw std::runtime_error("kcat reads " + std::to_string(records.size()) + " of " +
                                 std::to_string(count) + " messages of " + topic +
                                 " that were acknowledged");
    }
    return records;
}

std::map<int, int> RealCluster::leaders_of(const std::string& topic) const {
    const auto result = run_process(kcat_command({"-L", "-J", "-t", topic}));
    require(result, "kcat asking for metadata of " + topic);
    const auto metadata = nlohmann::json::parse(result.out);
    std::map<int, int> leaders;
    for (const auto& entry : metadata.at("topics").at(0).at("partitions")) {
        leaders[entry.at("partition").get<int>()] = entry.at("leader").get<int>();
    }
    return leaders;
}

RealCluster& shared_cluster() {
    static const auto cluster = [] {
        const char* version = std::getenv("KWIRE_KAFKA_VERSION");
        RealCluster::Options options;
        options.chroot = "/kafka";
        return std::make_unique<RealCluster>(version != nullptr ? version : "3.9.1", options);
    }();
    return *cluster;
}

}  // namespace kwire::real
