// The command as a person calls it, as far as no broker is needed.
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "run_command.h"

namespace kwire::tools {
namespace {

using test::kwire;
using test::Outcome;

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

void expect_usage_error(const std::string& arguments,
                        const testing::Matcher<std::string>& sentence) {
    const Outcome outcome = kwire(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("kwire: "), EndsWith("\n"), sentence)) << arguments;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "one line: " << outcome.err;
}

constexpr auto subcommands = {
    "consume",       "produce",       "topics",      "topics list",    "topics describe",
    "topics create", "topics delete", "offsets",     "offsets get",    "offsets set",
    "offsets reset", "group",         "group list",  "group describe", "apis",
    "decode",        "encode",        "log",         "proxy",          "raw",
    "bench",         "bench fetch",   "bench group", "bench produce",  "bench latency",
    "config"};

TEST(Help, every_subcommand_has_it_with_examples) {
    for (const std::string subcommand : subcommands) {
        const Outcome outcome = kwire(subcommand + " --help");
        EXPECT_EQ(outcome.code, 0) << subcommand;
        EXPECT_EQ(outcome.err, "") << subcommand;
        EXPECT_THAT(outcome.out, AllOf(HasSubstr("Examples:"), HasSubstr("kwire " + subcommand)))
            << subcommand;
    }
}

TEST(Help, consume_points_to_the_list_of_properties) {
    EXPECT_THAT(kwire("consume --help").out, HasSubstr("kwire config"));
}

TEST(Help, the_command_lists_its_subcommands) {
    const Outcome outcome = kwire("--help");
    EXPECT_EQ(outcome.code, 0);
    for (const std::string subcommand :
         {"consume", "produce", "topics", "offsets", "group", "bench", "config"}) {
        EXPECT_THAT(outcome.out, HasSubstr("\n  " + subcommand));
    }
}

TEST(Version, is_told) {
    const Outcome outcome = kwire("--version");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, StartsWith("kwire "));
}

