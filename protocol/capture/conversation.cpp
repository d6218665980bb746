#include <algorithm>
#include <utility>

#include <kwire/protocol/conversation.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/produce.h>

#include "../big_endian.h"

namespace kwire {
namespace {

using protocol::load_big_endian;
using protocol::Schema;
using std::chrono::nanoseconds;

constexpr std::size_t size_bytes = 4;
// A search waits for the whole of a frame before it believes in it, but not for more than this.
constexpr std::int32_t searched_frame_bytes_max = 16 << 20;
// What an answer is kept for that may stand before its request in the file.
constexpr std::size_t early_max = 64;
// Of a side that is searched: what stands before the request that it may answer.
constexpr std::size_t unasked_bytes_max = 64 << 10;
// Versions that a later release may have added. A frame of one cannot be decoded, so that less is
// believed of it.
constexpr int newer_versions_max = 20;
constexpr std::int32_t newer_frame_bytes_max = 64 << 10;

bool decodes(const Schema& schema, std::int16_t version, const Bytes& body) {
    const auto message = schema.make();
    return !decode(schema, message.get(), version, body);
}

/// A view as Bytes for the length of a call.
Bytes borrowed(std::string_view data) {
    return {nullptr, data};
}

bool is_plain_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_newer(const Schema& schema, std::int16_t version) {
    return version > schema.versions.highest && version <= schema.versions.highest + newer_versions_max;
}

/// Whether a request's frame may begin so; `schema` is the request's.
bool plausible_header(std::string_view bytes, std::int32_t size, bool newer_versions, const Schema*& schema) {
    const auto key = static_cast<ApiKey>(load_big_endian<std::int16_t>(bytes.data() + 4));
    const auto version = load_big_endian<std::int16_t>(bytes.data() + 6);
    const auto client_bytes = load_big_endian<std::int16_t>(bytes.data() + 12);
    schema = protocol::request_schema(key);
    if (!schema) return false;
    if (client_bytes < -1 || client_bytes > 512 || client_bytes > size - 10) return false;
    if (!schema->versions.contains(version)) {
        // ApiVersions is what a client asks first, in its own newest version (KIP-511).
        const bool believed = key == ApiKey::api_versions || (newer_versions && client_bytes > 0);
        if (!believed || !is_newer(*schema, version) || size > newer_frame_bytes_max) return false;
    }
    return client_bytes <= 0 ||
           is_plain_text(bytes.substr(14, static_cast<std::size_t>(client_bytes)));
}

/// Reads the header of a request. Of an API or version that is not known neither is the form of its
/// header: then client id and what follows are taken as what all headers had so far.
std::optional<DecodeError> read_header(const Bytes& bytes, protocol::RequestFrame& frame) {
    auto error = protocol::decode_request_header(bytes, frame);
    if (!error || bytes.size() < 8) return error;
    const Schema* const schema = protocol::request_schema(frame.header.request_api_key);
    if (schema && schema->versions.contains(frame.header.request_api_version)) return error;
    constexpr std::int16_t without_tags = 1;
    std::size_t body = 0;
    error = protocol::decode_front(protocol::schema_of<protocol::RequestHeader>(), &frame.header, without_tags,
                                   bytes, body);
    if (!error) frame.body = bytes.slice(body, bytes.size() - body);
    return error;
}

/// The same of an answer; a request of an API or version that is not known asked for it.
std::optional<DecodeError> read_answer(const Bytes& bytes, ApiKey key, std::int16_t version,
                                       protocol::ResponseFrame& response) {
    auto error = protocol::decode_response_header(bytes, protocol::response_header_version(key, version), response);
    const Schema* const schema = protocol::response_schema(key);
    if (!error || (schema && schema->versions.contains(version))) return error;
    return protocol::decode_response_header(bytes, 0, response);
}

/// Whether a frame among tokens of SASL is a request again. Tokens may begin with any bytes.
bool is_request(const Bytes& bytes, const protocol::RequestFrame& frame) {
    const Schema* const schema = protocol::request_schema(frame.header.request_api_key);
    if (!schema || bytes.size() < 10) return false;
    const std::int16_t version = frame.header.request_api_version;
    if (!is_plain_text(frame.header.client_id.value_or(""))) return false;
    return schema->versions.contains(version) ? decodes(*schema, version, frame.body)
                                              : is_newer(*schema, version);
}

std::size_t frame_bytes(const Exchange& exchange) {
    return (exchange.request ? exchange.request->bytes.size() : 0) +
           (exchange.response ? exchange.response->bytes.size() : 0);
}

/// Appends, with room for a frame of which the size is known, but no more than twice what came: a
/// size is only a claim.
void append(std::string& buffer, std::string_view data) {
    if (buffer.size() + data.size() > buffer.capacity()) {
        std::size_t room = 2 * (buffer.size() + data.size());
        if (buffer.size() >= size_bytes) {
            const auto claimed = load_big_endian<std::int32_t>(buffer.data());
            if (claimed > 0) room = std::min(room, size_bytes + static_cast<std::size_t>(claimed));
        }
        buffer.reserve(std::max(room, buffer.size() + data.size()));
    }
    buffer += data;
}

}  // namespace

Plausible plausible_request(std::string_view bytes, bool newer_versions) {
    constexpr std::size_t fixed_bytes = 14;
    if (bytes.size() < fixed_bytes) return Plausible::needs_more;
    const std::int32_t size = protocol::frame_size(bytes.data());
    if (size < 10 || size > searched_frame_bytes_max) return Plausible::no;
    const Schema* schema = nullptr;
    if (!plausible_header(bytes, size, newer_versions, schema)) return Plausible::no;
    const std::size_t whole = size_bytes + static_cast<std::size_t>(size);
    if (bytes.size() < whole) return Plausible::needs_more;
    protocol::RequestFrame frame;
    const Bytes content = borrowed(bytes.substr(size_bytes, static_cast<std::size_t>(size)));
    if (read_header(content, frame)) return Plausible::no;
    if (!schema->versions.contains(frame.header.request_api_version)) return Plausible::yes;
    return decodes(*schema, frame.header.request_api_version, frame.body) ? Plausible::yes
                                                                          : Plausible::no;
}

std::int16_t answer_version(ApiKey key, std::int16_t version, std::string_view body) {
    const bool is_refusal = key == ApiKey::api_versions && body.size() >= 2 &&
                            load_big_endian<std::int16_t>(body.data()) ==
                                static_cast<std::int16_t>(ErrorCode::unsupported_version);
    if (is_refusal) return 0;
    if (key != ApiKey::metadata || version != 1) return version;
    const Schema& schema = *protocol::response_schema(key);
    const Bytes content = borrowed(body);
    return !decodes(schema, 1, content) && decodes(schema, 0, content) ? std::int16_t{0} : version;
}

Conversation::Conversation(Handler handler, bool from_start)
    : handler_(std::move(handler)),
      client_(*this, true, from_start),
      broker_(*this, false, from_start) {}

void Conversation::Queue::push(Exchange&& exchange) {
    bytes += frame_bytes(exchange);
    list.push_back(std::move(exchange));
}

Exchange Conversation::Queue::take(std::size_t at) {
    Exchange exchange = std::move(list[at]);
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
    bytes -= frame_bytes(exchange);
    return exchange;
}

bool Conversation::Queue::is_full(std::size_t count_max) const {
    return list.size() > count_max || (bytes > waiting_bytes_max && list.size() > 1);
}

void Conversation::Side::bytes(std::string_view data, nanoseconds time) {
    if (!in_step && !is_client && owner.waiting_.list.empty()) return keep_unasked(data, time);
    if (in_step && buffer.empty()) data = owner.take_frames(*this, data, time);
    if (data.empty()) return;
    if (buffer.empty()) begun = time;
    append(buffer, data);
    go_on(time);
}

/// Takes what it can out of the buffer.
void Conversation::Side::go_on(nanoseconds time) {
    for (;;) {
        if (!in_step && !owner.search(*this, time)) return;
        const std::size_t left = owner.take_frames(*this, buffer, time).size();
        if (left < buffer.size()) begun = time;
        buffer.erase(0, buffer.size() - left);
        if (in_step) return;
    }
}

/// An answer to nothing that was asked tells nothing, unless what it answers is still to come.
void Conversation::Side::keep_unasked(std::string_view data, nanoseconds time) {
    if (!owner.request_is_late_) {
        skipped += data.size() + buffer.size();
        buffer.clear();
        return;
    }
    if (buffer.empty()) begun = time;
    unasked = time;
    buffer += data;
    if (buffer.size() <= unasked_bytes_max) return;
    skipped += buffer.size() - unasked_bytes_max;
    buffer.erase(0, buffer.size() - unasked_bytes_max);
}

void Conversation::Side::lost() {
    skipped += buffer.size();
    buffer.clear();
    in_step = false;
}

/// Tokens of SASL are a size and what it counts, which may be nothing.
std::int32_t Conversation::frame_bytes_min(const Side& side) const {
    const bool token_waits = !waiting_.list.empty() && waiting_.list.front().is_sasl_token;
    return sasl_tokens_ || (!side.is_client && token_waits) ? 0 : static_cast<std::int32_t>(size_bytes);
}

/// Takes whole frames off data and answers what is left. Leaves the side out of step at what cannot
/// be a frame.
std::string_view Conversation::take_frames(Side& side, std::string_view data, nanoseconds time) {
    while (data.size() >= size_bytes) {
        const std::int32_t size = protocol::frame_size(data.data());
        if (size < frame_bytes_min(side) || size > plausible_frame_bytes_max) {
            side.in_step = false;
            return data;
        }
        const std::size_t whole = size_bytes + static_cast<std::size_t>(size);
        if (data.size() < whole) return data;
        const nanoseconds begun = data.data() == side.buffer.data() ? side.begun : time;
        const Bytes frame = Bytes::copy_of(data.substr(size_bytes, static_cast<std::size_t>(size)));
        const bool understood =
            side.is_client ? request_frame(frame, begun, time) : response_frame(frame, begun, time);
        if (!understood) {
            side.in_step = false;
            return data;
        }
        ++frames_;
        data.remove_prefix(whole);
    }
    return data;
}

/// Looks for the beginning of a frame in the side's buffer and drops what stands before it. False
/// where more is needed.
bool Conversation::search(Side& side, nanoseconds time) {
    const std::string_view data = side.buffer;
    std::size_t at = 0;
    Plausible found = Plausible::no;
    for (; at < data.size(); ++at) {
        found =
            side.is_client ? plausible_request(data.substr(at), true) : plausible_answer(data.substr(at));
        if (found != Plausible::no) break;
    }
    if (at > 0) side.begun = time;
    side.skipped += at;
    side.buffer.erase(0, at);
    side.in_step = found == Plausible::yes;
    return side.in_step;
}

Plausible Conversation::plausible_answer(std::string_view bytes) const {
    if (bytes.size() < 2 * size_bytes) return Plausible::needs_more;
    const std::int32_t size = protocol::frame_size(bytes.data());
    if (size < static_cast<std::int32_t>(size_bytes) || size > searched_frame_bytes_max) {
        return Plausible::no;
    }
    const auto correlation_id = load_big_endian<std::int32_t>(bytes.data() + size_bytes);
    const auto asked =
        std::find_if(waiting_.list.begin(), waiting_.list.end(), [correlation_id](const auto& exchange) {
            return exchange.header.correlation_id == correlation_id && !exchange.is_sasl_token;
        });
    if (asked == waiting_.list.end()) return Plausible::no;
    const auto content = static_cast<std::size_t>(size);
    if (bytes.size() - size_bytes < content) return Plausible::needs_more;
    const ApiKey key = asked->header.request_api_key;
    const std::int16_t version = asked->header.request_api_version;
    const Schema* schema = protocol::response_schema(key);
    if (!schema || !schema->versions.contains(version)) return Plausible::yes;
    protocol::ResponseFrame frame;
    if (protocol::decode_response_header(borrowed(bytes.substr(size_bytes, content)),
                               protocol::response_header_version(key, version), frame)) {
        return Plausible::no;
    }
    return decodes(*schema, answer_version(key, version, frame.body.view()), frame.body)
               ? Plausible::yes
               : Plausible::no;
}

/// False where the frame cannot be a request.
bool Conversation::request_frame(const Bytes& bytes, nanoseconds begun, nanoseconds ended) {
    protocol::RequestFrame frame;
    const auto error = read_header(bytes, frame);
    if (sasl_tokens_ && (error || !is_request(bytes, frame))) {
        token_request({bytes, begun, ended});
        return true;
    }
    if (error || static_cast<std::int16_t>(frame.header.request_api_key) < 0 ||
        frame.header.request_api_version < 0) {
        return false;
    }
    Exchange exchange;
    exchange.request = Exchange::Frame{bytes, begun, ended};
    exchange.header = std::move(frame.header);
    exchange.request_body = frame.body;
    const ApiKey key = exchange.header.request_api_key;
    const std::int16_t version = exchange.header.request_api_version;
    if (key == ApiKey::produce) {
        protocol::ProduceRequest produce;
        if (!decode(produce, version, exchange.request_body) && produce.acks == 0) {
            exchange.answer = Exchange::Answer::none_asked;
            emit(std::move(exchange));
            return true;
        }
    }
    sasl_tokens_ = key == ApiKey::sasl_handshake && version == 0;
    const auto came_first =
        std::find_if(early_.list.begin(), early_.list.end(), [&exchange](const Exchange& early) {
            return !early.is_sasl_token && early.header.correlation_id == exchange.header.correlation_id;
        });
    waiting_.push(std::move(exchange));
    if (came_first != early_.list.end()) {
        const auto at = static_cast<std::size_t>(came_first - early_.list.begin());
        answer(std::move(*early_.take(at).response), waiting_.list.size() - 1);
    }
    while (waiting_.is_full(waiting_max)) emit(waiting_.take(0));
    if (!broker_.in_step && !broker_.buffer.empty()) broker_.go_on(broker_.unasked);
    return true;
}

void Conversation::token_request(Exchange::Frame frame) {
    Exchange token;
    token.request = std::move(frame);
    token.is_sasl_token = true;
    waiting_.push(std::move(token));
    while (waiting_.is_full(waiting_max)) emit(waiting_.take(0));
    const auto came_first = std::find_if(early_.list.begin(), early_.list.end(),
                                         [](const Exchange& early) { return early.is_sasl_token; });
    if (came_first == early_.list.end()) return;
    token_answer(std::move(*early_.take(static_cast<std::size_t>(came_first - early_.list.begin())).response));
}

/// Precondition: the first that waits is a token.
void Conversation::token_answer(Exchange::Frame frame) {
    Exchange exchange = waiting_.take(0);
    exchange.response = std::move(frame);
    exchange.answer = Exchange::Answer::came;
    emit(std::move(exchange));
}

bool Conversation::response_frame(const Bytes& bytes, nanoseconds begun, nanoseconds ended) {
    const auto correlation_id =
        bytes.size() < size_bytes ? 0 : load_big_endian<std::int32_t>(bytes.data());
    const auto asked =
        std::find_if(waiting_.list.begin(), waiting_.list.end(), [&](const auto& exchange) {
            return bytes.size() >= size_bytes && !exchange.is_sasl_token &&
                   exchange.header.correlation_id == correlation_id;
        });
    if (asked != waiting_.list.end()) {
        answer({bytes, begun, ended}, static_cast<std::size_t>(asked - waiting_.list.begin()));
        return true;
    }
    if (!waiting_.list.empty() && waiting_.list.front().is_sasl_token) {
        token_answer({bytes, begun, ended});
        return true;
    }
    Exchange alone;
    alone.is_sasl_token = sasl_tokens_;
    alone.header.correlation_id = sasl_tokens_ ? 0 : correlation_id;
    alone.response = Exchange::Frame{bytes, begun, ended};
    alone.answer = Exchange::Answer::came;
    early_.push(std::move(alone));
    while (early_.is_full(early_max)) emit(early_.take(0));
    return true;
}

void Conversation::answer(Exchange::Frame frame, std::size_t waiting) {
    for (; waiting > 0; --waiting) {
        Exchange passed_over = waiting_.take(0);
        // The last token of GSSAPI gets no answer: the broker has nothing to say.
        if (passed_over.is_sasl_token) passed_over.answer = Exchange::Answer::none_asked;
        emit(std::move(passed_over));
    }
    Exchange exchange = waiting_.take(0);
    const ApiKey key = exchange.header.request_api_key;
    const std::int16_t version = exchange.header.request_api_version;
    protocol::ResponseFrame response;
    exchange.error = read_answer(frame.bytes, key, version, response);
    exchange.response_body = response.body;
    exchange.response_version = answer_version(key, version, response.body.view());
    exchange.response = std::move(frame);
    exchange.answer = Exchange::Answer::came;
    emit(std::move(exchange));
}

void Conversation::emit(Exchange&& exchange) {
    handler_(std::move(exchange));
}

void Conversation::finish() {
    for (Side* side : {&client_, &broker_}) {
        (side->in_step ? cut_bytes_ : side->skipped) += side->buffer.size();
        side->buffer.clear();
    }
    for (Queue* queue : {&early_, &waiting_}) {
        while (!queue->list.empty()) emit(queue->take(0));
    }
}

}  // namespace kwire
