// Between the leader of a partition and the share coordinator that keeps its delivery state
// (KIP-932).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/api_key.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Begins the state of partitions for a group.
struct InitializeShareGroupStateRequest {
    static constexpr std::string_view name = "InitializeShareGroupStateRequest";
    static constexpr ApiKey api_key = ApiKey::initialize_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition = 0;
        std::int32_t state_epoch = 0;
        std::int64_t start_offset = 0;

        static constexpr void fields(auto& f) {
            f("partition", &PartitionData::partition);
            f("state_epoch", &PartitionData::state_epoch);
            f("start_offset", &PartitionData::start_offset);
        }
    };

    struct InitializeStateData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &InitializeStateData::topic_id);
            f("partitions", &InitializeStateData::partitions);
        }
    };

    std::string group_id{};
    std::vector<InitializeStateData> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &InitializeShareGroupStateRequest::group_id);
        f("topics", &InitializeShareGroupStateRequest::topics);
    }
};

struct InitializeShareGroupStateResponse {
    static constexpr std::string_view name = "InitializeShareGroupStateResponse";
    static constexpr ApiKey api_key = ApiKey::initialize_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionResult {
        std::int32_t partition = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionResult::partition);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
        }
    };

    struct InitializeStateResult {
        Uuid topic_id{};
        std::vector<PartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &InitializeStateResult::topic_id);
            f("partitions", &InitializeStateResult::partitions);
        }
    };

    std::vector<InitializeStateResult> results{};

    static constexpr void fields(auto& f) {
        f("results", &InitializeShareGroupStateResponse::results);
    }
};

/// Reads the state when a partition gets a leader.
struct ReadShareGroupStateRequest {
    static constexpr std::string_view name = "ReadShareGroupStateRequest";
    static constexpr ApiKey api_key = ApiKey::read_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition", &PartitionData::partition);
            f("leader_epoch", &PartitionData::leader_epoch);
        }
    };

    struct ReadStateData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ReadStateData::topic_id);
            f("partitions", &ReadStateData::partitions);
        }
    };

    std::string group_id{};
    std::vector<ReadStateData> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &ReadShareGroupStateRequest::group_id);
        f("topics", &ReadShareGroupStateRequest::topics);
    }
};

struct ReadShareGroupStateResponse {
    static constexpr std::string_view name = "ReadShareGroupStateResponse";
    static constexpr ApiKey api_key = ApiKey::read_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct StateBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::int8_t delivery_state = 0;
        std::int16_t delivery_count = 0;

        static constexpr void fields(auto& f) {
            f("first_offset", &StateBatch::first_offset);
            f("last_offset", &StateBatch::last_offset);
            f("delivery_state", &StateBatch::delivery_state);
            f("delivery_count", &StateBatch::delivery_count);
        }
    };

    struct PartitionResult {
        std::int32_t partition = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::int32_t state_epoch = 0;
        std::int64_t start_offset = 0;
        std::vector<StateBatch> state_batches{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionResult::partition);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
            f("state_epoch", &PartitionResult::state_epoch);
            f("start_offset", &PartitionResult::start_offset);
            f("state_batches", &PartitionResult::state_batches);
        }
    };

    struct ReadStateResult {
        Uuid topic_id{};
        std::vector<PartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ReadStateResult::topic_id);
            f("partitions", &ReadStateResult::partitions);
        }
    };

    std::vector<ReadStateResult> results{};

    static constexpr void fields(auto& f) { f("results", &ReadShareGroupStateResponse::results); }
};

/// Writes what changed. Version 1 counts the deliveries that are complete (KIP-1226).
struct WriteShareGroupStateRequest {
    static constexpr std::string_view name = "WriteShareGroupStateRequest";
    static constexpr ApiKey api_key = ApiKey::write_share_group_state;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct StateBatch {
        std::int64_t first_offset = 0;
        std::int64_t last_offset = 0;
        std::int8_t delivery_state = 0;
        std::int16_t delivery_count = 0;

        static constexpr void fields(auto& f) {
            f("first_offset", &StateBatch::first_offset);
            f("last_offset", &StateBatch::last_offset);
            f("delivery_state", &StateBatch::delivery_state);
            f("delivery_count", &StateBatch::delivery_count);
        }
    };

    struct PartitionData {
        std::int32_t partition = 0;
        std::int32_t state_epoch = 0;
        std::int32_t leader_epoch = 0;
        std::int64_t start_offset = 0;
        std::int32_t delivery_complete_count = -1;
        std::vector<StateBatch> state_batches{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionData::partition);
            f("state_epoch", &PartitionData::state_epoch);
            f("leader_epoch", &PartitionData::leader_epoch);
            f("start_offset", &PartitionData::start_offset);
            f("delivery_complete_count", &PartitionData::delivery_complete_count,
              since(1).ignorable());
            f("state_batches", &PartitionData::state_batches);
        }
    };

    struct WriteStateData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &WriteStateData::topic_id);
            f("partitions", &WriteStateData::partitions);
        }
    };

    std::string group_id{};
    std::vector<WriteStateData> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &WriteShareGroupStateRequest::group_id);
        f("topics", &WriteShareGroupStateRequest::topics);
    }
};

