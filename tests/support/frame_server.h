// The server's side of Kafka's framing over a MemoryNetwork: hands each request to a handler, which
// answers at once, later, wrongly, or never.
//
// As a real broker does, it works off the requests of one connection one after the other: the next
// one is handed over once the last was settled. Threads: those of the VirtualLoop, that is one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <kwire/net/memory_transport.h>
#include <kwire/protocol/frame.h>

#include "virtual_clock.h"

namespace kwire::test {

/// How an answer fails to come as it was meant.
enum class Fault {
    close,
    cut_in_size,
    cut_in_header,
    cut_at_end,
    silence,
    garbage,
    wrong_correlation
};
inline constexpr Fault all_faults[] = {
    Fault::close,   Fault::cut_in_size, Fault::cut_in_header,    Fault::cut_at_end,
    Fault::silence, Fault::garbage,     Fault::wrong_correlation};

/// Calls play for every step and every fault; returns how often.
std::size_t play_every_fault(std::size_t steps, const std::function<void(std::size_t step, Fault fault)>& play);

/// One request and the way to answer it. Copies are handles of the same; keep one to answer later
/// (a long poll).
class Exchange {
 public:
    ApiKey api() const;
    std::int16_t version() const;
    std::string client_id() const;
    /// Counted from 0 in the order in which connections were accepted by this server.
    std::size_t connection() const;

    /// The request itself. Throws std::runtime_error if it does not decode, which is a bug in what
    /// is tested.
    template <class Request>
    Request request() const {
        Request decoded;
        if (const auto error = protocol::decode(decoded, version(), body())) {
            throw std::runtime_error(error->message());
        }
        return decoded;
    }

    /// Answers. The first of these calls settles the exchange; a later one throws std::logic_error.
    /// On a connection that is gone they do nothing.
    template <class Response>
    void reply(const Response& response) const {
        reply_bytes(encoded(response));
    }
    /// Answers in another version than was asked, as brokers do on an ApiVersions they do not know.
    template <class Response>
    void reply_in(const Response& response, std::int16_t version) const {
        reply_bytes(encoded(response, version));
    }
    void reply_bytes(std::string frame) const;  ///< As they are, so with a size in front.
    void reply_and_close(std::string bytes) const;
    void close() const;
    void no_reply() const;  ///< For Produce with acks 0: goes on to the next request.

    bool settled() const;

    /// Whatever is answered from now on, this is what becomes of it.
    void fail_with(Fault fault) const;
    /// What is answered goes through rewrite first: frame in, frame out.
    void rewrite_with(std::function<std::string(std::string frame)> rewrite) const;
    /// The answer leaves so much later than it was given.
    void delay(Duration duration) const;

    /// The frame that reply would send.
    template <class Response>
    std::string encoded(const Response& response) const {
        return encoded(response, version());
    }
    template <class Response>
    std::string encoded(const Response& response, std::int16_t version) const {
        std::string frame;
        if (const auto error =
                protocol::encode_response(response, version, correlation_id(), frame)) {
            throw std::runtime_error("the test's answer does not encode: " + error->message());
        }
        return frame;
    }

 private:
    friend class FrameServer;
    struct State;
    explicit Exchange(std::shared_ptr<State> state) : state_(std::move(state)) {}
    const Bytes& body() const;
    std::int32_t correlation_id() const;
    void settle(std::string bytes, bool close) const;
    void spoil(Fault fault) const;

    std::shared_ptr<State> state_;
};

class FrameServer {
 public:
    using Handler = std::function<void(Exchange exchange)>;

    /// Listens at once.
    FrameServer(VirtualLoop& loop, MemoryNetwork& network, HostPort address, Handler handler);
    /// Stops listening and breaks all connections.
    ~FrameServer();
    FrameServer(const FrameServer&) = delete;
    FrameServer& operator=(const FrameServer&) = delete;

    const HostPort& address() const { return address_; }
    std::size_t accepted() const { return connections_.size(); }
    std::size_t open_connections() const;
    void break_connections();
    void stop_listening();
    void listen();

 private:
    friend class Exchange;
    struct Connection;
    static Task<void> read(std::shared_ptr<Connection> connection);
    static Task<void> serve(std::shared_ptr<Connection> connection);

    VirtualLoop& loop_;
    MemoryNetwork& network_;
    HostPort address_;
    std::shared_ptr<Handler> handler_;
    std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace kwire::test
