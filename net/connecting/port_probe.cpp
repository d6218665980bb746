#include <kwire/net/port_probe.h>

#include <cassert>
#include <string_view>
#include <utility>

#include <kwire/net/error.h>
#include <kwire/protocol/codec.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/metadata.h>

namespace kwire {
namespace {

/// Enough for the beginning of every answer that is known.
constexpr std::size_t heard_bytes_max = 64;

constexpr std::int32_t probe_correlation_id = 0x6b77;

struct Conversation {
    explicit Conversation(Runtime& runtime) : over(runtime) {}

    std::unique_ptr<Stream> stream;
    std::string heard;
    bool ended = false;
    Event over;
};

Task<void> converse(std::shared_ptr<Conversation> conversation, std::string says) {
    try {
        co_await conversation->stream->write(says);
        char buffer[heard_bytes_max];
        while (conversation->heard.size() < sizeof(std::int32_t) * 2) {
            const std::size_t count = co_await conversation->stream->read_some(buffer);
            conversation->heard.append(buffer, count);
        }
    } catch (const Error&) {  // what was heard until then counts
    }
    conversation->ended = true;
    conversation->over.notify_all();
}

/// The first bytes of the answer to what is said; empty if there is none.
Task<std::string> answer_to(std::shared_ptr<Runtime> runtime, std::shared_ptr<Transport> transport,
                            HostPort target, std::string says, TimePoint deadline) {
    auto conversation = std::make_shared<Conversation>(*runtime);
    try {
        conversation->stream = co_await transport->connect(target, deadline);
    } catch (const Error&) {
        co_return std::string();
    }
    runtime->spawn(converse(conversation, std::move(says)));
    bool in_time = true;
    while (in_time && !conversation->ended) {
        in_time = co_await conversation->over.wait_until(deadline);
    }
    conversation->stream->close();
    co_return conversation->heard;
}

std::string metadata_request() {
    std::string frame;
    const auto error = protocol::encode_request(protocol::MetadataRequest{}, 0,
                                                probe_correlation_id, "kwire", frame);
    assert(!error);  // nothing is set that version 0 lacks
    (void)error;
    return frame;
}

bool is_kafka_answer(std::string_view heard) {
    return heard.size() >= 8 && protocol::frame_size(heard.data()) > 4 &&
           protocol::frame_size(heard.data() + 4) == probe_correlation_id;
}

}  // namespace

Task<std::optional<std::string>> probe_port(std::shared_ptr<Runtime> runtime,
                                            std::shared_ptr<Transport> transport, HostPort target,
                                            TimePoint deadline) {
    // The empty line makes web servers answer.
    const std::string greeted =
        co_await answer_to(runtime, transport, target, "srvr\r\n\r\n", deadline);
    if (greeted.size() >= sizeof(std::int32_t)) co_return protocol::greeting_of(greeted);
    std::string request = metadata_request();
    const std::string answered =
        co_await answer_to(runtime, transport, target, std::move(request), deadline);
    std::optional<std::string> found;
    if (is_kafka_answer(answered)) found = "a Kafka broker";
    co_return found;
}

}  // namespace kwire
