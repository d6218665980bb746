#include "frame_server.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include <kwire/net/error.h>

namespace kwire::test {

std::size_t play_every_fault(std::size_t steps, const std::function<void(std::size_t step, Fault fault)>& play) {
    std::size_t played = 0;
    for (std::size_t step = 0; step < steps; ++step) {
        for (const Fault fault : all_faults) {
            play(step, fault);
            ++played;
        }
    }
    return played;
}

struct FrameServer::Connection {
    Connection(Runtime& its_runtime, std::unique_ptr<Stream> its_stream)
        : runtime(its_runtime), stream(std::move(its_stream)), changed(its_runtime) {}

    void close() {
        open = false;
        stream->close();
        changed.notify_all();
    }

    Runtime& runtime;
    std::unique_ptr<Stream> stream;
    std::shared_ptr<Handler> handler;
    std::size_t number = 0;
    bool open = true;
    std::deque<std::string> frames;  // read, and not handed to the handler yet
    Event changed;
};

struct Exchange::State {
    std::shared_ptr<FrameServer::Connection> connection;
    protocol::RequestFrame frame;
    std::string answer;
    bool close_after = false;
    bool settled = false;
    bool silent = false;  // settled, and never answered
    std::optional<Fault> fault;
    std::function<std::string(std::string)> rewrite;
    Duration delay{};
};

ApiKey Exchange::api() const {
    return state_->frame.header.request_api_key;
}
std::int16_t Exchange::version() const {
    return state_->frame.header.request_api_version;
}
std::int32_t Exchange::correlation_id() const {
    return state_->frame.header.correlation_id;
}
std::string Exchange::client_id() const {
    return state_->frame.header.client_id.value_or("");
}
std::size_t Exchange::connection() const {
    return state_->connection->number;
}
const Bytes& Exchange::body() const {
    return state_->frame.body;
}
bool Exchange::settled() const {
    return state_->settled;
}

void Exchange::settle(std::string bytes, bool close) const {
    if (state_->settled) throw std::logic_error("this request was answered before");
    state_->settled = true;
    state_->answer = state_->rewrite && !bytes.empty() ? state_->rewrite(std::move(bytes)) : std::move(bytes);
    state_->close_after = close;
    if (state_->fault) spoil(*state_->fault);
    state_->connection->changed.notify_all();
}

void Exchange::fail_with(Fault fault) const {
    state_->fault = fault;
}

void Exchange::rewrite_with(std::function<std::string(std::string)> rewrite) const {
    state_->rewrite = std::move(rewrite);
}
void Exchange::delay(Duration duration) const {
    state_->delay = duration;
}

void Exchange::spoil(Fault fault) const {
    std::string& whole = state_->answer;
    const auto cut_to = [&](std::size_t size) {
        whole.resize(std::min(size, whole.size()));
        state_->close_after = true;
    };
    switch (fault) {
        case Fault::close:
            return cut_to(0);
        case Fault::cut_in_size:
            return cut_to(2);
        case Fault::cut_in_header:
            return cut_to(6);
        case Fault::cut_at_end:
            return cut_to(std::max<std::size_t>(whole.size(), 1) - 1);
        case Fault::silence:
            state_->silent = true;
            return;
        case Fault::garbage:
            for (std::size_t i = 8; i < whole.size(); ++i) whole[i] = '\x7f';
            return;
        case Fault::wrong_correlation:
            if (whole.size() > 4) whole[4] = '\x55';
            return;
    }
}

void Exchange::reply_bytes(std::string frame) const {
    settle(std::move(frame), false);
}
void Exchange::reply_and_close(std::string bytes) const {
    settle(std::move(bytes), true);
}
void Exchange::close() const {
    settle({}, true);
}
void Exchange::no_reply() const {
    settle({}, false);
}

namespace {

Task<std::string> read_exactly(Stream* stream, std::size_t size) {
    std::string data(size, '\0');
    for (std::size_t have = 0; have < size;) {
        const std::size_t more = co_await stream->read_some({data.data() + have, size - have});
        have += more;
    }
    co_return data;
}

}  // namespace

// Reads ahead of the handler, so that a client that hangs up is noticed while a request is held.
Task<void> FrameServer::read(std::shared_ptr<Connection> connection) {
    try {
        while (connection->open) {
            const std::string size = co_await read_exactly(connection->stream.get(), 4);
            const auto bytes = static_cast<std::size_t>(protocol::frame_size(size.data()));
            // Kafka's socket.request.max.bytes; what speaks another protocol (a probe) sends more than that.
            if (bytes > 100 << 20) {
                connection->close();
                break;
            }
            std::string frame = co_await read_exactly(connection->stream.get(), bytes);
            connection->frames.push_back(std::move(frame));
            connection->changed.notify_all();
        }
    } catch (const Error&) {
        connection->close();
    }
}

Task<void> FrameServer::serve(std::shared_ptr<Connection> connection) {
    while (connection->open) {
        if (connection->frames.empty()) {
            co_await connection->changed.wait();
            continue;
        }
        auto state = std::make_shared<Exchange::State>();
        state->connection = connection;
        Bytes frame = Bytes::own(std::move(connection->frames.front()));
        connection->frames.pop_front();
        if (const auto error = protocol::decode_request_header(frame, state->frame)) {
            throw std::runtime_error("a request's header does not decode: " + error->message());
        }
        (*connection->handler)(Exchange(state));
        while ((!state->settled || state->silent) && connection->open) co_await connection->changed.wait();
        if (state->delay > Duration{}) {
            Timer timer(connection->runtime);
            co_await timer.wait_for(state->delay);
        }
        if (!connection->open) break;
        try {
            if (!state->answer.empty()) co_await connection->stream->write(state->answer);
        } catch (const Error&) {
            state->close_after = true;
        }
        if (state->close_after) connection->close();
    }
}

FrameServer::FrameServer(VirtualLoop& loop, MemoryNetwork& network, HostPort address,
                         Handler handler)
    : loop_(loop),
      network_(network),
      address_(std::move(address)),
      handler_(std::make_shared<Handler>(std::move(handler))) {
    listen();
}

FrameServer::~FrameServer() {
    stop_listening();
    break_connections();
    *handler_ = [](const Exchange&) {};
}

void FrameServer::listen() {
    network_.listen(address_, [this](std::unique_ptr<Stream> stream) {
        auto connection = std::make_shared<Connection>(*loop_.runtime(), std::move(stream));
        connection->handler = handler_;
        connection->number = connections_.size();
        connections_.push_back(connection);
        loop_.runtime()->spawn(read(connection));
        loop_.runtime()->spawn(serve(connection));
    });
}

void FrameServer::stop_listening() {
    network_.unlisten(address_);
}

void FrameServer::break_connections() {
    for (const auto& connection : connections_) connection->close();
}

std::size_t FrameServer::open_connections() const {
    return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                  [](const auto& c) { return c->open; }));
}

}  // namespace kwire::test
