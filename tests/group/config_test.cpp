// Properties by Kafka's names: every one is accepted, out-of-range ones are refused in words.
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/group/properties.h>
#include <kwire/net/error.h>

namespace kwire {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

constexpr PropertyScopes all_scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::group | PropertyScope::producer;

/// The sentence that setting name to value is refused with; empty if it is accepted.
std::string refusal(std::string_view name, std::string_view value) {
    try {
        GroupConfig().set(name, value);
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.condition(), errc::invalid_config);
        return error.what();
    }
}

TEST(Properties, every_default_is_accepted_as_a_value) {
    for (const PropertyInfo& info : property_list()) {
        if (info.default_value.empty()) continue;
        ClientConfig config;
        EXPECT_NO_THROW(set_property(config, all_scopes, info.name, info.default_value))
            << info.name;
        for (const auto alias : info.aliases) {
            EXPECT_NO_THROW(set_property(config, all_scopes, alias, info.default_value)) << alias;
        }
        EXPECT_NO_THROW(validate_properties(config, all_scopes)) << info.name;
    }
}

TEST(Properties, no_name_is_there_twice_and_each_is_explained) {
    std::set<std::string_view> names;
    for (const PropertyInfo& info : property_list()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        for (const auto alias : info.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
        EXPECT_FALSE(info.meaning.empty()) << info.name;
        EXPECT_FALSE(info.rule.empty()) << info.name;
    }
}

TEST(GroupConfig, takes_kafkas_names) {
    GroupConfig config;
    config.set("bootstrap.servers", "a:1, b:2");
    config.set("client.id", "me");
    config.set("client.rack", "r1");
    config.set("request.timeout.ms", "7000");
    config.set("fetch.min.bytes", "100");
    config.set("fetch.max.wait.ms", "250");
    config.set("fetch.max.bytes", "1000000");
    config.set("max.partition.fetch.bytes", "2000000");
    config.set("queued.max.messages.kbytes", "4096");
    config.set("check.crcs", "false");
    config.set("isolation.level", "read_committed");
    config.set("zookeeper.session.timeout.ms", "8000");
    config.set("zookeeper.connection.timeout.ms", "9000");
    config.set("auto.commit.interval.ms", "0");
    config.set("partition.assignment.strategy", "java-range");
    config.set("group.id", "g");
    config.set("zookeeper.connect", "z:2181/kafka");
    config.set("consumer.id", "member-1");
    config.validate();

    EXPECT_EQ(config.bootstrap, (std::vector<HostPort>{{"a", 1}, {"b", 2}}));
    EXPECT_EQ(config.client_id, "me");
    EXPECT_EQ(config.fetch.client_rack, "r1");
    EXPECT_EQ(config.cluster.request_timeout, milliseconds(7000));
    EXPECT_EQ(config.fetch.fetch_bytes_min, 100);
    EXPECT_EQ(config.fetch.fetch_wait_max, milliseconds(250));
    EXPECT_EQ(config.fetch.fetch_bytes_max, 1'000'000);
    EXPECT_EQ(config.fetch.partition_fetch_bytes_max, 2'000'000);
    EXPECT_EQ(config.fetch.buffer_bytes_max, 4096 * 1024);
    EXPECT_FALSE(config.fetch.check_crcs);
    EXPECT_EQ(config.fetch.isolation, IsolationLevel::read_committed);
    EXPECT_EQ(config.zookeeper.session_timeout, milliseconds(8000));
    EXPECT_EQ(config.zookeeper.connection_timeout, milliseconds(9000));
    EXPECT_EQ(config.offsets.commit_interval, milliseconds(0));
    EXPECT_EQ(config.assignment, Assignment::java_range);
    EXPECT_EQ(config.group_id, "g");
    EXPECT_EQ(config.zookeeper.connect, "z:2181/kafka");
    EXPECT_EQ(config.member_id, "member-1");
}

TEST(GroupConfig, takes_the_old_consumers_words_for_where_to_begin) {
    for (const auto word : {"smallest", "earliest", "oldest"}) {
        GroupConfig config;
        config.offsets.initial = Initial::newest;
        config.set("auto.offset.reset", word);
        EXPECT_EQ(config.offsets.initial, Initial::oldest) << word;
    }
    for (const auto word : {"largest", "latest", "newest"}) {
        GroupConfig config;
        config.set("auto.offset.reset", word);
        EXPECT_EQ(config.offsets.initial, Initial::newest) << word;
    }
}

TEST(GroupConfig, takes_credentials_and_access_lists_as_zookeepers_shell_does) {
    GroupConfig config;
    config.set("zookeeper.auth", "digest:user:pass:word");
    config.set("zookeeper.acl", "auth::cdrwa,digest:user:h4sh=:rw,world:anyone:r");
    config.validate();
    EXPECT_EQ(config.zookeeper.auth, (std::pair<std::string, std::string>("digest", "user:pass:word")));
    const auto& acl = config.zookeeper.acl;
    ASSERT_EQ(acl.size(), 3u);
    EXPECT_EQ(std::tie(acl[0].permissions, acl[0].scheme, acl[0].id), std::tuple(31, "auth", ""));
    EXPECT_EQ(std::tie(acl[1].permissions, acl[1].scheme, acl[1].id), std::tuple(3, "digest", "user:h4sh="));
    EXPECT_EQ(std::tie(acl[2].permissions, acl[2].scheme, acl[2].id), std::tuple(1, "world", "anyone"));

    for (const auto broken : {"", "digest", "digest:", ":user"}) {
        EXPECT_THAT(refusal("zookeeper.auth", broken), HasSubstr("SCHEME:CREDENTIALS")) << broken;
    }
    for (const auto broken : {"", "world:anyone", "world:anyone:", "world:anyone:x", "world:anyone:r,",
                              ":anyone:r"}) {
        EXPECT_THAT(refusal("zookeeper.acl", broken), HasSubstr("PERMISSIONS")) << broken;
    }
}

TEST(GroupConfig, takes_aliases) {
    GroupConfig config;
    config.set("fetch.wait.max.ms", "10");
    config.set("fetch.message.max.bytes", "20");
    EXPECT_EQ(config.fetch.fetch_wait_max, milliseconds(10));
    EXPECT_EQ(config.fetch.partition_fetch_bytes_max, 20);
}

TEST(GroupConfig, dual_commit_holds_in_either_order) {
    GroupConfig config;
    config.set("dual.commit.enabled", "true");
    config.set("offsets.storage", "kafka");
    EXPECT_EQ(config.offsets.storage, OffsetStorage::dual);

    config = {};
    config.set("offsets.storage", "kafka");
    config.set("dual.commit.enabled", "true");
    EXPECT_EQ(config.offsets.storage, OffsetStorage::dual);

    config.set("dual.commit.enabled", "false");
    EXPECT_EQ(config.offsets.storage, OffsetStorage::kafka);
    config.set("offsets.storage", "zookeeper");
    EXPECT_EQ(config.offsets.storage, OffsetStorage::zookeeper);
}

TEST(GroupConfig, unknown_name_is_refused_with_the_nearest) {
    EXPECT_THAT(refusal("fetch.max.byte", "1"),
                AllOf(HasSubstr("\"fetch.max.byte\""), HasSubstr("\"fetch.max.bytes\"")));
    EXPECT_THAT(refusal("auto.ofset.reset", "oldest"), HasSubstr("\"auto.offset.reset\""));
    EXPECT_THAT(refusal("isolation_level", "x"), HasSubstr("\"isolation.level\""));
    EXPECT_THAT(refusal("session.timeout.ms", "1"), HasSubstr("\"zookeeper.session.timeout.ms\""));
    EXPECT_THAT(refusal("", "1"), HasSubstr("there is no property"));
}

TEST(GroupConfig, a_producers_name_is_refused_as_such) {
    EXPECT_THAT(refusal("linger.ms", "5"), HasSubstr("property of the producer"));
}

TEST(GroupConfig, bad_value_is_refused_with_name_value_and_rule) {
    EXPECT_THAT(refusal("fetch.min.bytes", "abc"),
                AllOf(HasSubstr("fetch.min.bytes=abc"),
                      HasSubstr("a whole number of bytes, 0 to 2147483647")));
    EXPECT_THAT(refusal("zookeeper.session.timeout.ms", "0"),
                AllOf(HasSubstr("zookeeper.session.timeout.ms=0"),
                      HasSubstr("a whole number of milliseconds, 1 to 2147483647")));
    EXPECT_THAT(refusal("isolation.level", "serializable"),
                HasSubstr("read_uncommitted or read_committed"));
    EXPECT_THAT(refusal("bootstrap.servers", "host:notaport"), HasSubstr("host:port"));
    EXPECT_THAT(refusal("bootstrap.servers", ""), HasSubstr("host:port"));
    EXPECT_THAT(refusal("check.crcs", "yes"), HasSubstr("true or false"));
    EXPECT_THAT(refusal("group.id", "a/b"), HasSubstr("ZooKeeper node"));
    for (const auto value :
         {"", " 1", "1 ", "1.5", "-1", "2147483648", "99999999999999999999", "0x10"}) {
        EXPECT_THAT(refusal("fetch.min.bytes", value), HasSubstr("breaks its rule")) << value;
    }
}

TEST(GroupConfig, from_properties_is_set_and_validated) {
    const auto config =
        GroupConfig::from_properties({{"group.id", "g"}, {"auto.commit.interval.ms", "100"}});
    EXPECT_EQ(config.group_id, "g");
    EXPECT_EQ(config.offsets.commit_interval, milliseconds(100));
    EXPECT_THROW(GroupConfig::from_properties({{"request.timeout.ms", "500"}}), Error);
}

/// The sentence that validate refuses config with; empty if it does not.
std::string fault(const GroupConfig& config) {
    try {
        config.validate();
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.condition(), errc::invalid_config);
        return error.what();
    }
}

