#include "proxy_relay.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/connect.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <kwire/net/error.h>
#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/frame.h>

#include "numbers.h"
#include "proxy_answers.h"
#include "proxy_frames.h"

namespace kwire::tools {
namespace {

using asio::ip::tcp;
using Wait = asio::awaitable<void>;
using From = CaptureWriter::From;

constexpr std::size_t read_bytes = 64 << 10;
// A side that does not read stops the other one, as it would without a proxy between them.
constexpr std::size_t unsent_bytes_max = 1 << 20;
constexpr std::size_t request_head_bytes = 12;  // size, API, version, correlation id
constexpr std::size_t answer_head_bytes = 8;    // size, correlation id

std::chrono::nanoseconds now() {
    return std::chrono::system_clock::now().time_since_epoch();
}

/// A socket, and what could not be written to it at once.
struct Outgoing {
    explicit Outgoing(tcp::socket its_socket)
        : socket(std::move(its_socket)), drained(socket.get_executor()) {
        drained.expires_at(asio::steady_timer::time_point::max());
    }

    tcp::socket socket;
    std::string unsent;
    bool flushing = false;
    asio::steady_timer drained;
};

/// A request that was passed on, in the order of the answers to come.
struct Waiting {
    RequestId request;
    const ProxyRule* rule = nullptr;
    std::string ready;  ///< An answer that the broker is not asked for.
};

CaptureWriter::End capture_end(const tcp::endpoint& end) {
    CaptureWriter::End result;
    result.port = end.port();
    if (end.address().is_v4()) {
        const auto bytes = end.address().to_v4().to_bytes();
        result.address.assign(bytes.begin(), bytes.end());
    } else {
        const auto bytes = end.address().to_v6().to_bytes();
        result.address.assign(bytes.begin(), bytes.end());
    }
    return result;
}

std::string text_of(const tcp::endpoint& end) {
    return HostPort{end.address().to_string(), end.port()}.to_string();
}

}  // namespace

struct Proxy::Impl {
    struct Link;
    using LinkPtr = std::shared_ptr<Link>;

    explicit Impl(ProxyConfig its_config)
        : config(std::move(its_config)), rules(config.rules), next_port(config.listen.port) {
        fails_requests =
            std::any_of(config.rules.begin(), config.rules.end(),
                        [](const auto& rule) { return rule.action == ProxyRule::Action::error; });
    }

    HostPort address_for(const HostPort& broker);
    bool listen(std::uint16_t port, const std::vector<HostPort>& brokers);
    static Wait accept_all(Impl* self, std::shared_ptr<tcp::acceptor> acceptor,
                           std::vector<HostPort> brokers);
    static Wait serve(Impl* self, tcp::socket client, std::vector<HostPort> brokers);
    static Wait tick_on(Impl* self);

    ProxyConfig config;
    ProxyRules rules;
    bool fails_requests = false;
    AnswerChanges changes{[this](const HostPort& broker) { return address_for(broker); },
                          config.tell};
    std::map<HostPort, std::uint16_t> listeners;
    std::uint16_t next_port;
    std::set<Link*> links;
    asio::io_context io{1};  // last: what runs in it uses the others
};

/// One client's connection and the one to the broker behind it.
struct Proxy::Impl::Link : std::enable_shared_from_this<Link> {
    Link(Impl& its_owner, tcp::socket its_client, tcp::socket its_broker);
    ~Link() { owner.links.erase(this); }

    static Wait requests(LinkPtr self);
    static Wait answers(LinkPtr self);
    static Wait flush(LinkPtr self, Outgoing* to);
    static Wait drain(Outgoing* to, std::size_t bytes_max);
    static Wait trickle(LinkPtr self, std::string bytes, std::uint64_t bytes_per_second);

    void send(Outgoing& to, std::string_view bytes);
    void observe(From from, std::string_view bytes);
    bool wants_request(std::string_view head);
    bool wants_answer(std::string_view head);
    void take_request(std::string_view frame);
    void act(const ProxyRule& rule, const RequestId& request, const protocol::RequestFrame& decoded,
             std::string_view frame);
    void end_answer();
    void give_ready();
    void close();

