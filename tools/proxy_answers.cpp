#include "proxy_answers.h"

#include <utility>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/conversation.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/produce.h>

namespace kwire::tools {
namespace {

using protocol::Schema;

constexpr std::size_t size_bytes = 4;

std::int16_t number16(std::string_view bytes, std::size_t at) {
    return static_cast<std::int16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                     static_cast<unsigned char>(bytes[at + 1]));
}

void set_size(std::string& frame) {
    const auto size = static_cast<std::uint32_t>(frame.size() - size_bytes);
    for (unsigned i = 0; i < 4; ++i) frame[i] = static_cast<char>(size >> (24 - 8 * i) & 0xff);
}

}  // namespace

RequestId RequestId::from_head(std::string_view head) {
    return {static_cast<ApiKey>(number16(head, 4)), number16(head, 6),
            protocol::frame_size(head.data() + 8)};
}

std::int32_t RequestId::correlation_id_of(std::string_view head) {
    return protocol::frame_size(head.data() + size_bytes);
}

bool is_answered(const RequestId& request, const Bytes& body) {
    if (request.api != ApiKey::produce) return true;
    protocol::ProduceRequest produce;
    return decode(produce, request.version, body).has_value() || produce.acks != 0;
}

std::optional<std::string> failing_answer(const RequestId& request, const Bytes& body,
                                          ErrorCode error) {
    const Schema* const asked = protocol::request_schema(request.api);
    const Schema* const answered = protocol::response_schema(request.api);
    if (!asked || !answered) return std::nullopt;
    const auto message = asked->make();
    const auto answer = answered->make();
    if (decode(*asked, message.get(), request.version, body)) return std::nullopt;
    fail_all(*asked, message.get(), *answered, answer.get(), request.version, error);
    std::string frame;
    if (encode_response(*answered, answer.get(), request.version, request.correlation_id, frame)) {
        return std::nullopt;
    }
    return frame;
}

void corrupt(std::string& frame) {
    const std::size_t header = 2 * size_bytes;
    if (frame.size() <= header) return;
    char& byte = frame[header + (frame.size() - header) / 2];
    byte = static_cast<char>(byte ^ 0x10);
}

bool AnswerChanges::may_name_brokers(const RequestId& request) {
    switch (request.api) {
        case ApiKey::metadata:
        case ApiKey::find_coordinator:
        case ApiKey::describe_cluster:
        case ApiKey::share_fetch:
        case ApiKey::share_acknowledge:
            return true;
        case ApiKey::fetch:  // new leaders come with their addresses (KIP-951)
            return request.version >= 16;
        case ApiKey::produce:
            return request.version >= 10;
        default:
            return false;
    }
}

std::string AnswerChanges::rewritten(const RequestId& request, std::string_view frame) {
    std::string same(frame);
    if (!may_name_brokers(request)) return same;
    const Schema* const schema = protocol::response_schema(request.api);
    const std::int16_t header_version =
        protocol::response_header_version(request.api, request.version);
    protocol::ResponseFrame response;
    protocol::UnknownTags of_header;
    protocol::UnknownTags unknown;
    std::shared_ptr<void> message;
    bool readable = schema && schema->versions.contains(request.version) &&
                    !decode_response_header(Bytes(nullptr, frame.substr(size_bytes)),
                                            header_version, response, &of_header);
    if (readable) {
        message = schema->make();
        readable = !decode(*schema, message.get(), request.version, response.body, &unknown);
    }
    if (!readable) {
        if (told_.insert({request.api, request.version}).second) {
            tell_("an answer of " + to_string(request.api) + " v" +
                  std::to_string(request.version) +
                  " cannot be read: if it names brokers, clients will go to them past the proxy");
        }
        return same;
    }
    if (request.api == ApiKey::metadata) learn_topic_ids(*schema, message.get(), topic_ids_);
    const std::size_t found =
        change_addresses(*schema, message.get(), [this](std::string& host, std::int32_t& port) {
            const HostPort ours = address_for_({host, static_cast<std::uint16_t>(port)});
            host = ours.host;
            port = ours.port;
        });
    if (found == 0) return same;
    std::string changed(size_bytes, '\0');
    if (encode(response.header, header_version, changed, &of_header) ||
        encode(*schema, message.get(), request.version, changed, &unknown)) {
        return same;
    }
    set_size(changed);
    return changed;
}

std::vector<std::string> AnswerChanges::topics_of(const RequestId& request,
                                                  const Bytes& body) const {
    const Schema* const schema = protocol::request_schema(request.api);
    if (!schema) return {};
    const auto message = schema->make();
    if (decode(*schema, message.get(), request.version, body)) return {};
    return topics_in(*schema, message.get(), topic_ids_);
}

}  // namespace kwire::tools
