#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <kwire/net/error.h>
#include <kwire/net/memory_transport.h>
#include <kwire/net/port_probe.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;

const HostPort address{"somewhere", 2181};

/// What a server says to the first bytes of a connection; nothing: it closes.
using Reply = std::function<std::string(const std::string& heard)>;

Task<void> serve(std::shared_ptr<Stream> stream, Reply reply) {
    try {
        char buffer[256];
        const std::size_t count = co_await stream->read_some(buffer);
        const std::string says = reply(std::string(buffer, count));
        if (!says.empty()) co_await stream->write(says);
    } catch (const Error&) {  // the other end is gone
    }
    stream->close();
}

struct PortProbeTest : testing::Test {
    test::VirtualLoop loop;
    std::shared_ptr<MemoryNetwork> network = std::make_shared<MemoryNetwork>(loop.runtime());

    void listen(Reply reply) {
        network->listen(address, [this, reply](std::unique_ptr<Stream> stream) {
            loop.runtime()->spawn(serve(std::move(stream), reply));
        });
    }
    std::optional<std::string> probe() {
        return loop.run(probe_port(loop.runtime(), network, address, loop.now() + 500ms));
    }
};

TEST_F(PortProbeTest, KnowsZooKeeperByItsCommand) {
    listen([](const std::string& heard) {
        return heard.starts_with("srvr") ? "Zookeeper version: 3.8.4\nLatency" : "";
    });
    EXPECT_EQ(probe(), "the text of a ZooKeeper server");
}

TEST_F(PortProbeTest, KnowsZooKeeperThatAllowsNoCommands) {
    listen([](const std::string&) {
        return "srvr is not executed because it is not in the whitelist.\n";
    });
    EXPECT_NE(probe().value_or("").find("ZooKeeper"), std::string::npos);
}

TEST_F(PortProbeTest, KnowsABrokerByItsMetadata) {
    listen([](const std::string& heard) {
        if (heard.starts_with("srvr") || heard.size() < 12) return std::string();
        return std::string("\0\0\0\x0c", 4) + heard.substr(8, 4) + std::string(8, '\0');
    });
    EXPECT_EQ(probe(), "a Kafka broker");
}

TEST_F(PortProbeTest, KnowsWebServersAndTls) {
    listen([](const std::string&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
    EXPECT_NE(probe().value_or("").find("web server"), std::string::npos);
    listen([](const std::string&) { return std::string("\x15\x03\x03\x00\x02\x02\x46", 7); });
    EXPECT_NE(probe().value_or("").find("TLS"), std::string::npos);
}

TEST_F(PortProbeTest, ClaimsNothingOfOthers) {
    listen([](const std::string&) { return "what?"; });
    EXPECT_EQ(probe(), std::nullopt);
    listen([](const std::string&) { return ""; });
    EXPECT_EQ(probe(), std::nullopt);
    network->unlisten(address);
    EXPECT_EQ(probe(), std::nullopt);
}

TEST_F(PortProbeTest, WaitsNoLongerThanItMay) {
    network->black_hole(address);
    const TimePoint begun = loop.now();
    EXPECT_EQ(probe(), std::nullopt);
    EXPECT_LE(loop.now() - begun, 500ms);
}

}  // namespace
}  // namespace kwire