    Impl& owner;
    Outgoing client;
    Outgoing broker;
    std::string client_name;
    std::string broker_name;
    FrameCutter request_frames{request_head_bytes,
                               [this](std::string_view head) { return wants_request(head); }};
    FrameCutter answer_frames{answer_head_bytes,
                              [this](std::string_view head) { return wants_answer(head); }};
    std::deque<Waiting> waiting;
    bool answer_is_waited_for = false;  // the answer that comes now is that of waiting.front()
    bool in_answer = false;
    std::string to_broker;
    std::string to_client;
    bool hangs = false;
    bool closed = false;
    std::unique_ptr<Conversation> conversation;
    CaptureWriter::Connection captured;
    std::array<char, read_bytes> request_bytes;
    std::array<char, read_bytes> answer_bytes;
};

Proxy::Impl::Link::Link(Impl& its_owner, tcp::socket its_client, tcp::socket its_broker)
    : owner(its_owner), client(std::move(its_client)), broker(std::move(its_broker)) {
    owner.links.insert(this);
    asio::error_code ignored;
    const auto from = client.socket.remote_endpoint(ignored);
    const auto to = broker.socket.remote_endpoint(ignored);
    client_name = text_of(from);
    broker_name = text_of(to);
    for (Outgoing* side : {&client, &broker}) {
        side->socket.set_option(tcp::no_delay(true), ignored);
        side->socket.non_blocking(true, ignored);
    }
    if (owner.config.show) {
        conversation = std::make_unique<Conversation>(
            [this](Exchange&& exchange) { owner.config.show(client_name, broker_name, exchange); },
            true);
    }
    if (owner.config.keep) {
        captured.client = capture_end(from);
        captured.broker = capture_end(to);
        if (captured.client.address.size() != captured.broker.address.size()) {
            // A packet has addresses of one kind: those of IPv4 have a form in IPv6 (RFC 4291).
            for (auto* end : {&captured.client, &captured.broker}) {
                if (end->address.size() != 4) continue;
                end->address = std::string(10, '\0') + "\xff\xff" + end->address;
            }
        }
        std::string packets;
        CaptureWriter::append_opening(packets, captured, now());
        owner.config.keep(packets);
    }
}

void Proxy::Impl::Link::observe(From from, std::string_view bytes) {
    if (bytes.empty()) return;
    if (owner.config.keep) {
        std::string packets;
        CaptureWriter::append_bytes(packets, captured, from, bytes, now());
        owner.config.keep(packets);
    }
    if (conversation) {
        StreamSink& side = from == From::client ? conversation->client() : conversation->broker();
        side.bytes(bytes, now());
    }
}

/// Writes at once what the socket takes; the rest follows when it takes more.
void Proxy::Impl::Link::send(Outgoing& to, std::string_view bytes) {
    if (closed || bytes.empty()) return;
    if (&to == &client) observe(From::broker, bytes);
    if (to.unsent.empty() && !to.flushing) {
        asio::error_code failure;
        const std::size_t sent =
            to.socket.write_some(asio::buffer(bytes.data(), bytes.size()), failure);
        if (failure && failure != asio::error::would_block) return close();
        bytes.remove_prefix(failure ? 0 : sent);
    }
    if (bytes.empty()) return;
    to.unsent += bytes;
    if (to.flushing) return;
    to.flushing = true;
    asio::co_spawn(owner.io, flush(shared_from_this(), &to), asio::detached);
}

Wait Proxy::Impl::Link::flush(LinkPtr self, Outgoing* to) {
    while (!to->unsent.empty() && !self->closed) {
        const std::string bytes = std::exchange(to->unsent, {});
        asio::error_code failure;
        co_await asio::async_write(to->socket, asio::buffer(bytes),
                                   asio::redirect_error(asio::use_awaitable, failure));
        if (failure) self->close();
    }
    to->flushing = false;
    to->drained.cancel();
}

Wait Proxy::Impl::Link::drain(Outgoing* to, std::size_t bytes_max) {
    while (to->flushing && to->unsent.size() >= bytes_max) {
        asio::error_code ignored;
        co_await to->drained.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

Wait Proxy::Impl::Link::requests(LinkPtr self) {
    while (!self->closed) {
        asio::error_code failure;
        const std::size_t size = co_await self->client.socket.async_read_some(
            asio::buffer(self->request_bytes), asio::redirect_error(asio::use_awaitable, failure));
        if (failure) break;
        if (self->hangs) continue;
        std::string_view data(self->request_bytes.data(), size);
        self->observe(From::client, data);
        FrameCutter::Piece piece;
        while (!self->closed && !self->hangs && self->request_frames.next(data, piece)) {
            if (piece.whole) {
                self->take_request(piece.bytes);
            } else {
                self->to_broker += piece.bytes;
            }
        }
        self->send(self->broker, self->to_broker);
        self->to_broker.clear();
        co_await drain(&self->broker, unsent_bytes_max);
    }
    // A client may write without waiting for an answer, and leave: the broker is still to get it.
    co_await drain(&self->broker, 0);
    self->close();
}

Wait Proxy::Impl::Link::answers(LinkPtr self) {
    asio::steady_timer timer(self->owner.io);
    while (!self->closed) {
        asio::error_code failure;
        const std::size_t size = co_await self->broker.socket.async_read_some(
            asio::buffer(self->answer_bytes), asio::redirect_error(asio::use_awaitable, failure));
        if (failure) break;
        if (self->hangs) continue;
        std::string_view data(self->answer_bytes.data(), size);
        FrameCutter::Piece piece;
        while (!self->closed && self->answer_frames.next(data, piece)) {
            if (!piece.whole) {
                self->to_client += piece.bytes;
                if (piece.ends_frame) self->end_answer();
                continue;
            }
            const Waiting& waiting = self->waiting.front();
            std::string frame = self->owner.changes.rewritten(waiting.request, piece.bytes);
            if (waiting.rule && waiting.rule->action == ProxyRule::Action::delay) {
                self->send(self->client, self->to_client);
                self->to_client.clear();
                timer.expires_after(waiting.rule->delay);
                co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, failure));
            } else if (waiting.rule && waiting.rule->action == ProxyRule::Action::trickle) {
                self->send(self->client, self->to_client);
                self->to_client.clear();
                co_await trickle(self, std::exchange(frame, {}), waiting.rule->bytes_per_second);
            } else if (waiting.rule && waiting.rule->action == ProxyRule::Action::corrupt) {
                corrupt(frame);
            } else if (waiting.rule && waiting.rule->action == ProxyRule::Action::cut_answer) {
                frame.resize(frame.size() / 2);
                self->send(self->client, self->to_client + frame);
                co_await drain(&self->client, 0);
                self->close();
                break;
            }
            self->to_client += frame;
            self->end_answer();
        }
        self->send(self->client, self->to_client);
        self->to_client.clear();
        co_await drain(&self->client, unsent_bytes_max);
    }
    co_await drain(&self->client, 0);
    self->close();
}

Wait Proxy::Impl::Link::trickle(LinkPtr self, std::string bytes, std::uint64_t bytes_per_second) {
    asio::steady_timer timer(self->owner.io);
    const std::size_t at_once = std::max<std::uint64_t>(bytes_per_second / 10, 1);
    const auto pause = std::chrono::microseconds(1'000'000 * at_once / bytes_per_second);
    for (std::size_t sent = 0; sent < bytes.size() && !self->closed; sent += at_once) {
        self->send(self->client, std::string_view(bytes).substr(sent, at_once));
        asio::error_code ignored;
        timer.expires_after(pause);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

bool Proxy::Impl::Link::wants_request(std::string_view head) {
    const RequestId request = RequestId::from_head(head);
    if (owner.rules.concerns(request.api)) return true;
    // Only its body says whether a Produce is answered, and an answer of our own must know.
    if (request.api == ApiKey::produce && owner.fails_requests) return true;
    waiting.push_back({request, nullptr, {}});
    return false;
}

void Proxy::Impl::Link::take_request(std::string_view frame) {
    const RequestId request = RequestId::from_head(frame);
    protocol::RequestFrame decoded;
    const bool readable = !decode_request_header(Bytes(nullptr, frame.substr(4)), decoded);
    const ProxyRule* rule = nullptr;
    if (readable && owner.rules.concerns(request.api)) {
        rule = owner.rules.apply({request.api, decoded.header.client_id.value_or(""),
                                  owner.changes.topics_of(request, decoded.body)});
    }
    if (rule) {
        owner.config.tell(
            "`" + rule->text + "`: " + to_string(request.api) + " v" +
            std::to_string(request.version) + " #" + std::to_string(request.correlation_id) +
            " of " + printable(decoded.header.client_id.value_or("a client without id")) + ", " +
            client_name);
        return act(*rule, request, decoded, frame);
    }
    if (!readable || is_answered(request, decoded.body)) waiting.push_back({request, nullptr, {}});
    to_broker += frame;
}

void Proxy::Impl::Link::act(const ProxyRule& rule, const RequestId& request,
                            const protocol::RequestFrame& decoded, std::string_view frame) {
    switch (rule.action) {
        case ProxyRule::Action::drop:
            return;
        case ProxyRule::Action::hang:
            hangs = true;
            return;
        case ProxyRule::Action::cut:
            return close();
        case ProxyRule::Action::reset: {
            asio::error_code ignored;
            client.socket.set_option(asio::socket_base::linger(true, 0), ignored);
            client.socket.close(ignored);
            return close();
        }
        case ProxyRule::Action::error: {
            if (!is_answered(request, decoded.body)) return;
            auto answer = failing_answer(request, decoded.body, rule.error);
            if (!answer) {
                owner.config.tell("kwire cannot make an answer to " + to_string(request.api) +
                                  " v" + std::to_string(request.version) + "; it was passed on");
                break;
            }
            waiting.push_back({request, nullptr, std::move(*answer)});
            return give_ready();
        }
        case ProxyRule::Action::delay:
        case ProxyRule::Action::trickle:
        case ProxyRule::Action::cut_answer:
        case ProxyRule::Action::corrupt:
            break;
    }
    if (is_answered(request, decoded.body)) waiting.push_back({request, &rule, {}});
    to_broker += frame;
}

bool Proxy::Impl::Link::wants_answer(std::string_view head) {
    const std::int32_t id = RequestId::correlation_id_of(head);
    in_answer = true;
    // Requests before it were such as are not answered (Produce with acks 0).
    const auto asked = std::find_if(waiting.begin(), waiting.end(), [id](const Waiting& request) {
        return request.ready.empty() && request.request.correlation_id == id;
    });
    answer_is_waited_for = asked != waiting.end();
    if (!answer_is_waited_for) return false;
    waiting.erase(waiting.begin(), asked);
    const Waiting& front = waiting.front();
    return front.rule || AnswerChanges::may_name_brokers(front.request);
}

void Proxy::Impl::Link::end_answer() {
    if (answer_is_waited_for) waiting.pop_front();
    answer_is_waited_for = false;
    in_answer = false;
    while (!waiting.empty() && !waiting.front().ready.empty()) {
        to_client += waiting.front().ready;
        waiting.pop_front();
    }
}

/// Sends answers of our own that nothing has to come before.
void Proxy::Impl::Link::give_ready() {
    if (in_answer) return;
    while (!waiting.empty() && !waiting.front().ready.empty()) {
        send(client, waiting.front().ready);
        waiting.pop_front();
    }
}

void Proxy::Impl::Link::close() {
    if (closed) return;
    closed = true;
    asio::error_code ignored;
    for (Outgoing* side : {&client, &broker}) {
        side->socket.shutdown(tcp::socket::shutdown_both, ignored);
        side->socket.close(ignored);
        side->drained.cancel();
    }
    if (conversation) conversation->finish();
    if (owner.config.keep) {
        std::string packets;
        CaptureWriter::append_end(packets, captured, From::client, now());
        CaptureWriter::append_end(packets, captured, From::broker, now());
        owner.config.keep(packets);
    }
}

Wait Proxy::Impl::serve(Impl* self, tcp::socket client, std::vector<HostPort> brokers) {
    tcp::socket broker(self->io);
    tcp::resolver resolver(self->io);
    std::string failures;
    for (const HostPort& target : brokers) {
        asio::error_code failure;
        const auto addresses =
            co_await resolver.async_resolve(target.host, std::to_string(target.port),
                                            asio::redirect_error(asio::use_awaitable, failure));
        if (!failure) {
            co_await asio::async_connect(broker, addresses,
                                         asio::redirect_error(asio::use_awaitable, failure));
        }
        if (!failure) {
            const auto link = std::make_shared<Link>(*self, std::move(client), std::move(broker));
            asio::co_spawn(self->io, Link::answers(link), asio::detached);
            asio::co_spawn(self->io, Link::requests(link), asio::detached);
            co_return;
        }
        failures += (failures.empty() ? "" : "; ") + target.to_string() + ' ' + failure.message();
    }
    self->config.tell("a client's connection was closed, for its broker cannot be reached: " +
                      failures);
}

Wait Proxy::Impl::accept_all(Impl* self, std::shared_ptr<tcp::acceptor> acceptor,
                             std::vector<HostPort> brokers) {
    for (;;) {
        asio::error_code failure;
        tcp::socket client =
            co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, failure));
        if (!failure) {
            asio::co_spawn(self->io, serve(self, std::move(client), brokers), asio::detached);
            continue;
        }
        // Such as too many open files: that passes.
        self->config.tell("cannot take a connection: " + failure.message());
        asio::steady_timer pause(self->io, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failure));
    }
}

