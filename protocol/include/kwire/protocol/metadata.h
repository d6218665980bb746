// Metadata: brokers, topics, partitions and their leaders.
//
// In version 0 an empty list of topics asks for all of them; from version 1 null does, and the
// empty list asks for none.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

struct MetadataResponse;

struct MetadataRequest {
    static constexpr std::string_view name = "MetadataRequest";
    static constexpr ApiKey api_key = ApiKey::metadata;
    static constexpr VersionRange versions{0, 13};
    static constexpr VersionRange flexible{9};
    using Response = MetadataResponse;

    struct Topic {
        Uuid topic_id{};
        std::optional<std::string> name = "";

        static constexpr void fields(auto& f) {
            f("topic_id", &Topic::topic_id, since(10).ignorable());
            f("name", &Topic::name, always().nullable_since(10));
        }
    };

    std::optional<std::vector<Topic>> topics{std::in_place};
    bool allow_auto_topic_creation = true;
    bool include_cluster_authorized_operations = false;
    bool include_topic_authorized_operations = false;

    static constexpr void fields(auto& f) {
        f("topics", &MetadataRequest::topics, always().nullable_since(1));
        f("allow_auto_topic_creation", &MetadataRequest::allow_auto_topic_creation, since(4));
        f("include_cluster_authorized_operations",
          &MetadataRequest::include_cluster_authorized_operations, between(8, 10));
        f("include_topic_authorized_operations",
          &MetadataRequest::include_topic_authorized_operations, since(8));
    }
};

struct MetadataResponse {
    static constexpr std::string_view name = "MetadataResponse";
    static constexpr ApiKey api_key = ApiKey::metadata;
    static constexpr VersionRange versions{0, 13};
    static constexpr VersionRange flexible{9};

    struct Broker {
        std::int32_t node_id = 0;
        std::string host{};
        std::int32_t port = 0;
        std::optional<std::string> rack{};

        static constexpr void fields(auto& f) {
            f("node_id", &Broker::node_id);
            f("host", &Broker::host);
            f("port", &Broker::port);
            f("rack", &Broker::rack, since(1).ignorable());
        }
    };

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        std::int32_t partition_index = 0;
        std::int32_t leader_id = 0;
        std::int32_t leader_epoch = -1;
        std::vector<std::int32_t> replica_nodes{};
        std::vector<std::int32_t> isr_nodes{};
        std::vector<std::int32_t> offline_replicas{};

        static constexpr void fields(auto& f) {
            f("error_code", &Partition::error_code);
            f("partition_index", &Partition::partition_index);
            f("leader_id", &Partition::leader_id);
            f("leader_epoch", &Partition::leader_epoch, since(7).ignorable());
            f("replica_nodes", &Partition::replica_nodes);
            f("isr_nodes", &Partition::isr_nodes);
            f("offline_replicas", &Partition::offline_replicas, since(5).ignorable());
        }
    };

    struct Topic {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> name = "";
        Uuid topic_id{};
        bool is_internal = false;
        std::vector<Partition> partitions{};
        std::int32_t topic_authorized_operations = std::numeric_limits<std::int32_t>::min();

        static constexpr void fields(auto& f) {
            f("error_code", &Topic::error_code);
            f("name", &Topic::name, always().nullable_since(12));
            f("topic_id", &Topic::topic_id, since(10).ignorable());
            f("is_internal", &Topic::is_internal, since(1).ignorable());
            f("partitions", &Topic::partitions);
            f("topic_authorized_operations", &Topic::topic_authorized_operations, since(8));
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Broker> brokers{};
    std::optional<std::string> cluster_id{};
    std::int32_t controller_id = -1;
    std::vector<Topic> topics{};
    std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &MetadataResponse::throttle_time_ms, since(3).ignorable());
        f("brokers", &MetadataResponse::brokers);
        f("cluster_id", &MetadataResponse::cluster_id, since(2).ignorable());
        f("controller_id", &MetadataResponse::controller_id, since(1).ignorable());
        f("topics", &MetadataResponse::topics);
        f("cluster_authorized_operations", &MetadataResponse::cluster_authorized_operations,
          between(8, 10));
        f("error_code", &MetadataResponse::error_code, since(13).ignorable());
    }
};

extern template const Schema& schema_of<MetadataRequest>();
extern template const Schema& schema_of<MetadataResponse>();

}  // namespace kwire::protocol
