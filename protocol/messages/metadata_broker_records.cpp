// Brokers, controllers and features in `__cluster_metadata`. metadata_topic_records.cpp says how
// they are framed.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

#include "../schema_builder.h"
#include "families.h"

namespace kwire::protocol {
namespace {

/// A broker is registered, fenced at first.
struct RegisterBrokerRecord {
    static constexpr std::string_view name = "RegisterBrokerRecord";
    static constexpr VersionRange versions{0, 4};
    static constexpr VersionRange flexible{0};

    struct BrokerEndpoint {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;
        std::int16_t security_protocol = 0;

        static constexpr void fields(auto& f) {
            f("name", &BrokerEndpoint::name);
            f("host", &BrokerEndpoint::host);
            f("port", &BrokerEndpoint::port);
            f("security_protocol", &BrokerEndpoint::security_protocol);
        }
    };

    struct BrokerFeature {
        std::string name{};
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("name", &BrokerFeature::name);
            f("min_supported_version", &BrokerFeature::min_supported_version);
            f("max_supported_version", &BrokerFeature::max_supported_version);
        }
    };

    std::int32_t broker_id = 0;
    bool is_migrating_zk_broker = false;
    Uuid incarnation_id{};
    std::int64_t broker_epoch = 0;
    std::vector<BrokerEndpoint> end_points{};
    std::vector<BrokerFeature> features{};
    std::optional<std::string> rack = "";
    bool fenced = true;
    bool in_controlled_shutdown = false;
    std::vector<Uuid> log_dirs{};
    std::optional<std::vector<Uuid>> cordoned_log_dirs{};

    static constexpr void fields(auto& f) {
        f("broker_id", &RegisterBrokerRecord::broker_id);
        f("is_migrating_zk_broker", &RegisterBrokerRecord::is_migrating_zk_broker, since(2));
        f("incarnation_id", &RegisterBrokerRecord::incarnation_id);
        f("broker_epoch", &RegisterBrokerRecord::broker_epoch);
        f("end_points", &RegisterBrokerRecord::end_points);
        f("features", &RegisterBrokerRecord::features);
        f("rack", &RegisterBrokerRecord::rack);
        f("fenced", &RegisterBrokerRecord::fenced);
        f("in_controlled_shutdown", &RegisterBrokerRecord::in_controlled_shutdown, since(1));
        f.tagged(0, "log_dirs", &RegisterBrokerRecord::log_dirs, since(3));
        f.tagged(1, "cordoned_log_dirs", &RegisterBrokerRecord::cordoned_log_dirs, since(4));
    }
};

/// A broker is forgotten.
struct UnregisterBrokerRecord {
    static constexpr std::string_view name = "UnregisterBrokerRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = 0;

    static constexpr void fields(auto& f) {
        f("broker_id", &UnregisterBrokerRecord::broker_id);
        f("broker_epoch", &UnregisterBrokerRecord::broker_epoch);
    }
};

/// A registered broker is fenced, unfenced or about to stop.
struct BrokerRegistrationChangeRecord {
    static constexpr std::string_view name = "BrokerRegistrationChangeRecord";
    static constexpr VersionRange versions{0, 3};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = 0;
    std::int8_t fenced = 0;
    std::int8_t in_controlled_shutdown = 0;
    std::vector<Uuid> log_dirs{};
    std::optional<std::vector<Uuid>> cordoned_log_dirs{};

    static constexpr void fields(auto& f) {
        f("broker_id", &BrokerRegistrationChangeRecord::broker_id);
        f("broker_epoch", &BrokerRegistrationChangeRecord::broker_epoch);
        f.tagged(0, "fenced", &BrokerRegistrationChangeRecord::fenced, always());
        f.tagged(1, "in_controlled_shutdown",
                 &BrokerRegistrationChangeRecord::in_controlled_shutdown, since(1));
        f.tagged(2, "log_dirs", &BrokerRegistrationChangeRecord::log_dirs, since(2));
        f.tagged(3, "cordoned_log_dirs", &BrokerRegistrationChangeRecord::cordoned_log_dirs,
                 since(3));
    }
};

/// A broker is fenced, as 3.0 wrote it.
struct FenceBrokerRecord {
    static constexpr std::string_view name = "FenceBrokerRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t id = 0;
    std::int64_t epoch = 0;

    static constexpr void fields(auto& f) {
        f("id", &FenceBrokerRecord::id);
        f("epoch", &FenceBrokerRecord::epoch);
    }
};

/// A broker is unfenced, as 3.0 wrote it.
struct UnfenceBrokerRecord {
    static constexpr std::string_view name = "UnfenceBrokerRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t id = 0;
    std::int64_t epoch = 0;

