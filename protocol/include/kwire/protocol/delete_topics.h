// DeleteTopics: deletes topics by name; from version 6 by name or id, in `topics`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

struct DeleteTopicsResponse;

struct DeleteTopicsRequest {
    static constexpr std::string_view name = "DeleteTopicsRequest";
    static constexpr ApiKey api_key = ApiKey::delete_topics;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{4};
    using Response = DeleteTopicsResponse;

    struct Topic {
        std::optional<std::string> name{};
        Uuid topic_id{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("topic_id", &Topic::topic_id);
        }
    };

    std::vector<Topic> topics{};
    std::vector<std::string> topic_names{};
    std::int32_t timeout_ms = 0;

    static constexpr void fields(auto& f) {
        f("topics", &DeleteTopicsRequest::topics, since(6));
        f("topic_names", &DeleteTopicsRequest::topic_names, until(5).ignorable());
        f("timeout_ms", &DeleteTopicsRequest::timeout_ms);
    }
};

struct DeleteTopicsResponse {
    static constexpr std::string_view name = "DeleteTopicsResponse";
    static constexpr ApiKey api_key = ApiKey::delete_topics;
    static constexpr VersionRange versions{0, 6};
    static constexpr VersionRange flexible{4};

    struct Topic {
        std::optional<std::string> name = "";
        Uuid topic_id{};
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name, always().nullable_since(6));
            f("topic_id", &Topic::topic_id, since(6).ignorable());
            f("error_code", &Topic::error_code);
            f("error_message", &Topic::error_message, since(5).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> responses{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DeleteTopicsResponse::throttle_time_ms, since(1).ignorable());
        f("responses", &DeleteTopicsResponse::responses);
    }
};

extern template const Schema& schema_of<DeleteTopicsRequest>();
extern template const Schema& schema_of<DeleteTopicsResponse>();

}  // namespace kwire::protocol
