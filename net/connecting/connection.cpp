#include "connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <kwire/protocol/frame.h>

namespace kwire {
namespace {

/// More than this is not kept for the next requests.
constexpr std::size_t kept_outgoing_bytes = 256 * 1024;

/// A first answer is small, and four bytes of a TLS alert read as 352 MB, which is no wrong size by
/// itself.
constexpr std::int32_t first_frame_bytes_max = 256 * 1024 * 1024;

std::int32_t read_int32(const char* bytes) {
    return protocol::frame_size(bytes);  // any number of the protocol has that form
}

}  // namespace

struct Connection::Waiting {
    explicit Waiting(Runtime& runtime) : done(runtime) {}

    void end() {
        ended = true;
        done.notify_all();
    }

    ApiKey api{};
    std::int16_t version = 0;
    TimePoint deadline;
    std::int32_t correlation = 0;
    Bytes body;
    std::optional<Error> failure;
    bool ended = false;
    Event done;
};

Connection::Connection(std::shared_ptr<Runtime> runtime, std::unique_ptr<Stream> stream,
                       Options options, std::shared_ptr<FramePool> pool)
    : runtime_(std::move(runtime)),
      stream_(std::move(stream)),
      options_(std::move(options)),
      pool_(std::move(pool)),
      outgoing_ready_(*runtime_),
      deadlines_ready_(*runtime_),
      deadline_timer_(*runtime_) {}

Connection::~Connection() = default;

std::shared_ptr<Connection> Connection::start(std::shared_ptr<Runtime> runtime,
                                              std::unique_ptr<Stream> stream, Options options,
                                              std::shared_ptr<FramePool> pool) {
    const std::shared_ptr<Connection> self(
        new Connection(std::move(runtime), std::move(stream), std::move(options), std::move(pool)));
    self->runtime_->spawn(read_loop(self));
    self->runtime_->spawn(write_loop(self));
    self->runtime_->spawn(deadline_loop(self));
    return self;
}

// ---- requests

Task<Bytes> Connection::ask(const protocol::Schema& schema, const void* message,
                            std::int16_t version, TimePoint deadline) {
    auto waiting = make_waiting(schema, version, deadline);
    if (!failure_) {
        waiting->correlation = enqueue(schema, message, version);
        waiting_.emplace(waiting->correlation, waiting);
        if (deadline < deadline_armed_) {
            deadline_timer_.cancel();
            deadlines_ready_.notify_all();
        }
    }
    return answer(std::move(waiting));
}

Task<void> Connection::tell(const protocol::Schema& schema, const void* message,
                            std::int16_t version, TimePoint deadline) {
    auto waiting = make_waiting(schema, version, deadline);
    if (!failure_) {
        enqueue(schema, message, version);
        outgoing_untold_.push_back(waiting);
    }
    return written(shared_from_this(), std::move(waiting));
}

Connection::WaitingPtr Connection::make_waiting(const protocol::Schema& schema,
                                                std::int16_t version, TimePoint deadline) {
    auto waiting = std::make_shared<Waiting>(*runtime_);
    waiting->api = schema.api_key.value_or(ApiKey{-1});
    waiting->version = version;
    waiting->deadline = deadline;
    if (failure_) {
        waiting->failure = failure_->at({.api = to_string(waiting->api), .api_version = version});
        waiting->ended = true;
    }
    return waiting;
}

std::int32_t Connection::enqueue(const protocol::Schema& schema, const void* message,
                                 std::int16_t version) {
    const std::int32_t correlation = next_correlation_;
    next_correlation_ = correlation == INT32_MAX ? 0 : correlation + 1;
    if (const auto error = protocol::encode_request(schema, message, version, correlation,
                                                    options_.client_id, outgoing_)) {
        throw Error(
            errc::message_not_encodable,
            "the request cannot be sent in the version that the broker speaks: " + error->message(),
            {.target = options_.target,
             .api = to_string(schema.api_key.value_or(ApiKey{-1})),
             .api_version = version});
    }
    outgoing_ready_.notify_all();
    return correlation;
}

Task<Bytes> Connection::answer(WaitingPtr waiting) {
    while (!waiting->ended) co_await waiting->done.wait();
    if (waiting->failure) throw Error(*waiting->failure);
    co_return std::move(waiting->body);
}

Task<void> Connection::written(std::shared_ptr<Connection> self, WaitingPtr waiting) {
    while (!waiting->ended) {
        const bool in_time = co_await waiting->done.wait_until(waiting->deadline);
        if (in_time || waiting->ended) continue;
        // Whatever is written of it: nothing can follow a part of a request.
        self->poison(Error(errc::connection_lost, "the connection was given up, for the broker takes nothing from it"));
        throw Error(errc::timed_out, "the broker has not taken the request in time",
                    {.target = self->options_.target,
                     .api = to_string(waiting->api),
                     .api_version = waiting->version});
    }
    if (waiting->failure) throw Error(*waiting->failure);
}

// ---- the writer

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
    try {
        co_await self->write_all();
    } catch (...) {
        self->poison(as_error(std::current_exception()));
    }
}

Task<void> Connection::write_all() {
    std::string writing;
    while (alive()) {
        if (outgoing_.empty()) {
            co_await outgoing_ready_.wait();
            continue;
        }
        writing.clear();
        if (writing.capacity() > kept_outgoing_bytes) writing.shrink_to_fit();
        writing.swap(outgoing_);
        const auto untold = std::exchange(outgoing_untold_, {});
        try {
            co_await stream_->write(writing);
        } catch (const Error& e) {
            for (const auto& waiting : untold) waiting->failure = e;
            poison(e);
        }
        for (const auto& waiting : untold) waiting->end();
    }
}

