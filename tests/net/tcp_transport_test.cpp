#include <memory>
#include <string>
#include <thread>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include <kwire/net/error.h>
#include <kwire/net/transport.h>

namespace kwire {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

struct TcpTransportTest : testing::Test {
    asio::io_context context;
    tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::shared_ptr<Runtime> runtime = Runtime::with_own_thread();
    std::shared_ptr<Transport> transport = tcp_transport(runtime);
    HostPort address{"127.0.0.1", acceptor.local_endpoint().port()};

    std::shared_ptr<Stream> connect(HostPort target) {
        return runtime->block_on(transport->connect(std::move(target), runtime->now() + 10s));
    }
    Error connect_error(HostPort target) {
        try {
            connect(std::move(target));
        } catch (const Error& e) {
            return e;
        }
        return {errc::closed, "it connected"};
    }
};

Task<std::string> read_exactly(std::shared_ptr<Stream> stream, std::size_t size) {
    std::string data(size, '\0');
    for (std::size_t have = 0; have < size;) {
        const std::size_t more = co_await stream->read_some({data.data() + have, size - have});
        have += more;
    }
    co_return data;
}
Task<void> write_all(std::shared_ptr<Stream> stream, std::string data) {
    co_await stream->write(data);
}
Task<void> close(std::shared_ptr<Stream> stream) {
    stream->close();
    co_return;
}

TEST_F(TcpTransportTest, CarriesMegabytesBothWays) {
    const std::string sent(3 << 20, 'x');
    std::thread echo([&] {
        tcp::socket peer = acceptor.accept();
        std::string data(sent.size(), '\0');
        asio::read(peer, asio::buffer(data));
        asio::write(peer, asio::buffer(data));
    });
    const auto stream = connect(address);
    runtime->block_on(write_all(stream, sent));
    EXPECT_EQ(runtime->block_on(read_exactly(stream, sent.size())), sent);
    echo.join();
    try {
        runtime->block_on(read_exactly(stream, 1));
        ADD_FAILURE() << "the end of the stream went unseen";
    } catch (const Error& e) {
        EXPECT_EQ(e.condition(), errc::connection_lost);
        EXPECT_EQ(e.where().target, address.to_string());
    }
}

TEST_F(TcpTransportTest, ResolvesNames) {
    const auto stream = connect({"localhost", address.port});
    EXPECT_TRUE(stream);
}

TEST_F(TcpTransportTest, SaysWhyItCannotConnect) {
    acceptor.close();
    const Error refused = connect_error(address);
    EXPECT_EQ(refused.condition(), errc::cannot_connect);
    EXPECT_NE(std::string(refused.what()).find("refused"), std::string::npos) << refused.what();
    EXPECT_NE(std::string(refused.what()).find(address.to_string()), std::string::npos);

    const Error unresolved = connect_error({"no-such-host.invalid", 9092});
    EXPECT_EQ(unresolved.condition(), errc::cannot_resolve) << unresolved.what();
}

TEST_F(TcpTransportTest, ANewlyClosedStreamEndsItsReader) {
    const auto stream = connect(address);
    std::thread reader([&] { EXPECT_THROW(runtime->block_on(read_exactly(stream, 1)), Error); });
    runtime->block_on(close(stream));
    reader.join();
}

}  // namespace
}  // namespace kwire
