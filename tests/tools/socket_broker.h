// A Kafka broker on a socket, answered by functions: what it does not say is as important as what it says.
//
//     SocketBroker broker;
//     broker.topics["t"] = {.partitions = 1};
//     broker.on<protocol::ProduceRequest>({3, 7}, [](const auto& request, std::int16_t) { return ProduceResponse(); });
//     kwire("produce -t t -b " + broker.address());
//
// ApiVersions and Metadata are answered from what it holds; a function that returns nothing keeps silent. Threads: handlers
// run on a connection's own; set up everything before the command runs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/metadata.h>

#include "socket_server.h"

namespace kwire::tools::test {

class SocketBroker {
 public:
    struct Topic {
        int partitions = 1;
        std::int32_t leader = 1;
        ErrorCode error = ErrorCode::none;
    };

    SocketBroker();

    const std::string address() const { return server_.address(); }
    std::uint16_t port() const { return server_.port(); }
    void stop() { server_.stop(); }
    int count(ApiKey api);
    /// Of Metadata, the last one asked.
    std::atomic<bool> auto_creation_allowed{false};

    std::map<std::string, Topic> topics;

    template <class Request>
    void on(VersionRange versions,
            std::function<std::optional<typename Request::Response>(const Request&, std::int16_t)> handler) {
        offered_[Request::api_key] = versions;
        handlers_[Request::api_key] = [handler = std::move(handler)](
                                          const protocol::RequestFrame& frame) -> std::optional<std::string> {
            Request request;
            const std::int16_t version = frame.header.request_api_version;
            if (protocol::decode(request, version, frame.body)) return std::nullopt;
            const auto answer = handler(request, version);
            if (!answer) return std::nullopt;
            std::string bytes;
            if (protocol::encode_response(*answer, version, frame.header.correlation_id, bytes)) return std::nullopt;
            return bytes;
        };
    }

    /// Answers that do not decode.
    void garble(ApiKey api, VersionRange versions);

 private:
    using Handler = std::function<std::optional<std::string>(const protocol::RequestFrame&)>;

    void serve(const Peer& peer);
    std::string versions_for(const protocol::RequestFrame& frame) const;
    protocol::MetadataResponse metadata_for(const protocol::MetadataRequest& request, std::int16_t version);

    std::map<ApiKey, VersionRange> offered_;
    std::map<ApiKey, Handler> handlers_;
    std::mutex mutex_;
    std::map<ApiKey, int> counts_;
    SocketServer server_;
};

}  // namespace kwire::tools::test
