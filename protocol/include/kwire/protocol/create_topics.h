// CreateTopics: makes topics; must go to the controller on clusters that have ZooKeeper.
//
// -1 partitions or replicas ask for the broker's default, from version 4.
#pragma once

#include <cstdint>
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

struct CreateTopicsResponse;

struct CreateTopicsRequest {
    static constexpr std::string_view name = "CreateTopicsRequest";
    static constexpr ApiKey api_key = ApiKey::create_topics;
    static constexpr VersionRange versions{0, 7};
    static constexpr VersionRange flexible{5};
    using Response = CreateTopicsResponse;

    struct Assignment {
        std::int32_t partition_index = 0;
        std::vector<std::int32_t> broker_ids{};

        static constexpr void fields(auto& f) {
            f("partition_index", &Assignment::partition_index);
            f("broker_ids", &Assignment::broker_ids);
        }
    };

    struct Config {
        std::string name{};
        std::optional<std::string> value = "";

        static constexpr void fields(auto& f) {
            f("name", &Config::name);
            f("value", &Config::value);
        }
    };

    struct Topic {
        std::string name{};
        std::int32_t num_partitions = 0;
        std::int16_t replication_factor = 0;
        std::vector<Assignment> assignments{};
        std::vector<Config> configs{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("num_partitions", &Topic::num_partitions);
            f("replication_factor", &Topic::replication_factor);
            f("assignments", &Topic::assignments);
            f("configs", &Topic::configs);
        }
    };

    std::vector<Topic> topics{};
    std::int32_t timeout_ms = 60000;
    bool validate_only = false;

    static constexpr void fields(auto& f) {
        f("topics", &CreateTopicsRequest::topics);
        f("timeout_ms", &CreateTopicsRequest::timeout_ms);
        f("validate_only", &CreateTopicsRequest::validate_only, since(1));
    }
};

struct CreateTopicsResponse {
    static constexpr std::string_view name = "CreateTopicsResponse";
    static constexpr ApiKey api_key = ApiKey::create_topics;
    static constexpr VersionRange versions{0, 7};
    static constexpr VersionRange flexible{5};

    struct Config {
        std::string name{};
        std::optional<std::string> value = "";
        bool read_only = false;
        std::int8_t config_source = -1;
        bool is_sensitive = false;

        static constexpr void fields(auto& f) {
            f("name", &Config::name);
            f("value", &Config::value);
            f("read_only", &Config::read_only);
            f("config_source", &Config::config_source);
            f("is_sensitive", &Config::is_sensitive);
        }
    };

    struct Topic {
        std::string name{};
        Uuid topic_id{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message = "";
        ErrorCode topic_config_error_code = ErrorCode::none;
        std::int32_t num_partitions = -1;
        std::int16_t replication_factor = -1;
        std::optional<std::vector<Config>> configs{std::in_place};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("topic_id", &Topic::topic_id, since(7).ignorable());
            f("error_code", &Topic::error_code);
            f("error_message", &Topic::error_message, since(1).ignorable());
            f.tagged(0, "topic_config_error_code", &Topic::topic_config_error_code,
                     since(5).ignorable());
            f("num_partitions", &Topic::num_partitions, since(5).ignorable());
            f("replication_factor", &Topic::replication_factor, since(5).ignorable());
            f("configs", &Topic::configs, since(5).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &CreateTopicsResponse::throttle_time_ms, since(2).ignorable());
        f("topics", &CreateTopicsResponse::topics);
    }
};

extern template const Schema& schema_of<CreateTopicsRequest>();
extern template const Schema& schema_of<CreateTopicsResponse>();

}  // namespace kwire::protocol