TEST(GroupConfig, default_is_valid) {
    EXPECT_EQ(fault({}), "");
}

TEST(GroupConfig, members_set_directly_are_held_against_the_same_rules) {
    GroupConfig config;
    config.offsets.commit_interval = milliseconds(-1);
    EXPECT_THAT(fault(config), HasSubstr("auto.commit.interval.ms=-1"));

    config = {};
    config.offsets.processing_timeout = milliseconds(-5);
    EXPECT_THAT(fault(config), HasSubstr("processing.timeout.ms=-5"));

    config = {};
    config.zookeeper.session_timeout = milliseconds(0);
    EXPECT_THAT(fault(config), HasSubstr("zookeeper.session.timeout.ms=0"));

    config = {};
    config.offsets.initial = static_cast<Initial>(7);
    EXPECT_THAT(fault(config), AllOf(HasSubstr("auto.offset.reset=7"), HasSubstr("oldest")));

    config = {};
    config.bootstrap = {{"", 0}};
    EXPECT_THAT(fault(config), HasSubstr("bootstrap.servers"));
}

TEST(GroupConfig, values_are_held_against_each_other) {
    GroupConfig config;
    config.fetch.buffer_bytes_max = 64 * 1024;
    EXPECT_THAT(fault(config), HasSubstr("at least max.partition.fetch.bytes (1048576 bytes)"));

    config = {};
    config.fetch.message_bytes_max = 1000;
    EXPECT_THAT(fault(config), HasSubstr("message.max.bytes=1000"));

    config = {};
    config.cluster.reconnect_backoff_max = milliseconds(10);
    EXPECT_THAT(fault(config), HasSubstr("at least reconnect.backoff.ms (50)"));

    config = {};
    config.fetch.fetch_wait_max = config.cluster.request_timeout;
    EXPECT_THAT(fault(config), HasSubstr("more than fetch.max.wait.ms"));
}

TEST(ProducerProperties, are_set) {
    ClientConfig config;
    const PropertyScopes scopes = PropertyScope::producer;
    set_property(config, scopes, "acks", "all");
    EXPECT_EQ(config.producer.acks, -1);
    set_property(config, scopes, "acks", "0");
    EXPECT_EQ(config.producer.acks, 0);
    set_property(config, scopes, "compression.type", "zstd");
    EXPECT_EQ(config.producer.compression, Compression::zstd);
    set_property(config, scopes, "linger.ms", "0");
    EXPECT_EQ(config.producer.linger, milliseconds(0));
    EXPECT_THROW(set_property(config, scopes, "fetch.min.bytes", "1"), Error);
    EXPECT_THROW(set_property(config, scopes, "acks", "2"), Error);
}

}  // namespace
}  // namespace kwire
