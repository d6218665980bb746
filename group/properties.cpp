#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include <kwire/group/properties.h>
#include <kwire/net/error.h>

#include "nearest_name.h"
#include "properties_of.h"
#include "property_rules.h"

namespace kwire {
namespace property {

std::optional<BrokersRule::Value> BrokersRule::parse(std::string_view text) const {
    try {
        return HostPort::parse_list(text, 9092);
    } catch (const Error&) {
        return std::nullopt;  // the caller says it in the words of the property
    }
}

std::string BrokersRule::show(const Value& value) const {
    std::string all;
    for (const HostPort& address : value) {
        if (!all.empty()) all += ',';
        all += address.to_string();
    }
    return all;
}

std::optional<ZooKeeperAuthRule::Value> ZooKeeperAuthRule::parse(std::string_view text) const {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return std::nullopt;
    }
    return Value(std::in_place, text.substr(0, colon), text.substr(colon + 1));
}

namespace {

struct Permission {
    char letter;
    std::int32_t bit;
};
/// ZooKeeper's bits, in the order its shell writes them.
constexpr Permission permissions[] = {{'c', 4}, {'d', 8}, {'r', 1}, {'w', 2}, {'a', 16}};

std::optional<std::int32_t> parse_permissions(std::string_view letters) {
    std::int32_t bits = 0;
    for (const char letter : letters) {
        const auto* found = std::find_if(std::begin(permissions), std::end(permissions),
                                         [&](const Permission& p) { return p.letter == letter; });
        if (found == std::end(permissions)) return std::nullopt;
        bits |= found->bit;
    }
    if (bits == 0) return std::nullopt;
    return bits;
}

/// The id may have colons: a digest's is `user:hash`.
std::optional<zk::Acl> parse_acl(std::string_view text) {
    const std::size_t first = text.find(':');
    const std::size_t last = text.rfind(':');
    if (first == std::string_view::npos || first == 0 || first == last) return std::nullopt;
    const auto bits = parse_permissions(text.substr(last + 1));
    if (!bits) return std::nullopt;
    return zk::Acl{*bits, std::string(text.substr(0, first)),
                   std::string(text.substr(first + 1, last - first - 1))};
}

}  // namespace

std::optional<ZooKeeperAclRule::Value> ZooKeeperAclRule::parse(std::string_view text) const {
    Value list;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        auto acl = parse_acl(text.substr(begin, end - begin));
        if (!acl) return std::nullopt;
        list.push_back(std::move(*acl));
        begin = end + 1;
    }
    return list;
}

bool ZooKeeperAclRule::holds(const Value& value) const {
    for (const zk::Acl& acl : value) {
        if (acl.scheme.empty() || (acl.permissions & 31) == 0) return false;
    }
    return !value.empty();
}

std::string ZooKeeperAclRule::show(const Value& value) const {
    std::string all;
    for (const zk::Acl& acl : value) {
        if (!all.empty()) all += ',';
        all += acl.scheme + ":" + acl.id + ":";
        for (const Permission& permission : permissions) {
            if ((acl.permissions & permission.bit) != 0) all += permission.letter;
        }
    }
    return all;
}

}  // namespace property

