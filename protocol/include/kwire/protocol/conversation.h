// Requests and their answers, found in the two streams of a connection.
//
// Purpose: whoever looks on (a capture, a proxy) hands over what client and broker sent, in pieces
// of any size, and gets pairs of request and answer, matched by correlation id. Where a stream
// begins in the middle or has a gap, it goes on at the next bytes that can only be a frame: a known
// API and version, a client id in plain text, a body that decodes; an answer, that it belongs to a
// request that waits. Invariants: every whole frame that was found comes out exactly once. Brokers
// answer a connection's requests in order, so an answer ends the waiting of all requests before its
// own. Nothing is decoded beyond headers, but the acks of Produce and what a search looks at.
// Memory: what was claimed is never taken before it came; requests wait for their answers, at most
// waiting_max of them and, but for the last, waiting_bytes_max. Lifetimes: bodies share the frame.
// Threads: one object, one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/decode_error.h>
#include <kwire/protocol/header.h>
#include <kwire/protocol/tcp_assembly.h>

namespace kwire {

/// The largest frame that is looked for in a stream of which it is not known what it is. Brokers
/// take 100 MB at most as long as nobody sets them otherwise; what a TLS handshake begins with, read
/// as a size, is more than this.
inline constexpr std::int32_t plausible_frame_bytes_max = 256 << 20;

/// A request with its answer, or one of them alone.
struct Exchange {
    struct Frame {
        Bytes bytes;  ///< without the size before it
        std::chrono::nanoseconds begun{};
        std::chrono::nanoseconds ended{};  ///< when its last byte came
    };
    enum class Answer {
        came,
        none_asked,  ///< Produce with acks 0; the last token of a SASL exchange whose mechanism has no answer to it
        missing,     ///< lost, not yet there, or the connection ended before
    };

    std::optional<Frame> request;   ///< nothing: the answer to a request that was not seen
    std::optional<Frame> response;  ///< set if `answer` is `came`
    Answer answer = Answer::missing;
    /// Of the request; of an answer alone only its correlation id.
    protocol::RequestHeader header;
    Bytes request_body;
    Bytes response_body;
    /// That of the request, unless the broker did not know it (see answer_version).
    std::int16_t response_version = 0;
    /// The frames are tokens of SASL without headers (after SaslHandshake 0).
    bool is_sasl_token = false;
    /// Why the header of the answer could not be read; then there is no body.
    std::optional<DecodeError> error;

    /// From the last byte of the request to the last of its answer; 0 where the capture has them in the
    /// other order.
    std::optional<std::chrono::nanoseconds> latency() const {
        if (!request || !response) return std::nullopt;
        return std::max(std::chrono::nanoseconds{}, response->ended - request->ended);
    }
};

/// Whether the bytes can be the beginning of a request's frame, size first: a known API and version, a
/// client id in plain text; and if all of the frame is there, that it decodes. Of ApiVersions a version
/// that is a little newer than kwire will do, and of all APIs if `newer_versions`: for bytes of which
/// it is known that a client sent them, since a broker's look alike.
enum class Plausible { no, needs_more, yes };
Plausible plausible_request(std::string_view bytes, bool newer_versions = false);

/// The version of the body that answers a request of the version. It is another one in two cases: a
/// broker that does not know the version of an ApiVersions request answers in version 0 that it is
/// unsupported (KIP-511), and brokers of 0.8 and 0.9 answer Metadata 1 in version 0's layout.
std::int16_t answer_version(ApiKey key, std::int16_t version, std::string_view body);

class Conversation {
 public:
    using Handler = std::function<void(Exchange&&)>;
    static constexpr std::size_t waiting_max = 100'000;
    static constexpr std::size_t waiting_bytes_max = 64U << 20;

    /// `from_start`: the first bytes of either side begin a frame. If not, one is searched for.
    Conversation(Handler handler, bool from_start);
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    StreamSink& client() { return client_; }
    StreamSink& broker() { return broker_; }
    /// Whether what the broker sends next answers a request that has not come yet, which whoever sees
    /// what it acknowledges can know. Such bytes are kept though nothing waits for them.
    void request_is_late(bool late) { request_is_late_ = late; }
    /// The connection ended: requests still waiting come out without an answer.
    void finish();

    /// Bytes that belong to no frame that was understood.
    std::uint64_t skipped_bytes() const { return client_.skipped + broker_.skipped; }
    /// Bytes of frames that the end of the connection cut off.
    std::uint64_t cut_bytes() const { return cut_bytes_; }
    std::uint64_t frames() const { return frames_; }

 private:
    /// Cuts one direction into frames.
    struct Side final : StreamSink {
        Side(Conversation& its_owner, bool its_is_client, bool its_in_step)
            : owner(its_owner), is_client(its_is_client), in_step(its_in_step) {}
        void bytes(std::string_view data, std::chrono::nanoseconds time) override;
        void lost() override;
        void go_on(std::chrono::nanoseconds time);
        void keep_unasked(std::string_view data, std::chrono::nanoseconds time);

        Conversation& owner;
        const bool is_client;
        bool in_step;
        std::string buffer;  ///< the beginning of a frame, or what is searched
        std::chrono::nanoseconds begun{};
        std::chrono::nanoseconds unasked{};  ///< when the last came of what is kept unasked
        std::uint64_t skipped = 0;
    };

    /// Exchanges that wait for their other half, oldest first.
    struct Queue {
        void push(Exchange&& exchange);
        Exchange take(std::size_t at);
        /// More than may wait of `count_max`, or of bytes.
        bool is_full(std::size_t count_max) const;

        std::deque<Exchange> list;
        std::size_t bytes = 0;
    };

    std::string_view take_frames(Side& side, std::string_view data, std::chrono::nanoseconds time);
    bool search(Side& side, std::chrono::nanoseconds time);
    Plausible plausible_answer(std::string_view bytes) const;
    bool request_frame(const Bytes& frame, std::chrono::nanoseconds begun,
                       std::chrono::nanoseconds ended);
    bool response_frame(const Bytes& frame, std::chrono::nanoseconds begun,
                        std::chrono::nanoseconds ended);
    void answer(Exchange::Frame frame, std::size_t waiting);
    std::int32_t frame_bytes_min(const Side& side) const;
    void token_request(Exchange::Frame frame);
    void token_answer(Exchange::Frame frame);
    void emit(Exchange&& exchange);

    Handler handler_;
    Side client_;
    Side broker_;
    Queue waiting_;
    Queue early_;  ///< Answers that stand before their requests in the capture.
    bool sasl_tokens_ = false;
    bool request_is_late_ = false;
    std::uint64_t frames_ = 0;
    std::uint64_t cut_bytes_ = 0;
};

}  // namespace kwire