TEST(Usage, wrong_calls_are_refused) {
    expect_usage_error("", HasSubstr("subcommand is required"));
    expect_usage_error("topics", HasSubstr("subcommand is required"));
    expect_usage_error("consum", HasSubstr("consum"));
    expect_usage_error("consume --nonsense", HasSubstr("kwire consume --help"));
    expect_usage_error("consume -g g -z z",
                       HasSubstr("one of --topic, --include and --exclude"));
    expect_usage_error("consume -t t -z z", HasSubstr("--group is required"));
    expect_usage_error("consume -t t -g g", HasSubstr("--zookeeper is required"));
    expect_usage_error("consume -t t -g g -z z --format xml", HasSubstr("text or json"));
    expect_usage_error("consume -t t -g g -z z --initial now", HasSubstr("oldest or newest"));
    expect_usage_error("consume -t t -g g -z z --offsets disk",
                       HasSubstr("zookeeper, kafka or dual"));
    expect_usage_error("consume -t t -g g -z z --idle-timeout 5", HasSubstr("such as 500ms or 5s"));
    expect_usage_error("consume -t t -g g -z z --max-messages many", HasSubstr("a whole number"));
    expect_usage_error("consume -t t -g g -z z --max-messages -1", HasSubstr("0 or more"));
    expect_usage_error("consume -t t -g a/b -z z", HasSubstr("group.id=a/b"));
    expect_usage_error("produce -t t", HasSubstr("--bootstrap is required"));
    expect_usage_error("produce -b b", HasSubstr("--topic is required"));
    expect_usage_error("produce -b b:1 -t t -p -1", HasSubstr("0 or more"));
    expect_usage_error("produce -b b:1 -t t --compression rar",
                       HasSubstr("none, gzip, snappy, lz4 or zstd"));
    expect_usage_error("produce -b b:port -t t", HasSubstr("bootstrap.servers=b:port"));
    expect_usage_error("topics list", HasSubstr("one of --bootstrap and --zookeeper"));
    expect_usage_error("topics create -b b", HasSubstr("name at least one topic"));
    expect_usage_error("topics create t -b b --partitions 0", HasSubstr("1 or more"));
    expect_usage_error("topics create t -b b --config x", HasSubstr("key=value"));
    expect_usage_error("offsets get -g g", HasSubstr("one of --bootstrap and --zookeeper"));
    expect_usage_error("offsets get -b b", HasSubstr("--group is required"));
    expect_usage_error("offsets get -g g -b b --offsets zookeeper", HasSubstr("needs --zookeeper"));
    expect_usage_error("offsets set -g g -b b --to 5", HasSubstr("--topic is required"));
    expect_usage_error("offsets set -g g -b b -t t", HasSubstr("--to is required"));
    expect_usage_error("group describe -z z", HasSubstr("--group is required"));
    expect_usage_error("group list", HasSubstr("--zookeeper is required"));
    expect_usage_error("decode",
                       HasSubstr("one of --pcap, -i, --lines, --header and --api is required"));
    expect_usage_error("raw", HasSubstr("API is required"));
    expect_usage_error("raw Metadata", HasSubstr("--bootstrap is required"));
    expect_usage_error("raw Nothing -b b", HasSubstr("`Nothing` is no API"));
    expect_usage_error("offsets reset -g g -t t -z 127.0.0.1:1", HasSubstr("leave out --topic"));
    expect_usage_error("raw Metadata -b 127.0.0.1:1 --to nobody", HasSubstr("controller, coordinator="));
    expect_usage_error("raw Metadata -b 127.0.0.1:1 --to leader=clicks", HasSubstr("TOPIC:PARTITION"));
    expect_usage_error("raw Metadata -b 127.0.0.1:1 --version 99", HasSubstr("in versions 0 to"));
    expect_usage_error("decode --lines --hex 00", HasSubstr("only one of"));
    expect_usage_error("decode --pcap f --base64 AA==", HasSubstr("only one of"));
    expect_usage_error("decode --lines --topic t", HasSubstr("--topic needs --pcap"));
    expect_usage_error("decode --api FetchRequest --version 1 --hex 00 --summary",
                       HasSubstr("--summary needs --pcap"));
    expect_usage_error("decode --pcap f --header", HasSubstr("--header is not for captures"));
    expect_usage_error("decode --lines --version 1", HasSubstr("from each line"));
    expect_usage_error("encode --lines --format raw", HasSubstr("writes hex"));
    expect_usage_error("encode --lines --api FetchRequest", HasSubstr("from each line"));
    expect_usage_error("apis Fetch --format json", HasSubstr("text only"));
    expect_usage_error("log 0.log /etc/hosts", HasSubstr("none of .log, .index"));
    expect_usage_error("raw Metadata -b b --broker 1 --to controller", HasSubstr("one of them"));
    expect_usage_error("log", HasSubstr("FILE is required"));
    expect_usage_error("log /etc/hosts", HasSubstr("none of .log, .index"));
    expect_usage_error("proxy", HasSubstr("--bootstrap is required"));
    expect_usage_error("proxy -b b --listen 0.0.0.0:1", HasSubstr("needs --advertise"));
    expect_usage_error("proxy -b b --rule Fetch", HasSubstr("what is done"));
    expect_usage_error("proxy -b b --rules /nowhere", HasSubstr("cannot read the rules"));
    expect_usage_error("bench fetch -t t -n 0 -b b", HasSubstr("1 or more"));
    expect_usage_error("bench fetch -t t -n 5", HasSubstr("--bootstrap is required"));
    expect_usage_error("bench group -t t -n 5 -z z", HasSubstr("--group is required"));
    expect_usage_error("bench fetch -t t -n 5 -b b --threads 0", HasSubstr("1 or more"));
    expect_usage_error("bench produce -t t -n 5", HasSubstr("--bootstrap is required"));
    expect_usage_error("bench latency -t t -n 5 -b b --rate 0", HasSubstr("1 or more"));
}

TEST(Properties, unknown_and_wrong_ones_are_refused_before_anything_is_opened) {
    const std::string consume = "consume -t t -g g -z z ";
    expect_usage_error(consume + "-X fetch.max.byte=1", HasSubstr("\"fetch.max.bytes\""));
    expect_usage_error(consume + "-X linger.ms=1", HasSubstr("property of the producer"));
    expect_usage_error(consume + "-X fetch.max.bytes", HasSubstr("key=value"));
    expect_usage_error(consume + "-X =1", HasSubstr("key=value"));
    expect_usage_error(consume + "-X fetch.max.bytes=0",
                       AllOf(HasSubstr("fetch.max.bytes=0"), HasSubstr("1 to 2147483647")));
    expect_usage_error(
        consume + "--assignment best",
        AllOf(HasSubstr("partition.assignment.strategy=best"), HasSubstr("java-range")));
    expect_usage_error(consume + "-X request.timeout.ms=100",
                       HasSubstr("more than fetch.max.wait.ms"));
    expect_usage_error("produce -b b -t t -X lingerms=5", HasSubstr("\"linger.ms\""));
    expect_usage_error("topics list -b b -X client.ids=5", HasSubstr("\"client.id\""));
}