/// False where the port is taken.
bool Proxy::Impl::listen(std::uint16_t port, const std::vector<HostPort>& brokers) {
    tcp::resolver resolver(io);
    asio::error_code failure;
    const auto addresses = resolver.resolve(config.listen.host, std::to_string(port), failure);
    auto acceptor = std::make_shared<tcp::acceptor>(io);
    if (!failure && !addresses.empty()) {
        const tcp::endpoint end = addresses.begin()->endpoint();
        acceptor->open(end.protocol(), failure);
        acceptor->set_option(tcp::acceptor::reuse_address(true), failure);
        acceptor->bind(end, failure);
        if (!failure) acceptor->listen(asio::socket_base::max_listen_connections, failure);
    }
    if (failure == asio::error::address_in_use) return false;
    if (failure) {
        throw Error(errc::cannot_connect, "cannot listen on " +
                                              HostPort{config.listen.host, port}.to_string() +
                                              ": " + failure.message());
    }
    // One of several may be reached where it listens; each broker has a listener of its own.
    if (brokers.size() == 1) listeners[brokers.front()] = port;
    asio::co_spawn(io, accept_all(this, acceptor, brokers), asio::detached);
    return true;
}

HostPort Proxy::Impl::address_for(const HostPort& broker) {
    const std::string& host = config.advertise.empty() ? config.listen.host : config.advertise;
    const auto known = listeners.find(broker);
    if (known != listeners.end()) return {host, known->second};
    while (++next_port != 0) {
        try {
            if (!listen(next_port, {broker})) continue;
        } catch (const Error& error) {
            config.tell(error.what());
            break;
        }
        const HostPort address{host, next_port};
        config.tell(address.to_string() + " stands for the broker " + broker.to_string());
        return address;
    }
    config.tell("there is no listener for the broker " + broker.to_string() +
                ": clients will go to it past the proxy");
    return broker;
}

Wait Proxy::Impl::tick_on(Impl* self) {
    asio::steady_timer timer(self->io);
    for (;;) {
        asio::error_code ignored;
        timer.expires_after(std::chrono::milliseconds(200));
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (self->config.tick) self->config.tick();
    }
}

Proxy::Proxy(ProxyConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {
    if (!impl_->listen(impl_->config.listen.port, impl_->config.bootstrap)) {
        throw Error(errc::cannot_connect, "cannot listen on " + impl_->config.listen.to_string() +
                                              ": the port is in use; give another --listen");
    }
}

Proxy::~Proxy() = default;

void Proxy::run() {
    asio::co_spawn(impl_->io, Impl::tick_on(impl_.get()), asio::detached);
    impl_->io.run();
    for (Impl::Link* link : impl_->links) link->close();
}

void Proxy::stop() {
    impl_->io.stop();
}

}  // namespace kwire::tools
