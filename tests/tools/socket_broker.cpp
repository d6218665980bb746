#include "socket_broker.h"

#include <kwire/protocol/api_versions.h>

namespace kwire::tools::test {

using namespace protocol;

SocketBroker::SocketBroker() : server_([this](const Peer& peer) { serve(peer); }) {
    offered_[ApiKey::api_versions] = {0, 3};
    on<MetadataRequest>({1, 9}, [this](const MetadataRequest& request, std::int16_t version) {
        return std::optional(metadata_for(request, version));
    });
}

void SocketBroker::garble(ApiKey api, VersionRange versions) {
    offered_[api] = versions;
    handlers_[api] = [](const RequestFrame& frame) -> std::optional<std::string> {
        return big_endian(7, 4) + big_endian(static_cast<std::uint32_t>(frame.header.correlation_id), 4) + "\xff\xff\xff";
    };
}

int SocketBroker::count(ApiKey api) {
    const std::lock_guard lock(mutex_);
    return counts_[api];
}

void SocketBroker::serve(const Peer& peer) {
    for (;;) {
        std::string bytes = peer.read_frame();
        if (bytes.empty()) return;
        RequestFrame frame;
        if (decode_request_header(Bytes::own(std::move(bytes)), frame)) return;
        const ApiKey api = frame.header.request_api_key;
        {
            const std::lock_guard lock(mutex_);
            ++counts_[api];
        }
        if (api == ApiKey::api_versions) {
            peer.write(versions_for(frame));
            continue;
        }
        const auto handler = handlers_.find(api);
        if (handler == handlers_.end()) return;
        if (const auto answer = handler->second(frame)) peer.write(*answer);
    }
}

std::string SocketBroker::versions_for(const RequestFrame& frame) const {
    ApiVersionsResponse answer;
    for (const auto& [api, range] : offered_) {
        auto& one = answer.api_keys.emplace_back();
        one.api_key = api;
        one.min_version = range.lowest;
        one.max_version = range.highest;
    }
    std::int16_t version = frame.header.request_api_version;
    if (version > 3) {
        answer.error_code = ErrorCode::unsupported_version;
        version = 0;
    }
    std::string bytes;
    encode_response(answer, version, frame.header.correlation_id, bytes);
    return bytes;
}

MetadataResponse SocketBroker::metadata_for(const MetadataRequest& request, std::int16_t version) {
    if (version >= 4) auto_creation_allowed = request.allow_auto_topic_creation;
    MetadataResponse answer;
    answer.controller_id = 1;
    answer.brokers.push_back({1, "127.0.0.1", server_.port(), std::nullopt});
    const auto add = [&](const std::string& name) {
        auto& topic = answer.topics.emplace_back();
        topic.name = name;
        const auto found = topics.find(name);
        topic.error_code = found == topics.end() ? ErrorCode::unknown_topic_or_partition : found->second.error;
        if (topic.error_code != ErrorCode::none) return;
        for (int p = 0; p < found->second.partitions; ++p) {
            auto& partition = topic.partitions.emplace_back();
            partition.partition_index = p;
            partition.leader_id = found->second.leader;
            if (partition.leader_id < 0) partition.error_code = ErrorCode::leader_not_available;
        }
    };
    if (!request.topics) {
        for (const auto& [name, topic] : topics) {
            if (topic.error == ErrorCode::none) add(name);  // what a client may not see is not listed
        }
        return answer;
    }
    for (const auto& topic : *request.topics) add(topic.name.value_or(""));
    return answer;
}

}  // namespace kwire::tools::test