// ---- the reader

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
    try {
        co_await self->read_all();
    } catch (const Error& e) {
        self->poison(e);
    } catch (const std::bad_alloc&) {
        self->poison(Error(errc::broken_frame, "no memory for an answer of that size"));
    } catch (...) {
        self->poison(as_error(std::current_exception()));
    }
}

Task<void> Connection::read_all() {
    for (;;) {
        while (ahead_end_ - ahead_begin_ < 4) {
            // Fewer than 4 bytes to move, if any.
            std::copy(ahead_.begin() + ahead_begin_, ahead_.begin() + ahead_end_, ahead_.begin());
            ahead_end_ -= std::exchange(ahead_begin_, 0);
            ahead_end_ +=
                co_await stream_->read_some({ahead_.data() + ahead_end_, ahead_bytes - ahead_end_});
        }
        const std::size_t size = checked_frame_size(read_int32(ahead_.data() + ahead_begin_));
        ahead_begin_ += 4;
        auto frame = pool_->take(size);
        std::size_t have = 0;
        while (have < size) {
            if (ahead_begin_ < ahead_end_) {
                const std::size_t part = std::min(size - have, ahead_end_ - ahead_begin_);
                std::memcpy(frame.get() + have, ahead_.data() + ahead_begin_, part);
                ahead_begin_ += part;
                have += part;
            } else if (size - have >= ahead_bytes) {
                have += co_await stream_->read_some({frame.get() + have, size - have});
            } else {
                // So little is missing that what follows may come with the same read.
                ahead_begin_ = 0;
                ahead_end_ = 0;
                ahead_end_ = co_await stream_->read_some({ahead_.data(), ahead_bytes});
            }
        }
        const std::string_view view(frame.get(), size);
        hand_over(Bytes(std::move(frame), view));
    }
}

std::size_t Connection::checked_frame_size(std::int32_t size) const {
    const std::int32_t most = answered_once_
                                  ? options_.frame_bytes_max
                                  : std::min(options_.frame_bytes_max, first_frame_bytes_max);
    if (const auto wrong = protocol::wrong_frame_size(size, most)) {
        throw Error(answered_once_ ? errc::broken_frame : errc::not_kafka,
                    "this is no answer of a Kafka broker: " + *wrong, {.target = options_.target});
    }
    if (size < 4) {
        throw Error(errc::broken_frame,
                    "an answer of " + std::to_string(size) + " bytes has no room for its header",
                    {.target = options_.target});
    }
    return static_cast<std::size_t>(size);
}

void Connection::hand_over(const Bytes& frame) {
    const std::int32_t correlation = read_int32(frame.data());
    const auto found = waiting_.find(correlation);
    if (found == waiting_.end()) {
        throw Error(answered_once_ ? errc::broken_frame : errc::not_kafka,
                    "an answer came to a request that was not sent (correlation id " +
                        std::to_string(correlation) + ")",
                    {.target = options_.target});
    }
    const WaitingPtr waiting = found->second;
    protocol::ResponseFrame answer;
    if (const auto error = protocol::decode_response_header(
            frame, protocol::response_header_version(waiting->api, waiting->version), answer)) {
        throw Error(errc::broken_frame,
                    "the header of an answer does not decode: " + error->message(),
                    {.target = options_.target,
                     .api = to_string(waiting->api),
                     .api_version = waiting->version});
    }
    waiting_.erase(found);
    answered_once_ = true;
    waiting->body = std::move(answer.body);
    waiting->end();
}

// ---- the end

std::optional<TimePoint> Connection::first_deadline() const {
    std::optional<TimePoint> first;
    for (const auto& [correlation, waiting] : waiting_) {
        if (!first || waiting->deadline < *first) first = waiting->deadline;
    }
    return first;
}

// Sleeps until the earliest deadline of those that were known when it lay down; most are answered
// by then, and the next sleep is as long. So a request costs no timer of its own.
Task<void> Connection::deadline_loop(std::shared_ptr<Connection> self) {
    try {
        co_await self->watch_deadlines();
    } catch (...) {
        self->poison(as_error(std::current_exception()));
    }
}

Task<void> Connection::watch_deadlines() {
    while (alive()) {
        const auto first = first_deadline();
        if (!first) {
            deadline_armed_ = TimePoint::max();
            co_await deadlines_ready_.wait();
            continue;
        }
        deadline_armed_ = *first;
        if (!co_await deadline_timer_.wait_until(*first)) continue;
        for (const auto& [correlation, waiting] : waiting_) {
            if (waiting->deadline > runtime_->now()) continue;
            time_out(waiting);
            break;
        }
    }
}

void Connection::time_out(const WaitingPtr& late) {
    const WaitingPtr kept = late;
    waiting_.erase(kept->correlation);
    kept->failure = Error(
        errc::timed_out, "no answer came in time",
        {.target = options_.target, .api = to_string(kept->api), .api_version = kept->version});
    kept->end();
    poison(Error(errc::connection_lost, "the connection was given up, for the answer to " +
                                            to_string(kept->api) + " did not come in time"));
}

void Connection::poison(const Error& why) {
    if (failure_) return;
    failure_ = why.at({.target = options_.target});
    stream_->close();
    for (const auto& [correlation, waiting] : std::exchange(waiting_, {})) {
        waiting->failure =
            failure_->at({.api = to_string(waiting->api), .api_version = waiting->version});
        waiting->end();
    }
    for (const auto& waiting : std::exchange(outgoing_untold_, {})) {
        waiting->failure = failure_;
        waiting->end();
    }
    outgoing_ready_.notify_all();
    deadlines_ready_.notify_all();
    deadline_timer_.cancel();
}

void Connection::close() {
    poison(Error(errc::closed, "the connection was closed"));
}

}  // namespace kwire
