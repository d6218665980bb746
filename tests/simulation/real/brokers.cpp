#include "brokers.h"

#include <utility>

#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>

namespace kwire::seeds {
namespace {

using namespace std::chrono_literals;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

}  // namespace

Brokers::Brokers(test::VirtualLoop& loop, Random& random, Committed committed)
    : random_(random), committed_(std::move(committed)), cluster_(loop), logs_(cluster_) {
    cluster_.add_brokers(2);
    cluster_.versions[ApiKey::offset_commit] = {2, static_cast<std::int16_t>(2 + random_.choose(8))};
    cluster_.versions[ApiKey::offset_fetch] = {1, static_cast<std::int16_t>(1 + random_.choose(9))};
    cluster_.on_any = [this](const test::Exchange& exchange, std::int32_t) {
        if (random_.chance(failing_)) {
            exchange.fail_with(test::all_faults[random_.choose(std::size(test::all_faults))]);
        } else if (random_.chance(late_)) {
            exchange.delay(random_.delay(3s));
        }
    };
    cluster_.on<OffsetFetchRequest>([this](const auto&, const test::Exchange& exchange, int) { answer_fetch(exchange); });
    cluster_.on<OffsetCommitRequest>([this](const auto&, const test::Exchange& exchange, int) { answer_commit(exchange); });
}

void Brokers::create_topic(const std::string& topic, int partitions) { cluster_.create_topic(topic, partitions); }

std::string Brokers::name_of(const std::string& name, const Uuid& id) const {
    return name.empty() ? cluster_.topic_of(id) : name;
}

void Brokers::answer_fetch(const test::Exchange& exchange) const {
    const auto request = exchange.request<OffsetFetchRequest>();
    OffsetFetchResponse response;
    const auto fill = [&](const auto& asked, auto& answered) {
        for (const auto& topic : asked) {
            auto& one = answered.emplace_back();
            one.name = topic.name;
            std::string name = topic.name;
            if constexpr (requires { topic.topic_id; }) {
                one.topic_id = topic.topic_id;
                name = name_of(topic.name, topic.topic_id);
            }
            for (const auto index : topic.partition_indexes) {
                auto& partition = one.partitions.emplace_back();
                partition.partition_index = index;
                const auto found = stored_.find({name, index});
                partition.committed_offset = found == stored_.end() ? -1 : found->second;
                if (exchange.version() < 2) partition.error_code = refusal();
                if (partition.error_code != ErrorCode::none) partition.committed_offset = -1;
            }
        }
    };
    if (exchange.version() < 8) {
        response.error_code = refusal();
        if (exchange.version() < 2 || refusal() == ErrorCode::none) fill(*request.topics, response.topics);
        return exchange.reply(response);
    }
    for (const auto& asked : request.groups) {
        auto& group = response.groups.emplace_back();
        group.group_id = asked.group_id;
        group.error_code = refusal();
        if (group.error_code == ErrorCode::none && asked.topics) fill(*asked.topics, group.topics);
    }
    exchange.reply(response);
}

void Brokers::answer_commit(const test::Exchange& exchange) {
    const auto request = exchange.request<OffsetCommitRequest>();
    OffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& answered = response.topics.emplace_back();
        answered.name = topic.name;
        answered.topic_id = topic.topic_id;
        for (const auto& partition : topic.partitions) {
            answered.partitions.push_back({partition.partition_index, refusal()});
            if (refusal() != ErrorCode::none) continue;
            const TopicPartition tp{name_of(topic.name, topic.topic_id), partition.partition_index};
            stored_[tp] = partition.committed_offset;
            committed_(exchange.client_id(), tp, partition.committed_offset, false);
        }
    }
    exchange.reply(response);
}

int Brokers::partitions(const std::string& topic) const {
    int count = 0;
    for (const auto& [tp, end] : logs_.ends()) count += tp.topic == topic;
    return count;
}

}  // namespace kwire::seeds