namespace {

using namespace property;

/// What a rule makes of itself once it is known which member it is about.
struct Property {
    PropertyInfo info;
    std::function<bool(ConfigTarget, std::string_view)> set;  ///< False: the text breaks the rule.
    std::function<bool(ConfigView)> holds;
    std::function<std::string(ConfigView)> show;
};

/// member is a function from ConfigTarget, or ConfigView, to a reference.
template <class Rule, class Member>
Property make(PropertyScope scope, std::string_view name, std::vector<std::string_view> aliases,
              Rule rule, Member member, std::string_view meaning) {
    Property property;
    property.info = {name, std::move(aliases), scope, rule.text(), {}, meaning};
    property.set = [rule, member](ConfigTarget target, std::string_view text) {
        auto value = rule.parse(text);
        if (!value) return false;
        member(target) = std::move(*value);
        return true;
    };
    property.holds = [rule, member](ConfigView view) { return rule.holds(member(view)); };
    property.show = [rule, member](ConfigView view) { return rule.show(member(view)); };
    return property;
}

void add_cluster(std::vector<Property>& all) {
    constexpr auto scope = PropertyScope::cluster;
    all.push_back(make(
        scope, "bootstrap.servers", {"metadata.broker.list"}, BrokersRule{},
        [](auto c) -> auto& { return c.group->bootstrap; },
        "Brokers to begin with; a group without any takes those that ZooKeeper lists."));
    all.push_back(make(
        scope, "client.id", {}, TextRule{}, [](auto c) -> auto& { return c.group->client_id; },
        "The name brokers log and set quotas by."));
    all.push_back(make(
        scope, "socket.connection.setup.timeout.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.connect_timeout; },
        "How long opening one connection may take."));
    all.push_back(make(
        scope, "request.timeout.ms", {"socket.timeout.ms"}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.request_timeout; },
        "How long a broker may take to answer."));
    all.push_back(make(
        scope, "reconnect.backoff.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.reconnect_backoff; },
        "The first wait before a broker that failed is tried again, at least 50; it doubles each "
        "time."));
    all.push_back(make(
        scope, "reconnect.backoff.max.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.reconnect_backoff_max; },
        "The longest wait before a broker that failed is tried again."));
    all.push_back(make(
        scope, "metadata.max.age.ms", {"topic.metadata.refresh.interval.ms"}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.metadata_max_age; },
        "How old the view of brokers and leaders may become before it is asked for again."));
    all.push_back(make(
        scope, "receive.message.max.bytes", {}, NumberRule<std::int32_t>{1024, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.group->cluster.frame_bytes_max; },
        "The largest answer that is taken from a broker; a larger one ends the connection."));
    all.push_back(make(
        scope, "api.version.request", {}, flag_rule(),
        [](auto c) -> auto& { return c.group->cluster.api_version_request; },
        "Whether brokers are asked which versions they speak."));
    all.push_back(make(
        scope, "api.version.request.timeout.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->cluster.api_version_request_timeout; },
        "How long a broker may keep silent on that before it is held for one of 0.9."));
    using Release = std::optional<OldRelease>;
    all.push_back(make(
        scope, "broker.version.fallback", {},
        ChoiceRule<Release>{{{Release(), {"none"}},
                             {OldRelease::v0_9, {"0.9", "0.9.0"}},
                             {OldRelease::v0_8_2, {"0.8.2"}},
                             {OldRelease::v0_8_1, {"0.8.1"}}}},
        [](auto c) -> auto& { return c.group->cluster.broker_version_fallback; },
        "The release of brokers that do not say; none: found out by how they fail to answer."));
}

void add_fetch(std::vector<Property>& all) {
    constexpr auto scope = PropertyScope::fetch;
    all.push_back(make(
        scope, "fetch.min.bytes", {}, NumberRule<std::int32_t>{0, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.group->fetch.fetch_bytes_min; },
        "A broker waits with its answer until it has as much, or fetch.max.wait.ms have passed."));
    all.push_back(make(
        scope, "fetch.max.wait.ms", {"fetch.wait.max.ms"}, MillisecondsRule(0),
        [](auto c) -> auto& { return c.group->fetch.fetch_wait_max; },
        "How long a broker waits for fetch.min.bytes."));
    all.push_back(make(
        scope, "fetch.max.bytes", {}, NumberRule<std::int32_t>{1, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.group->fetch.fetch_bytes_max; },
        "How much one answer may hold (brokers from 0.10.1)."));
    all.push_back(make(
        scope, "max.partition.fetch.bytes", {"fetch.message.max.bytes"},
        NumberRule<std::int32_t>{1, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.group->fetch.partition_fetch_bytes_max; },
        "How much one answer may hold of one partition."));
    all.push_back(make(
        scope, "message.max.bytes", {}, NumberRule<std::int32_t>{1, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.group->fetch.message_bytes_max; },
        "How far the limit of a partition grows for a message that does not fit."));
    all.push_back(make(
        scope, "decompressed.max.bytes", {},
        NumberRule<std::int64_t>{1024, std::int64_t{1} << 40, "bytes"},
        [](auto c) -> auto& { return c.group->fetch.decompressed_bytes_max; },
        "How large one record batch may be once it is decompressed."));
    all.push_back(make(
        scope, "queued.max.messages.kbytes", {}, KibibytesRule{},
        [](auto c) -> auto& { return c.group->fetch.buffer_bytes_max; },
        "What may be buffered and on the way, all partitions together."));
    all.push_back(make(
        scope, "check.crcs", {}, flag_rule(),
        [](auto c) -> auto& { return c.group->fetch.check_crcs; },
        "Whether the checksum of each record batch is checked."));
    all.push_back(make(
        scope, "isolation.level", {},
        ChoiceRule<IsolationLevel>{{{IsolationLevel::read_uncommitted, {"read_uncommitted"}},
                                    {IsolationLevel::read_committed, {"read_committed"}}}},
        [](auto c) -> auto& { return c.group->fetch.isolation; },
        "read_committed hides what belongs to transactions that were aborted or are still open."));
    all.push_back(make(
        scope, "client.rack", {}, TextRule{},
        [](auto c) -> auto& { return c.group->fetch.client_rack; },
        "Where this client runs; a replica nearby may then serve it (KIP-392)."));
}