TEST(Apis, are_listed_as_json_too) {
    const Outcome lines = kwire("apis --format json");
    EXPECT_EQ(lines.code, 0);
    const auto first = nlohmann::json::parse(lines.out.substr(0, lines.out.find('\n')));
    EXPECT_EQ(first["api"], "Produce");
    EXPECT_EQ(first["key"], 0);
    EXPECT_EQ(first["versions"]["lowest"], 0);
    EXPECT_EQ(first["flexible_from"], 9);
    EXPECT_THAT(lines.out, HasSubstr("{\"message\":\"OffsetCommitValue\""));
    EXPECT_EQ(lines.out.find("Response\""), std::string::npos);
}

TEST(Log, shows_what_there_is_though_a_file_is_missing) {
    const std::string folder = testing::TempDir() + "kwire-log-" + std::to_string(getpid());
    std::filesystem::create_directory(folder);
    const std::string good = folder + "/00000000000000000005.index";
    std::ofstream(good, std::ios::binary) << std::string("\0\0\0\3\0\0\0\7", 8);
    const Outcome outcome = kwire("log " + good + " " + folder + "/1.index " + good);
    std::filesystem::remove_all(folder);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("cannot open `" + folder + "/1.index`"));
    const auto first = outcome.out.find("offset 8  position 7");
    ASSERT_NE(first, std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("offset 8  position 7", first + 1), std::string::npos);
}

TEST(Config, lists_every_property_as_json_too) {
    const Outcome text = kwire("config");
    EXPECT_EQ(text.code, 0);
    EXPECT_THAT(text.out, AllOf(HasSubstr("auto.commit.interval.ms"), HasSubstr("default 10000")));
    const Outcome lines = kwire("config --format json");
    EXPECT_EQ(lines.code, 0);
    std::size_t count = 0;
    for (std::size_t begin = 0; begin < lines.out.size(); ++count) {
        const auto end = lines.out.find('\n', begin);
        const auto line = nlohmann::json::parse(lines.out.substr(begin, end - begin));
        EXPECT_THAT(text.out, HasSubstr(line["name"].get<std::string>()));
        begin = end + 1;
    }
    EXPECT_GT(count, 30U);
}

TEST(Config, a_full_disk_is_a_failure_and_a_closed_pipe_is_not) {
    const Outcome full = kwire("config > /dev/full");
    EXPECT_EQ(full.code, 1);
    EXPECT_THAT(full.err, HasSubstr("cannot write to stdout"));
    const Outcome closed = kwire("config | true");
    EXPECT_EQ(closed.code, 0);
    EXPECT_EQ(closed.err, "");
}

TEST(Descriptors, a_closed_stdout_is_a_failure_and_nothing_lands_in_another_file) {
    const std::string events = testing::TempDir() + "kwire-events-" + std::to_string(getpid());
    for (const std::string arguments :
         {"config", "--help", "--version", "apis", "consume --help",
          "consume -z 127.0.0.1:1 -g g -t t -X zookeeper.connection.timeout.ms=500 --events EVENTS"}) {
        std::string call = arguments;
        if (const auto at = call.find("EVENTS"); at != std::string::npos) call.replace(at, 6, events);
        const Outcome outcome = kwire(call + " >&-");
        EXPECT_EQ(outcome.code, 1) << call;
        EXPECT_EQ(outcome.err, "kwire: cannot write to stdout: it is closed\n") << call;
    }
    EXPECT_EQ(std::filesystem::file_size(events), 0U);
    std::filesystem::remove(events);
}

TEST(Descriptors, a_closed_stderr_takes_no_other_files_place) {
    const std::string file = testing::TempDir() + "kwire-index-" + std::to_string(getpid()) + ".index";
    std::ofstream(file, std::ios::binary) << "garbage";
    const Outcome outcome = kwire("log " + file + " 2>&-");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(std::filesystem::file_size(file), 7U);
    std::filesystem::remove(file);
}

TEST(Descriptors, a_closed_stdin_is_told_from_an_empty_one) {
    const Outcome outcome = kwire("encode --lines <&-");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("Bad file descriptor"));
    EXPECT_EQ(kwire("encode --lines < /dev/null").code, 0);
}

TEST(Connecting, nobody_there_is_a_failure_in_words) {
    const Outcome outcome = kwire("topics list --bootstrap 127.0.0.1:1 -X request.timeout.ms=1000");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, AllOf(StartsWith("kwire: "), HasSubstr("127.0.0.1:1")));
}

}  // namespace
}  // namespace kwire::tools
