#include "hostile_world.h"

#include <algorithm>
#include <deque>

#include <kwire/protocol/frame.h>
#include <kwire/protocol/messages.h>

namespace kwire::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t tries_a_second = 20;
// Partitions that are just begun are asked for in short steps, on a connection of their own, and what comes is fetched as
// it comes; what is spoiled brings the rest of its answer.
constexpr std::size_t sane_fetches_a_second = 60;
constexpr std::size_t spoiled_fetches_a_second = 2 * tries_a_second;
constexpr std::size_t allowed_bytes = (std::size_t{1} << 20) + (std::size_t{40} << 20);

// Answers of these concern the broker that gives them; those of others the whole cluster.
bool is_of_one_broker(ApiKey api) {
    switch (api) {
        case ApiKey::api_versions:
        case ApiKey::fetch:
        case ApiKey::produce:
        case ApiKey::list_offsets:
        case ApiKey::offset_for_leader_epoch:
            return true;
        default:
            return false;
    }
}

}  // namespace

HostileWorld::HostileWorld(const Case& its_case)
    : played(its_case), logs(kafka, [this](const Uuid& id) { return kafka.topic_of(id); }) {
    kafka.add_brokers(2);
    kafka.create_topic("bad", 1);
    kafka.create_topic("good", 2);
    spared_ = {{"good"}, {2}, {kafka.id_of("good")}};
    auto& offered = kafka.versions[played.api];
    offered.highest = std::min(offered.highest, played.version);
    kafka.on_any = [this](const Exchange& exchange, std::int32_t broker) {
        const bool spoiled = in_trouble_ && spoil(exchange, broker);
        asked_.push_back({loop.now(), exchange.api(), broker, spoiled});
    };
    ClusterConfig config = kafka.config();
    config.request_timeout = 5s;
    config.connect_timeout = 5s;
    cluster = Cluster::create(loop.runtime(), config);
}

HostileWorld::~HostileWorld() {
    cluster->close();
    kafka.on_any = nullptr;
    loop.advance(2s);
}

void HostileWorld::step() {
    loop.advance(step_length);
    for (const char* host : {"b1", "b2"}) {
        auto& counts = connects_[host];
        counts.push_back(kafka.network().connects({host, 9092}));
        if (counts.size() < 3) continue;
        const auto more = counts.back() - counts.front();
        if (more > tries_a_second) object("not calm: " + std::to_string(more) + " connections in a second");
        counts.pop_front();
    }
}

void HostileWorld::begin_trouble() {
    in_trouble_ = true;
}

void HostileWorld::end_trouble() {
    in_trouble_ = false;
    // What a connection was told it speaks it believes as long as it lives.
    if (played.api == ApiKey::api_versions) {
        for (const std::int32_t id : {1, 2}) kafka.server(id).break_connections();
    }
    kafka.move_leader({"bad", 0}, 1);
}

bool HostileWorld::spoil(const Exchange& exchange, std::int32_t broker) {
    if (exchange.api() != played.api || (broker != 1 && is_of_one_broker(played.api))) return false;
    const Trouble& trouble = played.trouble;
    if (!trouble.mutation) was_spoiled_ = true;
    if (trouble.fault) exchange.fail_with(*trouble.fault);
    if (trouble.delay > Duration{}) exchange.delay(trouble.delay);
    if (trouble.mutation) {
        const std::int16_t version = exchange.version();
        exchange.rewrite_with([this, version](std::string frame) { return rewritten(version, std::move(frame)); });
    }
    return true;
}

std::string HostileWorld::rewritten(std::int16_t version, std::string frame) {
    const protocol::Schema& schema = *protocol::response_schema(played.api);
    protocol::ResponseFrame sane;
    const Bytes bytes = Bytes::own(frame.substr(4));
    const auto message = schema.make();
    if (protocol::decode_response_header(bytes, protocol::response_header_version(played.api, version), sane) ||
        protocol::decode(schema, message.get(), version, sane.body)) {
        return frame;
    }
    const auto wrong = mutated(schema, message.get(), version, *played.trouble.mutation, spared_);
    std::string out;
    if (!wrong || protocol::encode_response(schema, wrong.get(), version, sane.header.correlation_id, out)) return frame;
    was_spoiled_ = true;
    return played.trouble.mutation->kind == Mutation::Kind::megabyte ? with_megabyte(std::move(out)) : out;
}

