// Where on its disks a broker keeps partitions.
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

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// Moves replicas to another directory of the same broker (KIP-113).
struct AlterReplicaLogDirsRequest {
    static constexpr std::string_view name = "AlterReplicaLogDirsRequest";
    static constexpr ApiKey api_key = ApiKey::alter_replica_log_dirs;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct AlterReplicaLogDirTopic {
        std::string name{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &AlterReplicaLogDirTopic::name);
            f("partitions", &AlterReplicaLogDirTopic::partitions);
        }
    };

    struct AlterReplicaLogDir {
        std::string path{};
        std::vector<AlterReplicaLogDirTopic> topics{};

        static constexpr void fields(auto& f) {
            f("path", &AlterReplicaLogDir::path);
            f("topics", &AlterReplicaLogDir::topics);
        }
    };

    std::vector<AlterReplicaLogDir> dirs{};

    static constexpr void fields(auto& f) { f("dirs", &AlterReplicaLogDirsRequest::dirs); }
};

struct AlterReplicaLogDirsResponse {
    static constexpr std::string_view name = "AlterReplicaLogDirsResponse";
    static constexpr ApiKey api_key = ApiKey::alter_replica_log_dirs;
    static constexpr VersionRange versions{0, 2};
    static constexpr VersionRange flexible{2};

    struct AlterReplicaLogDirPartitionResult {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &AlterReplicaLogDirPartitionResult::partition_index);
            f("error_code", &AlterReplicaLogDirPartitionResult::error_code);
        }
    };

    struct AlterReplicaLogDirTopicResult {
        std::string topic_name{};
        std::vector<AlterReplicaLogDirPartitionResult> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_name", &AlterReplicaLogDirTopicResult::topic_name);
            f("partitions", &AlterReplicaLogDirTopicResult::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<AlterReplicaLogDirTopicResult> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AlterReplicaLogDirsResponse::throttle_time_ms);
        f("results", &AlterReplicaLogDirsResponse::results);
    }
};

/// Directories and the sizes of the replicas in them (KIP-113); the size of the volume from version
/// 4 (KIP-827), whether it takes no more from 5 (KIP-1066).
struct DescribeLogDirsRequest {
    static constexpr std::string_view name = "DescribeLogDirsRequest";
    static constexpr ApiKey api_key = ApiKey::describe_log_dirs;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{2};

    struct DescribableLogDirTopic {
        std::string topic{};
        std::vector<std::int32_t> partitions{};

        static constexpr void fields(auto& f) {
            f("topic", &DescribableLogDirTopic::topic);
            f("partitions", &DescribableLogDirTopic::partitions);
        }
    };

    std::optional<std::vector<DescribableLogDirTopic>> topics{std::in_place};

    static constexpr void fields(auto& f) { f("topics", &DescribeLogDirsRequest::topics); }
};

struct DescribeLogDirsResponse {
    static constexpr std::string_view name = "DescribeLogDirsResponse";
    static constexpr ApiKey api_key = ApiKey::describe_log_dirs;
    static constexpr VersionRange versions{0, 5};
    static constexpr VersionRange flexible{2};

    struct Partition {
        std::int32_t partition_index = 0;
        std::int64_t partition_size = 0;
        std::int64_t offset_lag = 0;
        bool is_future_key = false;

        static constexpr void fields(auto& f) {
            f("partition_index", &Partition::partition_index);
            f("partition_size", &Partition::partition_size);
            f("offset_lag", &Partition::offset_lag);
            f("is_future_key", &Partition::is_future_key);
        }
    };

    struct Topic {
        std::string name{};
        std::vector<Partition> partitions{};

        static constexpr void fields(auto& f) {
            f("name", &Topic::name);
            f("partitions", &Topic::partitions);
        }
    };

    struct Result {
        ErrorCode error_code = ErrorCode::none;
        std::string log_dir{};
        std::vector<Topic> topics{};
        std::int64_t total_bytes = -1;
        std::int64_t usable_bytes = -1;
        bool is_cordoned = false;

        static constexpr void fields(auto& f) {
            f("error_code", &Result::error_code);
            f("log_dir", &Result::log_dir);
            f("topics", &Result::topics);
            f("total_bytes", &Result::total_bytes, since(4).ignorable());
            f("usable_bytes", &Result::usable_bytes, since(4).ignorable());
            f("is_cordoned", &Result::is_cordoned, since(5).ignorable());
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<Result> results{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &DescribeLogDirsResponse::throttle_time_ms);
        f("error_code", &DescribeLogDirsResponse::error_code, since(3).ignorable());
        f("results", &DescribeLogDirsResponse::results);
    }
};

/// A broker tells the controller in which directory each replica lies (KIP-858).
struct AssignReplicasToDirsRequest {
    static constexpr std::string_view name = "AssignReplicasToDirsRequest";
    static constexpr ApiKey api_key = ApiKey::assign_replicas_to_dirs;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
        }
    };

    struct TopicData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicData::topic_id);
            f("partitions", &TopicData::partitions);
        }
    };

    struct DirectoryData {
        Uuid id{};
        std::vector<TopicData> topics{};

        static constexpr void fields(auto& f) {
            f("id", &DirectoryData::id);
            f("topics", &DirectoryData::topics);
        }
    };

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;
    std::vector<DirectoryData> directories{};

    static constexpr void fields(auto& f) {
        f("broker_id", &AssignReplicasToDirsRequest::broker_id);
        f("broker_epoch", &AssignReplicasToDirsRequest::broker_epoch);
        f("directories", &AssignReplicasToDirsRequest::directories);
    }
};

struct AssignReplicasToDirsResponse {
    static constexpr std::string_view name = "AssignReplicasToDirsResponse";
    static constexpr ApiKey api_key = ApiKey::assign_replicas_to_dirs;
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct PartitionData {
        std::int32_t partition_index = 0;
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& f) {
            f("partition_index", &PartitionData::partition_index);
            f("error_code", &PartitionData::error_code);
        }
    };

    struct TopicData {
        Uuid topic_id{};
        std::vector<PartitionData> partitions{};

        static constexpr void fields(auto& f) {
            f("topic_id", &TopicData::topic_id);
            f("partitions", &TopicData::partitions);
        }
    };

    struct DirectoryData {
        Uuid id{};
        std::vector<TopicData> topics{};

        static constexpr void fields(auto& f) {
            f("id", &DirectoryData::id);
            f("topics", &DirectoryData::topics);
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<DirectoryData> directories{};

    static constexpr void fields(auto& f) {
        f("throttle_time_ms", &AssignReplicasToDirsResponse::throttle_time_ms);
        f("error_code", &AssignReplicasToDirsResponse::error_code);
        f("directories", &AssignReplicasToDirsResponse::directories);
    }
};

}  // namespace

void add_log_dirs(Messages& messages) {
    add_messages<AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, DescribeLogDirsRequest,
                 DescribeLogDirsResponse, AssignReplicasToDirsRequest,
                 AssignReplicasToDirsResponse>(messages);
}

}  // namespace kwire::protocol
