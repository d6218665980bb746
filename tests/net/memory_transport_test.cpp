#include <string>

#include <gtest/gtest.h>

#include <kwire/net/error.h>
#include <kwire/net/memory_transport.h>

#include "virtual_clock.h"

namespace kwire {
namespace {

using namespace std::chrono_literals;
using test::VirtualLoop;

const HostPort here{"here", 9092};

Task<std::string> read_all(std::shared_ptr<Stream> stream, std::shared_ptr<std::string> sizes) {
    std::string all;
    char buffer[8];
    try {
        for (;;) {
            const std::size_t size = co_await stream->read_some(buffer);
            all.append(buffer, size);
            *sizes += std::to_string(size);
        }
    } catch (const Error& e) {
        EXPECT_EQ(e.condition(), errc::connection_lost);
    }
    co_return all;
}

struct MemoryTransportTest : testing::Test {
    VirtualLoop loop;
    MemoryNetwork network{loop.runtime()};
    std::shared_ptr<Stream> server;
    std::shared_ptr<std::string> sizes = std::make_shared<std::string>();

    std::shared_ptr<Stream> connect() { return loop.run(network.connect(here, loop.now() + 10s)); }
    void listen() {
        network.listen(here,
                       [this](std::unique_ptr<Stream> stream) { server = std::move(stream); });
    }
    errc connect_error() {
        try {
            connect();
        } catch (const Error& e) {
            return e.condition();
        }
        return {};
    }
};

TEST_F(MemoryTransportTest, CarriesBytesUntilTheEnd) {
    listen();
    const auto client = connect();
    loop.run(server->write("hello, client"));
    server->close();
    EXPECT_EQ(loop.run(read_all(client, sizes)), "hello, client");
    EXPECT_EQ(*sizes, "85");
    EXPECT_EQ(network.connects(here), 1u);
}

TEST_F(MemoryTransportTest, SplitsAndCuts) {
    listen();
    network.set_faults({.read_bytes_max = 1, .cut_after_bytes = 3});
    const auto client = connect();
    loop.run(server->write("abcdef"));
    EXPECT_EQ(loop.run(read_all(client, sizes)), "abc");
    EXPECT_EQ(*sizes, "111");
    EXPECT_THROW(loop.run(server->write("x")), Error);
}

TEST_F(MemoryTransportTest, CloseWakesTheReader) {
    listen();
    const auto client = connect();
    auto reading = loop.start(read_all(client, sizes));
    loop.run_until_idle();
    EXPECT_FALSE(reading->done());
    client->close();
    loop.run_until_idle();
    EXPECT_TRUE(reading->done());
}

TEST_F(MemoryTransportTest, RefusesAndSwallows) {
    EXPECT_EQ(connect_error(), errc::cannot_connect);
    network.black_hole(here);
    const TimePoint before = loop.now();
    EXPECT_EQ(connect_error(), errc::timed_out);
    EXPECT_EQ(loop.now(), before + 10s);
    listen();
    connect();
    network.unlisten(here);
    EXPECT_EQ(connect_error(), errc::cannot_connect);
    EXPECT_EQ(network.connects(here), 4u);
}

}  // namespace
}  // namespace kwire
