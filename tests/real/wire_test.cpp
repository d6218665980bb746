// What kwire shows of other clients' traffic and of a broker's files, on the broker of one release.
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "kwire_command.h"

namespace kwire::real {
namespace {

using namespace std::chrono_literals;

std::vector<nlohmann::json> json_lines(const std::string& text) {
    std::vector<nlohmann::json> all;
    for (const auto& line : split_lines(text)) all.push_back(nlohmann::json::parse(line));
    return all;
}

/// A proxy before the shared cluster, that keeps a capture and shows everything as JSON.
class Proxied : public testing::Test {
 protected:
    Proxied()
        : capture_(testing::TempDir() + "kwire-proxy-" + cluster_.version() + ".pcap"),
          proxy_(kwire_command({"proxy", "--listen", address(), "--bootstrap", cluster_.bootstrap(),
                                "--format", "json", "--write", capture_, "--rule",
                                "OffsetCommit client=unlucky count=1 error " + refusal()})) {
        listens_ =
            await([this] { return proxy_.err().find("listens on") != std::string::npos; }, 10s);
    }
    ~Proxied() override { std::filesystem::remove(capture_); }

    /// Below the ports that clusters take, one for each release.
    std::string address() const {
        static const std::map<std::string, int> ports{
            {"0.8.2.2", 22410}, {"1.1.1", 22430}, {"3.9.1", 22450}, {"4.4.0", 22470}};
        return "127.0.0.1:" + std::to_string(ports.at(cluster_.version()));
    }
    /// An error that a group without members in Kafka is given when its coordinator moved.
    static std::string refusal() { return "NOT_COORDINATOR"; }

    std::vector<nlohmann::json> end() {
        proxy_.signal(SIGTERM);
        const auto result = proxy_.wait(20s);
        EXPECT_TRUE(result.ok()) << result.describe();
        return json_lines(result.out);
    }