/// dual.commit.enabled has no member of its own: with offsets.storage it says one of three things.
/// Whichever of the two is set first, both hold.
Property dual_commit() {
    Property property;
    const auto rule = flag_rule();
    property.info = {"dual.commit.enabled",
                     {},
                     PropertyScope::group,
                     rule.text(),
                     {},
                     "With offsets in Kafka: also write them to ZooKeeper (offsets.storage=dual)."};
    property.set = [rule](ConfigTarget target, std::string_view text) {
        const auto value = rule.parse(text);
        if (!value) return false;
        auto& storage = target.group->offsets.storage;
        if (*value) {
            storage = OffsetStorage::dual;
        } else if (storage == OffsetStorage::dual) {
            storage = OffsetStorage::kafka;
        }
        return true;
    };
    property.holds = [](ConfigView) { return true; };
    property.show = [rule](ConfigView view) {
        return rule.show(view.group->offsets.storage == OffsetStorage::dual);
    };
    return property;
}

Property offsets_storage() {
    Property property = make(
        PropertyScope::group, "offsets.storage", {},
        ChoiceRule<OffsetStorage>{{{OffsetStorage::zookeeper, {"zookeeper"}},
                                   {OffsetStorage::kafka, {"kafka"}},
                                   {OffsetStorage::dual, {"dual"}}}},
        [](auto c) -> auto& { return c.group->offsets.storage; },
        "Where the group's offsets are kept; dual writes both and reads the higher.");
    property.set = [set = property.set](ConfigTarget target, std::string_view text) {
        auto& storage = target.group->offsets.storage;
        const bool dual = storage == OffsetStorage::dual;
        if (!set(target, text)) return false;
        if (dual && storage == OffsetStorage::kafka) storage = OffsetStorage::dual;
        return true;
    };
    return property;
}

void add_group(std::vector<Property>& all) {
    constexpr auto scope = PropertyScope::group;
    all.push_back(make(
        scope, "group.id", {}, NodeNameRule{}, [](auto c) -> auto& { return c.group->group_id; },
        "The group to join."));
    all.push_back(make(
        scope, "consumer.id", {}, NodeNameRule{},
        [](auto c) -> auto& { return c.group->member_id; },
        "This member's name; none: made of host name, process id and chance."));
    all.push_back(make(
        scope, "group.instance.id", {}, NodeNameRule{},
        [](auto c) -> auto& { return c.group->group_instance_id; },
        "The name of this process, the same at each start: a restart within the session timeout "
        "moves no partition."));
    all.push_back(make(
        scope, "zookeeper.connect", {}, TextRule{"host:port,...[/chroot]"},
        [](auto c) -> auto& { return c.group->zookeeper.connect; },
        "The ZooKeeper servers the group is coordinated by."));
    all.push_back(make(
        scope, "zookeeper.session.timeout.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->zookeeper.session_timeout; },
        "How long a member may be out of touch before its partitions go to others."));
    all.push_back(make(
        scope, "zookeeper.connection.timeout.ms", {}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.group->zookeeper.connection_timeout; },
        "How long joining waits for a ZooKeeper server."));
    all.push_back(make(
        scope, "zookeeper.auth", {}, ZooKeeperAuthRule{},
        [](auto c) -> auto& { return c.group->zookeeper.auth; },
        "Who we are to ZooKeeper."));
    all.push_back(make(
        scope, "zookeeper.acl", {}, ZooKeeperAclRule{},
        [](auto c) -> auto& { return c.group->zookeeper.acl; },
        "Who may do what with the nodes that we create."));
    all.push_back(make(
        scope, "partition.assignment.strategy", {},
        ChoiceRule<Assignment>{
            {{Assignment::automatic, {"auto"}},
             {Assignment::balanced, {"balanced"}},
             {Assignment::original, {"original"}},
             {Assignment::java_range, {"java-range", "range"}},
             {Assignment::java_roundrobin, {"java-roundrobin", "roundrobin"}},
             {Assignment::java_roundrobin_08, {"java-roundrobin-0.8", "roundrobin-0.8"}}}},
        [](auto c) -> auto& { return c.group->assignment; },
        "How partitions are divided; all members must agree. auto: as the other members do."));
    all.push_back(make(
        scope, "auto.offset.reset", {},
        ChoiceRule<Initial>{{{Initial::oldest, {"oldest", "earliest", "smallest", "beginning"}},
                             {Initial::newest, {"newest", "latest", "largest", "end"}}}},
        [](auto c) -> auto& { return c.group->offsets.initial; },
        "Where to begin without a stored offset, or where the stored one is out of range."));
    all.push_back(make(
        scope, "auto.commit.interval.ms", {}, MillisecondsRule(0),
        [](auto c) -> auto& { return c.group->offsets.commit_interval; },
        "How often offsets are committed; 0: only on flush and on leaving."));
    all.push_back(make(
        scope, "processing.timeout.ms", {}, MillisecondsRule(0),
        [](auto c) -> auto& { return c.group->offsets.processing_timeout; },
        "How long a partition that is taken away waits for what was handed out, and for on_revoked."));
    all.push_back(offsets_storage());
    all.push_back(dual_commit());
}

