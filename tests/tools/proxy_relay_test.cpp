// The proxy between real sockets: what comes through it, and where.
#include "proxy_relay.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kwire/net/error.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>

#include "interrupt.h"

namespace kwire::tools {
namespace {

using namespace protocol;

/// A socket that is closed with this object.
class Socket {
 public:
    Socket() : Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket(const Socket&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    int get() const { return descriptor_; }

    std::string read(std::size_t size) const {
        std::string bytes(size, '\0');
        std::size_t done = 0;
        while (done < size) {
            const auto count = ::recv(descriptor_, bytes.data() + done, size - done, 0);
            if (count <= 0) break;
            done += static_cast<std::size_t>(count);
        }
        bytes.resize(done);
        return bytes;
    }
    /// A frame without its size.
    std::string read_frame() const {
        const std::string size = read(4);
        return size.size() == 4 ? read(static_cast<std::size_t>(frame_size(size.data()))) : "";
    }
    void write(const std::string& bytes) const {
        EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }

 private:
    int descriptor_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

/// Listens on a port that the kernel chooses.
class Listener {
 public:
    Listener() {
        auto address = loopback(0);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        // Little room, so that what is not read soon stays with the sender.
        const int bytes = 4096;
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        // Who is asked in vain says so by a test that fails, not one that hangs.
        const timeval patience{20, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_EQ(::listen(socket_.get(), 8), 0);
        socklen_t size = sizeof address;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    std::uint16_t port() const { return port_; }
    Socket accept() const { return Socket(::accept(socket_.get(), nullptr, nullptr)); }

 private:
    Socket socket_;
    std::uint16_t port_ = 0;
};

Socket connect_to(std::uint16_t port) {
    Socket socket;
    auto address = loopback(port);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
}

/// A proxy on a thread of its own.
class Running {
 public:
    explicit Running(const std::vector<const Listener*>& brokers, std::vector<ProxyRule> rules = {}) {
        ProxyConfig config;
        config.rules = std::move(rules);
        for (const Listener* broker : brokers) config.bootstrap.push_back({"127.0.0.1", broker->port()});
        config.tell = [this](const std::string& text) {
            if (!text.starts_with('`')) return;
            ++rules_applied_;
            rules_applied_.notify_all();
        };
        for (int attempt = 0; !proxy_ && attempt < 20; ++attempt) {
            config.listen = {"127.0.0.1", Listener().port()};  // free a moment ago
            try {
                proxy_ = std::make_unique<Proxy>(config);
                port_ = config.listen.port;
            } catch (const Error&) {
                continue;
            }
        }
        thread_ = std::thread([this] { proxy_->run(); });
    }
    ~Running() {
        proxy_->stop();
        thread_.join();
    }
    std::uint16_t port() const { return port_; }
    /// Returns once a rule was applied; what comes after that the proxy sees after it.
    void await_rule() const { rules_applied_.wait(0); }

 private:
    std::atomic<int> rules_applied_{0};
    std::unique_ptr<Proxy> proxy_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

TEST(ProxyRelay, each_of_several_bootstrap_servers_has_a_listener_of_its_own) {
    const Listener first;
    const Listener second;
    const Running proxy({&first, &second});
    const Socket client = connect_to(proxy.port());
    std::string request;
    ASSERT_FALSE(encode_request(MetadataRequest{}, 5, 1, "tester", request));
    client.write(request);
    const Socket asked = first.accept();
    asked.read_frame();
    MetadataResponse answer;
    answer.brokers.emplace_back() = {.node_id = 1, .host = "127.0.0.1", .port = first.port()};
    answer.brokers.emplace_back() = {.node_id = 2, .host = "127.0.0.1", .port = second.port()};
    std::string bytes;
    ASSERT_FALSE(encode_response(answer, 5, 1, bytes));
    asked.write(bytes);
    ResponseFrame frame;
    ASSERT_FALSE(decode_response_header(Bytes::own(client.read_frame()), 0, frame));
    MetadataResponse given;
    ASSERT_FALSE(decode(given, 5, frame.body));
    ASSERT_EQ(given.brokers.size(), 2U);
    const Listener* const brokers[] = {&first, &second};
    for (std::size_t i = 0; i < 2; ++i) {
        const auto port = static_cast<std::uint16_t>(given.brokers[i].port);
        EXPECT_NE(port, brokers[i]->port()) << "past the proxy";
        EXPECT_NE(port, proxy.port()) << "that is for whichever can be reached";
        const Socket through = connect_to(port);
        through.write(request);
        const Socket reached = brokers[i]->accept();
        EXPECT_FALSE(reached.read_frame().empty());
    }
}

/// Produce without acks: nobody waits for anything, and the client goes when it has written.
TEST(ProxyRelay, a_client_that_writes_and_goes_has_written_all) {
    const Listener broker;
    const Running proxy({&broker});
    ProduceRequest produce;
    produce.acks = 0;
    produce.transactional_id = std::string(30'000, 'x');
    std::string request;
    ASSERT_FALSE(encode_request(produce, 7, 1, "tester", request));
    std::size_t written = 0;
    {
        const Socket client = connect_to(proxy.port());
        // Until everything between here and the broker is full.
        for (pollfd ready{client.get(), POLLOUT, 0}; ::poll(&ready, 1, 300) > 0;) {
            const auto count = ::send(client.get(), request.data() + written % request.size(),
                                      request.size() - written % request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0) written += static_cast<std::size_t>(count);
        }
    }
    const Socket accepted = broker.accept();
    std::size_t arrived = 0;
    for (std::size_t size = 0; (size = accepted.read(1 << 16).size()) > 0;) arrived += size;
    EXPECT_EQ(arrived, written);
}

void ask(const Socket& client, std::int32_t correlation_id) {
    std::string request;
    ASSERT_FALSE(encode_request(FetchRequest{}, 4, correlation_id, "tester", request));
    client.write(request);
}

std::string fetch_response(std::int32_t correlation_id, std::size_t record_bytes) {
    FetchResponse answer;
    auto& partition = answer.responses.emplace_back().partitions.emplace_back();
    partition.records = Bytes::own(std::string(record_bytes, 'r'));
    std::string frame;
    EXPECT_FALSE(encode_response(answer, 4, correlation_id, frame));
    return frame;
}

/// Asks twice through a proxy, and returns the answers that the broker is to give.
std::string ask_twice(const Socket& client, const Socket& accepted, std::size_t record_bytes) {
    std::string answers;
    for (const int id : {1, 2}) {
        ask(client, id);
        EXPECT_FALSE(accepted.read_frame().empty());
        answers += fetch_response(id, record_bytes);
    }
    return answers;
}

/// What stands before the cut arrives, however slowly it is taken.
TEST(ProxyRelay, an_answer_that_is_cut_arrives_up_to_the_cut) {
    const Listener broker;
    const Running proxy({&broker}, {parse_rule("Fetch after=1 cut-answer")});
    const Socket client = connect_to(proxy.port());
    const Socket accepted = broker.accept();
    const std::string answers = ask_twice(client, accepted, 12 << 20);  // more than the sockets on the way hold
    const std::size_t cut = answers.size() / 4 * 3;
    std::thread answering([&accepted, &answers] {
        for (std::string_view left = answers; !left.empty();) {
            const auto sent = ::send(accepted.get(), left.data(), left.size(), MSG_NOSIGNAL);
            if (sent <= 0) break;
            left.remove_prefix(static_cast<std::size_t>(sent));
        }
    });
    std::size_t arrived = 0;
    bool same = true;
    for (;;) {
        const std::string piece = client.read(50'000);
        if (piece.empty()) break;
        same = same && answers.compare(arrived, piece.size(), piece) == 0;
        arrived += piece.size();
    }
    answering.join();
    EXPECT_EQ(arrived, cut);
    EXPECT_TRUE(same);
}

TEST(ProxyRelay, after_hang_nothing_passes_and_the_connection_stays) {
    const Listener broker;
    const Running proxy({&broker}, {parse_rule("Fetch after=1 hang")});
    const Socket client = connect_to(proxy.port());
    const Socket accepted = broker.accept();
    ask(client, 1);
    ASSERT_FALSE(accepted.read_frame().empty());
    const std::string answer = fetch_response(1, 100);
    accepted.write(answer);
    EXPECT_EQ(client.read(answer.size()), answer);
    ask(client, 2);
    ask(client, 3);
    proxy.await_rule();
    accepted.write(answer);
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(accepted.read(1), "") << "all the broker sees is the end";
    EXPECT_EQ(client.read(1), "");
}

TEST(ProxyRelay, reset_aborts) {
    const Listener broker;
    const Running proxy({&broker}, {parse_rule("Fetch reset")});
    const Socket client = connect_to(proxy.port());
    const Socket accepted = broker.accept();
    ask(client, 1);
    char byte = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST(ProxyRelay, trickle_takes_as_long_as_it_says_and_loses_nothing) {
    const Listener broker;
    const Running proxy({&broker}, {parse_rule("Fetch count=1 trickle 5000")});
    const Socket client = connect_to(proxy.port());
    const Socket accepted = broker.accept();
    const std::string answers = ask_twice(client, accepted, 1000);
    const auto begun = std::chrono::steady_clock::now();
    accepted.write(answers);
    EXPECT_EQ(client.read(answers.size()), answers);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(200));
}

/// `kwire proxy` with its stdout in a pipe that nobody reads for now.
class ProxyProcess {
 public:
    explicit ProxyProcess(std::uint16_t broker_port) {
        for (int attempt = 0; attempt < 20 && !listens_; ++attempt) start(broker_port);
        EXPECT_TRUE(listens_);
    }
    ~ProxyProcess() {
        if (pid_ > 0) kill(pid_, SIGKILL);
        ::close(stdout_);
        ::close(stderr_);
    }

    std::uint16_t port() const { return port_; }

    /// The lines of its stdout until there are so many.
    std::size_t read_lines(std::size_t wanted) const {
        std::size_t lines = 0;
        char bytes[4096];
        while (lines < wanted) {
            const auto count = ::read(stdout_, bytes, sizeof bytes);
            if (count <= 0) break;
            lines += static_cast<std::size_t>(std::count(bytes, bytes + count, '\n'));
        }
        return lines;
    }
    int end() {
        int status = -1;
        kill(pid_, SIGTERM);
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }

 private:
    void start(std::uint16_t broker_port) {
        int out[2];
        int err[2];
        ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
        ASSERT_EQ(::pipe2(err, O_CLOEXEC), 0);
        ::fcntl(out[1], F_SETPIPE_SZ, 4096);
        port_ = Listener().port();  // free a moment ago
        const std::string listen = "127.0.0.1:" + std::to_string(port_);
        const std::string bootstrap = "127.0.0.1:" + std::to_string(broker_port);
        pid_ = fork();
        if (pid_ == 0) {
            ::dup2(out[1], 1);
            ::dup2(err[1], 2);
            ::execl(KWIRE_COMMAND, "kwire", "proxy", "--listen", listen.c_str(), "--bootstrap", bootstrap.c_str(),
                    nullptr);
            _exit(127);
        }
        ::close(out[1]);
        ::close(err[1]);
        stdout_ = out[0];
        stderr_ = err[0];
        std::string said;
        char byte = 0;
        while (said.find('\n') == std::string::npos && ::read(stderr_, &byte, 1) == 1) said += byte;
        listens_ = said.find("listens on") != std::string::npos;
        if (listens_) return;
        ::waitpid(pid_, nullptr, 0);
        ::close(stdout_);
        ::close(stderr_);
    }

    pid_t pid_ = -1;
    int stdout_ = -1;
    int stderr_ = -1;
    std::uint16_t port_ = 0;
    bool listens_ = false;
};

/// Takes what the broker is sent, on a thread of its own.
struct Sink {
    explicit Sink(const Listener& broker)
        : thread([this, &broker] {
              const Socket accepted = broker.accept();
              for (std::size_t size = 0; (size = accepted.read(1 << 16).size()) > 0;) bytes += size;
          }) {}
    std::size_t bytes = 0;
    std::thread thread;
};

/// Nothing of it is lost, and nothing is taken from the client that would have to be kept.
TEST(ProxyRelay, traffic_stands_still_while_nobody_reads_what_is_shown) {
    const Listener broker;
    ProxyProcess proxy(broker.port());
    Sink sink(broker);
    ProduceRequest produce;
    produce.acks = 0;  // each is shown at once, and no answer is waited for
    produce.transactional_id = std::string(30'000, 'x');
    std::string request;
    ASSERT_FALSE(encode_request(produce, 7, 1, "tester", request));
    constexpr std::size_t far_too_much = std::size_t{256} << 20;
    std::size_t written = 0;
    {
        const Socket client = connect_to(proxy.port());
        for (pollfd ready{client.get(), POLLOUT, 0}; ::poll(&ready, 1, 500) > 0 && written < far_too_much;) {
            const auto count = ::send(client.get(), request.data() + written % request.size(),
                                      request.size() - written % request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count <= 0) break;
            written += static_cast<std::size_t>(count);
        }
        EXPECT_LT(written, far_too_much);
        const std::size_t whole = written / request.size();
        EXPECT_GT(whole, 20U);
        EXPECT_EQ(proxy.read_lines(whole), whole);
    }
    sink.thread.join();
    EXPECT_EQ(sink.bytes, written);
    EXPECT_EQ(proxy.end(), 0);
}

/// The same pipe, and an end that is asked for meanwhile.
TEST(ProxyRelay, a_signal_ends_it_while_nobody_reads_what_is_shown) {
    const Listener broker;
    ProxyProcess proxy(broker.port());
    Sink sink(broker);
    ProduceRequest produce;
    produce.acks = 0;
    std::string request;
    ASSERT_FALSE(encode_request(produce, 7, 1, "tester", request));
    const Socket client = connect_to(proxy.port());
    for (pollfd ready{client.get(), POLLOUT, 0}; ::poll(&ready, 1, 500) > 0;) {
        if (::send(client.get(), request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) <= 0) break;
    }
    EXPECT_TRUE(WIFEXITED(proxy.end()));
    sink.thread.join();
}

TEST(Interrupts, a_second_signal_a_moment_later_ends_at_once) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
        install_interrupts();
        receive_interrupts();
        if (::write(told[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(told[0], &byte, 1), 1);
    int status = 0;
    int signals = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        kill(child, SIGTERM);
        ++signals;
        std::this_thread::yield();
    }
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGTERM);
    EXPECT_GT(signals, 1) << "the first only asks";
    ::close(told[0]);
    ::close(told[1]);
}

}  // namespace
}  // namespace kwire::tools