    RealCluster& cluster_ = shared_cluster();
    std::string capture_;
    Process proxy_;
    bool listens_ = false;
};

/// Every frame decodes, and every request has its answer, but for those that cannot have one: the
/// long poll of a client that leaves, and ApiVersions where the broker is too old for it.
void expect_all_understood(const std::vector<nlohmann::json>& exchanges) {
    for (const auto& exchange : exchanges) {
        for (const char* half : {"request", "response"}) {
            if (!exchange.contains(half)) continue;
            EXPECT_FALSE(exchange[half].contains("note")) << exchange;
        }
        if (exchange.contains("answer")) {
            EXPECT_THAT(exchange["api"].get<std::string>(),
                        testing::AnyOf("Fetch", "ApiVersions", "Heartbeat", "LeaveGroup"))
                << exchange;
        }
    }
}

std::map<std::string, int> count_of(const std::vector<nlohmann::json>& exchanges,
                                    const std::string& client_id) {
    std::map<std::string, int> counts;
    for (const auto& exchange : exchanges) {
        if (exchange.value("client_id", "") == client_id) ++counts[exchange["api"]];
    }
    return counts;
}

TEST_F(Proxied, clients_of_every_kind_work_through_it_and_all_they_say_is_understood) {
    ASSERT_TRUE(listens_) << proxy_.err();
    cluster_.create_topic("proxied", 2);
    std::string lines;
    for (int i = 0; i < 200; ++i) lines += "line " + std::to_string(i) + "\n";
    const std::vector<std::string> through{"-b", address(), "-X", "client.id=cat", "-t", "proxied"};
    auto write = cluster_.kcat_command(through);
    write.emplace_back("-P");
    ASSERT_TRUE(run_process(write, lines).ok());
    auto read = cluster_.kcat_command(through);
    read.insert(read.end(), {"-C", "-e", "-o", "beginning"});
    const auto seen = run_process(read);
    EXPECT_EQ(split_lines(seen.out).size(), 200U) << seen.describe();

    const auto consumed = run_process(
        kwire_command({"consume", "-b", address(), "-z", cluster_.zookeeper(), "-g", "proxied",
                       "-t", "proxied", "--initial", "oldest", "--max-messages", "200", "--offsets",
                       "kafka", "-X", "client.id=unlucky"}));
    EXPECT_TRUE(consumed.ok()) << consumed.describe();
    EXPECT_EQ(split_lines(consumed.out).size(), 200U);

    const auto shown = end();
    expect_all_understood(shown);
    auto cat = count_of(shown, "cat");
    EXPECT_GE(cat["Produce"], 1);
    EXPECT_GE(cat["Fetch"], 1);
    ASSERT_GE(count_of(shown, "unlucky")["OffsetCommit"], 2) << "the first was refused";
    // Only the first; brokers that are slow to load the group refuse other requests with the same error themselves.
    std::vector<bool> refused;
    for (const auto& exchange : shown) {
        if (exchange["api"] != "OffsetCommit" || exchange["client_id"] != "unlucky") continue;
        const auto errors = exchange.value("errors", nlohmann::json::array()).dump();
        refused.push_back(errors.find(refusal()) != std::string::npos);
    }
    EXPECT_TRUE(refused.front());
    EXPECT_FALSE(refused.back());

    const auto decoded =
        run_process(kwire_command({"decode", "--pcap", capture_, "--format", "json"}));
    EXPECT_TRUE(decoded.ok()) << decoded.describe();
    const auto again = json_lines(decoded.out);
    expect_all_understood(again);
    EXPECT_EQ(again.size(), shown.size());
}

/// The oldest do not say what they offer: that is in a table, and which row is found out by asking.
TEST(Apis, of_the_broker_tell_which_release_it_is) {
    static const std::map<std::string, std::string> looks{
        {"0.8.2.2", "0.8.2"}, {"0.9.0.1", "0.9"}, {"1.1.1", "1.1"}, {"4.4.0", "4.4 or newer"}};
    auto& cluster = shared_cluster();
    cluster.create_topic("apis", 1);  // 0.8 lists no brokers before it has one
    const auto asked =
        run_process(kwire_command({"apis", "-b", cluster.bootstrap(), "--format", "json"}));
    ASSERT_TRUE(asked.ok()) << asked.describe();
    const auto brokers = json_lines(asked.out);
    ASSERT_EQ(brokers.size(), 1U);
    EXPECT_EQ(brokers[0]["looks_like"], looks.at(cluster.version()));
    EXPECT_GE(brokers[0]["apis"].size(), 7U) << brokers[0];  // so many has 0.8
    const auto table = run_process(kwire_command({"apis", "-b", cluster.bootstrap()}));
    EXPECT_TRUE(table.ok()) << table.describe();
    EXPECT_THAT(table.out, testing::HasSubstr(looks.at(cluster.version())));
}

TEST(Segments, of_the_broker_are_read_whole) {
    auto& cluster = shared_cluster();
    std::size_t written = 0;
    for (const auto& codec : cluster.codecs()) {
        std::vector<std::string> lines(100, "a line in " + codec);
        cluster.kcat_produce("segments", 0, codec, lines);
        written += lines.size();
    }
    const std::string folder = cluster.data_of("broker-1") + "/segments-0/";
    ASSERT_TRUE(await([&] { return std::filesystem::exists(folder); }, 10s)) << folder;
    const auto read = run_process(kwire_command(
        {"log", "--format", "json", "--records", folder + "00000000000000000000.log"}));
    ASSERT_TRUE(read.ok()) << read.describe();
    std::set<std::int64_t> offsets;
    for (const auto& batch : json_lines(read.out)) {
        EXPECT_FALSE(batch.contains("error")) << batch;
        for (const auto& record : batch["records"]) {
            offsets.insert(record["offset"].get<std::int64_t>());
            EXPECT_THAT(record["value"].get<std::string>(), testing::StartsWith("a line in "));
        }
    }
    EXPECT_EQ(offsets.size(), written);
    EXPECT_EQ(*offsets.rbegin() + 1, static_cast<std::int64_t>(written));
    const auto index = run_process(kwire_command({"log", folder + "00000000000000000000.index"}));
    EXPECT_TRUE(index.ok()) << index.describe();
}

TEST(Segments, of_kafkas_own_topics_show_what_they_hold) {
    auto& cluster = shared_cluster();
    cluster.kcat_produce("committed", 0, "none", {"a", "b", "c"});
    const auto set =
        run_process(kwire_command({"offsets", "set", "-b", cluster.bootstrap(), "-g",
                                   "segments-group", "-t", "committed", "--to", "newest"}));
    ASSERT_TRUE(set.ok()) << set.describe();
    bool found = false;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(cluster.data_of("broker-1"))) {
        const std::string path = entry.path();
        if (path.find("/__") == std::string::npos || entry.path().extension() != ".log") continue;
        const auto read = run_process(kwire_command({"log", "--format", "json", path}));
        // Brokers write on while it is read, so that the end may be cut off.
        EXPECT_LE(read.exit_code, 1) << read.describe();
        for (const auto& batch : json_lines(read.out)) {
            for (const auto& record : batch["records"]) {
                ASSERT_TRUE(record.contains("decoded")) << path << ' ' << record;
                EXPECT_EQ(record["decoded"].dump().find("\"note\""), std::string::npos)
                    << path << ' ' << record;
            }
        }
        found = found || read.out.find("\"segments-group\"") != std::string::npos;
    }
    EXPECT_TRUE(found) << "no segment tells of the commit";
}

}  // namespace
}  // namespace kwire::real