    static constexpr void fields(auto& f) {
        f("id", &UnfenceBrokerRecord::id);
        f("epoch", &UnfenceBrokerRecord::epoch);
    }
};

/// A controller is registered (KIP-919).
struct RegisterControllerRecord {
    static constexpr std::string_view name = "RegisterControllerRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    struct ControllerEndpoint {
        std::string name{};
        std::string host{};
        std::uint16_t port = 0;
        std::int16_t security_protocol = 0;

        static constexpr void fields(auto& f) {
            f("name", &ControllerEndpoint::name);
            f("host", &ControllerEndpoint::host);
            f("port", &ControllerEndpoint::port);
            f("security_protocol", &ControllerEndpoint::security_protocol);
        }
    };

    struct ControllerFeature {
        std::string name{};
        std::int16_t min_supported_version = 0;
        std::int16_t max_supported_version = 0;

        static constexpr void fields(auto& f) {
            f("name", &ControllerFeature::name);
            f("min_supported_version", &ControllerFeature::min_supported_version);
            f("max_supported_version", &ControllerFeature::max_supported_version);
        }
    };

    std::int32_t controller_id = 0;
    Uuid incarnation_id{};
    bool zk_migration_ready = false;
    std::vector<ControllerEndpoint> end_points{};
    std::vector<ControllerFeature> features{};

    static constexpr void fields(auto& f) {
        f("controller_id", &RegisterControllerRecord::controller_id);
        f("incarnation_id", &RegisterControllerRecord::incarnation_id);
        f("zk_migration_ready", &RegisterControllerRecord::zk_migration_ready);
        f("end_points", &RegisterControllerRecord::end_points);
        f("features", &RegisterControllerRecord::features);
    }
};

/// A controller is forgotten.
struct UnregisterControllerRecord {
    static constexpr std::string_view name = "UnregisterControllerRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t controller_id = 0;

    static constexpr void fields(auto& f) {
        f("controller_id", &UnregisterControllerRecord::controller_id);
    }
};

/// A feature has a level (KIP-584).
struct FeatureLevelRecord {
    static constexpr std::string_view name = "FeatureLevelRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::string feature_name{};
    std::int16_t feature_level = 0;

    static constexpr void fields(auto& f) {
        f("name", &FeatureLevelRecord::feature_name);
        f("feature_level", &FeatureLevelRecord::feature_level);
    }
};

/// How far the move from ZooKeeper is (KIP-866).
struct ZkMigrationStateRecord {
    static constexpr std::string_view name = "ZkMigrationStateRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int8_t zk_migration_state = 0;

    static constexpr void fields(auto& f) {
        f("zk_migration_state", &ZkMigrationStateRecord::zk_migration_state);
    }
};

/// A block of producer ids is given away (KIP-730).
struct ProducerIdsRecord {
    static constexpr std::string_view name = "ProducerIdsRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::int32_t broker_id = 0;
    std::int64_t broker_epoch = -1;
    std::int64_t next_producer_id = 0;

    static constexpr void fields(auto& f) {
        f("broker_id", &ProducerIdsRecord::broker_id);
        f("broker_epoch", &ProducerIdsRecord::broker_epoch);
        f("next_producer_id", &ProducerIdsRecord::next_producer_id);
    }
};

/// Nothing; makes the log move on (KIP-835).
struct NoOpRecord {
    static constexpr std::string_view name = "NoOpRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    static constexpr void fields(auto&) {}
};

/// What follows holds once the transaction ends (KIP-868).
struct BeginTransactionRecord {
    static constexpr std::string_view name = "BeginTransactionRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::optional<std::string> transaction_name{};

    static constexpr void fields(auto& f) {
        f.tagged(0, "name", &BeginTransactionRecord::transaction_name, always());
    }
};

/// It holds.
struct EndTransactionRecord {
    static constexpr std::string_view name = "EndTransactionRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    static constexpr void fields(auto&) {}
};

/// It does not.
struct AbortTransactionRecord {
    static constexpr std::string_view name = "AbortTransactionRecord";
    static constexpr VersionRange versions{0, 0};
    static constexpr VersionRange flexible{0};

    std::optional<std::string> reason{};

    static constexpr void fields(auto& f) {
        f.tagged(0, "reason", &AbortTransactionRecord::reason, always());
    }
};

}  // namespace

void add_metadata_broker_records(Messages& messages) {
    add_messages<RegisterBrokerRecord, UnregisterBrokerRecord, BrokerRegistrationChangeRecord,
                 FenceBrokerRecord, UnfenceBrokerRecord, RegisterControllerRecord,
                 UnregisterControllerRecord, FeatureLevelRecord, ZkMigrationStateRecord, ProducerIdsRecord, NoOpRecord,
                 BeginTransactionRecord, EndTransactionRecord, AbortTransactionRecord>(messages);
}

}  // namespace kwire::protocol