void add_producer(std::vector<Property>& all) {
    constexpr auto scope = PropertyScope::producer;
    all.push_back(make(
        scope, "acks", {"request.required.acks"},
        ChoiceRule<std::int16_t>{{{-1, {"all", "-1"}}, {0, {"0"}}, {1, {"1"}}}},
        [](auto c) -> auto& { return c.producer->acks; },
        "Who has to have a message before it counts: all replicas in sync, nobody, the leader."));
    all.push_back(make(
        scope, "compression.type", {"compression.codec"},
        ChoiceRule<Compression>{{{Compression::none, {"none"}},
                                 {Compression::gzip, {"gzip"}},
                                 {Compression::snappy, {"snappy"}},
                                 {Compression::lz4, {"lz4"}},
                                 {Compression::zstd, {"zstd"}}}},
        [](auto c) -> auto& { return c.producer->compression; },
        "How record batches are compressed."));
    all.push_back(make(
        scope, "batch.size", {}, NumberRule<std::int32_t>{1, INT32_MAX, "bytes"},
        [](auto c) -> auto& { return c.producer->batch_bytes_max; },
        "How large a record batch grows."));
    all.push_back(make(
        scope, "buffer.memory", {}, NumberRule<std::int64_t>{1, INT64_MAX, "bytes"},
        [](auto c) -> auto& { return c.producer->buffer_bytes_max; },
        "What may wait to be sent and acknowledged; sending waits while it is full."));
    all.push_back(make(
        scope, "linger.ms", {"queue.buffering.max.ms"}, MillisecondsRule(0),
        [](auto c) -> auto& { return c.producer->linger; },
        "How long a batch waits to become larger."));
    all.push_back(make(
        scope, "delivery.timeout.ms", {"message.timeout.ms"}, MillisecondsRule(1),
        [](auto c) -> auto& { return c.producer->delivery_timeout; },
        "How long a message may take, with all retries."));
    all.push_back(make(
        scope, "retry.backoff.ms", {}, MillisecondsRule(0),
        [](auto c) -> auto& { return c.producer->retry_backoff; },
        "The wait before a batch is sent again."));
    all.push_back(make(
        scope, "allow.auto.create.topics", {}, flag_rule(),
        [](auto c) -> auto& { return c.producer->allow_auto_topic_creation; },
        "Whether a topic that does not exist may be created by writing to it, where the broker allows that."));
}

std::vector<Property> make_table() {
    std::vector<Property> all;
    add_cluster(all);
    add_fetch(all);
    add_group(all);
    add_producer(all);
    const ClientConfig defaults;
    const ConfigView view{&defaults.group, &defaults.producer};
    for (Property& property : all) property.info.default_value = property.show(view);
    return all;
}

const std::vector<Property>& table() {
    static const std::vector<Property> properties = make_table();
    return properties;
}