struct WriteShareGroupStateResponse {
    static constexpr std::string_view name = "WriteShareGroupStateResponse";
    static constexpr ApiKey api_key = ApiKey::write_share_group_state;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct PartitionResult {
        std::int32_t partition = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionResult::partition);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
        }
    };

    struct WriteStateResult {
        Uuid topic_id{};
        std::vector<PartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &WriteStateResult::topic_id);
            f("partitions", &WriteStateResult::partitions);
        }
    };

    std::vector<WriteStateResult> results{};

    static constexpr void fields(auto& f) { f("results", &WriteShareGroupStateResponse::results); }
};

/// Deletes the state of partitions for a group.
struct DeleteShareGroupStateRequest {
    static constexpr std::string_view name = "DeleteShareGroupStateRequest";
    static constexpr ApiKey api_key = ApiKey::delete_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition = 0;

        static constexpr void fields(auto& f) { f("partition", &PartitionData::partition); }
    };

    struct DeleteStateData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &DeleteStateData::topic_id);
            f("partitions", &DeleteStateData::partitions);
        }
    };

    std::string group_id{};
    std::vector<DeleteStateData> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &DeleteShareGroupStateRequest::group_id);
        f("topics", &DeleteShareGroupStateRequest::topics);
    }
};

struct DeleteShareGroupStateResponse {
    static constexpr std::string_view name = "DeleteShareGroupStateResponse";
    static constexpr ApiKey api_key = ApiKey::delete_share_group_state;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionResult {
        std::int32_t partition = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};

        static constexpr void fields(auto& f) {
            f("partition", &PartitionResult::partition);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
        }
    };

    struct DeleteStateResult {
        Uuid topic_id{};
        std::vector<PartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &DeleteStateResult::topic_id);
            f("partitions", &DeleteStateResult::partitions);
        }
    };

    std::vector<DeleteStateResult> results{};

    static constexpr void fields(auto& f) { f("results", &DeleteShareGroupStateResponse::results); }
};

/// Reads the start offsets alone. Version 1 adds the count of complete deliveries (KIP-1226).
struct ReadShareGroupStateSummaryRequest {
    static constexpr std::string_view name = "ReadShareGroupStateSummaryRequest";
    static constexpr ApiKey api_key = ApiKey::read_share_group_state_summary;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition = 0;
        std::int32_t leader_epoch = 0;

        static constexpr void fields(auto& f) {
            f("partition", &PartitionData::partition);
            f("leader_epoch", &PartitionData::leader_epoch);
        }
    };

    struct ReadStateSummaryData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ReadStateSummaryData::topic_id);
            f("partitions", &ReadStateSummaryData::partitions);
        }
    };

    std::string group_id{};
    std::vector<ReadStateSummaryData> topics{};

    static constexpr void fields(auto& f) {
        f("group_id", &ReadShareGroupStateSummaryRequest::group_id);
        f("topics", &ReadShareGroupStateSummaryRequest::topics);
    }
};

struct ReadShareGroupStateSummaryResponse {
    static constexpr std::string_view name = "ReadShareGroupStateSummaryResponse";
    static constexpr ApiKey api_key = ApiKey::read_share_group_state_summary;
    static constexpr VersionRange versions{0, 1};
    static constexpr VersionRange flexible{0};

    struct PartitionResult {
        std::int32_t partition = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message{};
        std::int32_t state_epoch = 0;
        std::int32_t leader_epoch = 0;
        std::int64_t start_offset = 0;
        std::int32_t delivery_complete_count = -1;

        static constexpr void fields(auto& f) {
            f("partition", &PartitionResult::partition);
            f("error_code", &PartitionResult::error_code);
            f("error_message", &PartitionResult::error_message);
            f("state_epoch", &PartitionResult::state_epoch);
            f("leader_epoch", &PartitionResult::leader_epoch);
            f("start_offset", &PartitionResult::start_offset);
            f("delivery_complete_count", &PartitionResult::delivery_complete_count,
              since(1).ignorable());
        }
    };

    struct ReadStateSummaryResult {
        Uuid topic_id{};
        std::vector<PartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &ReadStateSummaryResult::topic_id);
            f("partitions", &ReadStateSummaryResult::partitions);
        }
    };

    std::vector<ReadStateSummaryResult> results{};

    static constexpr void fields(auto& f) {
        f("results", &ReadShareGroupStateSummaryResponse::results);
    }
};

}  // namespace

void add_share_group_state(Messages& messages) {
    add_messages<InitializeShareGroupStateRequest, InitializeShareGroupStateResponse,
                 ReadShareGroupStateRequest, ReadShareGroupStateResponse,
                 WriteShareGroupStateRequest, WriteShareGroupStateResponse,
                 DeleteShareGroupStateRequest, DeleteShareGroupStateResponse,
                 ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse>(messages);
}

}  // namespace kwire::protocol
