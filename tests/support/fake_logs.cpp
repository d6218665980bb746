#include "fake_logs.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/record_batch_builder.h>

namespace kwire::test {

FakeLogs::FakeLogs(FakeCluster& kafka) : kafka_(kafka) {
    kafka.versions[ApiKey::fetch] = {4, 11};  // topics by name
    kafka.on<protocol::FetchRequest>([this](const auto& request, const Exchange& exchange, int) {
        bool has_data = false;
        const auto response = answer(request, has_data);
        if (has_data) return exchange.reply(response);
        waiting_.push_back({exchange, request});
        kafka_.loop().runtime()->spawn(answer_later(this, kafka_.loop().runtime(), waiting_.back()));
    });
    kafka.on<protocol::ListOffsetsRequest>([this](const auto& request, const Exchange& exchange, int) {
        protocol::ListOffsetsResponse response;
        for (const auto& topic : request.topics) {
            auto& answered = response.topics.emplace_back();
            answered.name = topic.name;
            for (const auto& partition : topic.partitions) {
                auto& one = answered.partitions.emplace_back();
                one.partition_index = partition.partition_index;
                one.offset = partition.timestamp == -2 ? 0 : end({topic.name, partition.partition_index});
                if (exchange.version() == 0) one.old_style_offsets = {one.offset};
            }
        }
        exchange.reply(response);
    });
}

Task<void> FakeLogs::answer_later(FakeLogs* self, std::shared_ptr<Runtime> runtime, Waiting waiting) {
    Timer timer(*runtime);
    co_await timer.wait_for(std::chrono::milliseconds(waiting.request.max_wait_ms));
    if (waiting.exchange.settled()) co_return;
    bool has_data = false;
    waiting.exchange.reply(self->answer(waiting.request, has_data));
}

protocol::FetchResponse FakeLogs::answer(const protocol::FetchRequest& request, bool& has_data) const {
    protocol::FetchResponse response;
    for (const auto& topic : request.topics) {
        auto& answered = response.responses.emplace_back();
        answered.topic = topic.topic;
        for (const auto& partition : topic.partitions) {
            const TopicPartition tp{topic.topic, partition.partition};
            auto& one = answered.partitions.emplace_back();
            one.partition_index = partition.partition;
            one.high_watermark = end(tp);
            one.last_stable_offset = end(tp);
            one.log_start_offset = 0;
            if (partition.fetch_offset > end(tp)) {
                one.error_code = ErrorCode::offset_out_of_range;
                has_data = true;
            } else if (partition.fetch_offset < end(tp)) {
                one.records = Bytes::own(records(tp, partition.fetch_offset));
                has_data = true;
            }
        }
    }
    return response;
}

std::string FakeLogs::records(const TopicPartition& tp, std::int64_t from) const {
    Compressor compressor;
    RecordBatchOptions options;
    options.base_offset = from;
    RecordBatchBuilder builder(options);
    for (std::int64_t offset = from; offset < std::min(end(tp), from + 100); ++offset) {
        builder.append(offset, std::nullopt, tp.to_string() + '@' + std::to_string(offset));
    }
    return builder.build(compressor);
}

void FakeLogs::append(const TopicPartition& tp, int count) {
    ends_[tp] += count;
    answer_waiting();
}

std::int64_t FakeLogs::end(const TopicPartition& tp) const {
    const auto found = ends_.find(tp);
    return found == ends_.end() ? 0 : found->second;
}

void FakeLogs::answer_waiting() {
    std::erase_if(waiting_, [this](const Waiting& waiting) {
        if (waiting.exchange.settled()) return true;
        bool has_data = false;
        const auto response = answer(waiting.request, has_data);
        if (has_data) waiting.exchange.reply(response);
        return has_data;
    });
}

}  // namespace kwire::test