bool is_named(const PropertyInfo& info, std::string_view name) {
    if (info.name == name) return true;
    for (const auto alias : info.aliases) {
        if (alias == name) return true;
    }
    return false;
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

const Property& find(PropertyScopes scopes, std::string_view name) {
    std::vector<std::string_view> names;
    for (const Property& property : table()) {
        const bool in_scope = scopes.contains(property.info.scope);
        if (is_named(property.info, name)) {
            if (in_scope) return property;
            throw Error(errc::invalid_config, quoted(name) + " is a property of the " +
                                                  std::string(kwire::name(property.info.scope)) +
                                                  ", which has no part in this");
        }
        if (!in_scope) continue;
        names.push_back(property.info.name);
        names.insert(names.end(), property.info.aliases.begin(), property.info.aliases.end());
    }
    throw Error(errc::invalid_config, "there is no property " + quoted(name) + "; the nearest is " +
                                          quoted(nearest_name(name, names)));
}

[[noreturn]] void throw_broken(std::string_view name, std::string_view value,
                               const PropertyInfo& info) {
    throw Error(errc::invalid_config, std::string(name) + "=" + std::string(value) +
                                          " breaks its rule: it is to be " + info.rule);
}

void throw_pair(std::string_view name, const std::string& value, std::string_view rule) {
    throw Error(errc::invalid_config, std::string(name) + "=" + value +
                                          " breaks its rule: it is to be " + std::string(rule));
}

void validate_cluster(const ClusterConfig& cluster) {
    if (cluster.reconnect_backoff_max < cluster.reconnect_backoff) {
        throw_pair("reconnect.backoff.max.ms",
                   std::to_string(cluster.reconnect_backoff_max.count()),
                   "at least reconnect.backoff.ms (" +
                       std::to_string(cluster.reconnect_backoff.count()) + ")");
    }
}

void validate_fetch(const FetchConfig& fetch, const ClusterConfig& cluster) {
    if (fetch.buffer_bytes_max < fetch.partition_fetch_bytes_max) {
        throw_pair("queued.max.messages.kbytes", std::to_string(fetch.buffer_bytes_max / 1024),
                   "at least max.partition.fetch.bytes (" +
                       std::to_string(fetch.partition_fetch_bytes_max) + " bytes)");
    }
    if (fetch.message_bytes_max < fetch.partition_fetch_bytes_max) {
        throw_pair("message.max.bytes", std::to_string(fetch.message_bytes_max),
                   "at least max.partition.fetch.bytes (" +
                       std::to_string(fetch.partition_fetch_bytes_max) + ")");
    }
    if (cluster.frame_bytes_max < fetch.message_bytes_max) {
        throw_pair("receive.message.max.bytes", std::to_string(cluster.frame_bytes_max),
                   "at least message.max.bytes (" + std::to_string(fetch.message_bytes_max) + ")");
    }
    if (cluster.request_timeout <= fetch.fetch_wait_max) {
        throw_pair(
            "request.timeout.ms", std::to_string(cluster.request_timeout.count()),
            "more than fetch.max.wait.ms (" + std::to_string(fetch.fetch_wait_max.count()) + ")");
    }
}

}  // namespace

std::string_view name(PropertyScope scope) {
    switch (scope) {
        case PropertyScope::cluster:
            return "cluster";
        case PropertyScope::fetch:
            return "fetch";
        case PropertyScope::group:
            return "group";
        case PropertyScope::producer:
            return "producer";
    }
    return "?";
}

std::vector<PropertyInfo> property_list() {
    std::vector<PropertyInfo> list;
    for (const Property& property : table()) list.push_back(property.info);
    return list;
}

void set_property(ConfigTarget target, PropertyScopes scopes, std::string_view name,
                  std::string_view value) {
    const Property& property = find(scopes, name);
    if (!property.set(target, value)) throw_broken(name, value, property.info);
}

void validate_properties(ConfigView view, PropertyScopes scopes) {
    for (const Property& property : table()) {
        if (scopes.contains(property.info.scope) && !property.holds(view)) {
            throw_broken(property.info.name, property.show(view), property.info);
        }
    }
    validate_cluster(view.group->cluster);
    if (scopes.contains(PropertyScope::fetch)) {
        validate_fetch(view.group->fetch, view.group->cluster);
    }
}

void set_property(ClientConfig& config, PropertyScopes scopes, std::string_view name,
                  std::string_view value) {
    set_property(ConfigTarget{&config.group, &config.producer}, scopes, name, value);
}

void validate_properties(const ClientConfig& config, PropertyScopes scopes) {
    validate_properties(ConfigView{&config.group, &config.producer}, scopes);
}

}  // namespace kwire