std::string HostileWorld::value_of(const TopicPartition& tp, std::int64_t offset) {
    return tp.to_string() + ':' + std::to_string(offset);
}

void HostileWorld::write(const TopicPartition& tp) {
    const std::int64_t offset = logs.of(tp).end;
    RecordBatchOptions options;
    options.base_offset = offset;
    options.partition_leader_epoch = 0;
    RecordBatchBuilder builder(options);
    builder.append(1'000, {}, value_of(tp, offset));
    logs.append_bytes(tp, offset, builder.build(compressor_));
}

void HostileWorld::tell(const Error& error) {
    if (std::string(error.what()).empty()) object("an error without words");
    told_.push_back({loop.now(), error});
}

bool HostileWorld::was_told(TimePoint since, const std::string& topic) const {
    return std::any_of(told_.begin(), told_.end(), [&](const Told& told) {
        const std::string& about = told.error.where().topic;
        return told.when >= since && (about.empty() || about == topic);
    });
}

bool HostileWorld::said_it_is_over(const std::string& topic) const {
    return std::any_of(told_.begin(), told_.end(), [&](const Told& told) {
        const errc condition = told.error.condition();
        return told.error.where().topic == topic && (condition == errc::corrupt_batch ||
               condition == errc::message_too_large || condition == errc::offset_out_of_range);
    });
}

bool HostileWorld::named_the_refusal() const {
    const auto& mutation = played.trouble.mutation;
    if (!mutation || !mutation->is_refusal()) return true;
    const auto code = static_cast<ErrorCode>(mutation->value);
    // Of ApiVersions this code says that the rest is to be read in version 0, which it is not here.
    if (played.api == ApiKey::api_versions && code == ErrorCode::unsupported_version) return true;
    return std::any_of(told_.begin(), told_.end(), [&](const Told& told) {
        const bool in_words = code == ErrorCode::leader_not_available && told.error.condition() == errc::no_leader;
        return in_words || told.error.broker_code() == code ||
               std::string(told.error.what()).find(to_string(code)) != std::string::npos;
    });
}

void HostileWorld::object(const std::string& sentence) {
    if (std::find(objections_.begin(), objections_.end(), sentence) == objections_.end()) objections_.push_back(sentence);
}

void HostileWorld::judge_calm() {
    using Kind = std::tuple<ApiKey, std::int32_t, bool>;
    std::map<Kind, std::deque<TimePoint>> recent;
    std::map<Kind, std::size_t> most;
    for (const Asked& asked : asked_) {
        const Kind kind{asked.api, asked.broker, asked.spoiled};
        auto& window = recent[kind];
        window.push_back(asked.when);
        while (asked.when - window.front() >= 1s) window.pop_front();
        most[kind] = std::max(most[kind], window.size());
    }
    for (const auto& [kind, count] : most) {
        const auto& [api, broker, spoiled] = kind;
        const std::size_t fetches_max = spoiled ? spoiled_fetches_a_second : sane_fetches_a_second;
        if (count <= (api == ApiKey::fetch ? fetches_max : tries_a_second)) continue;
        object("not calm: broker " + std::to_string(broker) + " was sent " + std::to_string(count) + ' ' +
               to_string(api) + " in a second");
    }
}

std::string HostileWorld::verdict() {
    judge_calm();
    if (peak_bytes() > allowed_bytes) object("too large: " + std::to_string(peak_bytes() >> 20) + " MB");
    std::string all;
    for (const std::string& sentence : objections_) all += sentence + '\n';
    return all;
}

}  // namespace kwire::test
