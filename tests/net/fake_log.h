// The logs of a FakeCluster's partitions: answers Fetch, ListOffsets and OffsetForLeaderEpoch from batches that tests
// append, and holds a Fetch that has nothing to give until something comes or its max_wait is over, as brokers do.
//
// Threads: those of the VirtualLoop, that is one.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kwire/protocol/fetch.h>
#include <kwire/protocol/list_offsets.h>
#include <kwire/protocol/offset_for_leader_epoch.h>
#include <kwire/protocol/record_batch_builder.h>

#include "fake_cluster.h"

namespace kwire::test {

class FakeLogs {
 public:
    using Fetch = protocol::FetchRequest;
    using Fetched = protocol::FetchResponse;

    struct Log {
        struct Entry {
            std::int64_t base = 0;
            std::int64_t last = 0;
            std::string bytes;
        };
        std::int64_t start = 0;
        std::int64_t end = 0;
        std::vector<Entry> entries;
        ErrorCode error = ErrorCode::none;  // answered to every Fetch
        std::vector<Fetched::AbortedTransaction> aborted;
        std::int64_t epoch_end = -1;  // what OffsetForLeaderEpoch says; -1: the log's end
    };

    /// names gives the name of a topic id.
    FakeLogs(FakeCluster& kafka, std::function<std::string(const Uuid&)> names)
        : kafka_(kafka), names_(std::move(names)) {
        kafka_.on<Fetch>([this](const Fetch& request, const Exchange& exchange, std::int32_t broker) {
            requests.push_back(request);
            if (on_fetch) on_fetch(exchange);
            if (exchange.settled()) return;
            if (answer(request, exchange, broker, false)) return;
            held_.push_back({request, exchange, broker});
            kafka_.loop().start(give_up(this, exchange, request.max_wait_ms));
        });
        kafka_.on<protocol::ListOffsetsRequest>(
            [this](const protocol::ListOffsetsRequest& request, const Exchange& exchange, std::int32_t) {
                exchange.reply(list(request, exchange.version()));
            });
        kafka_.on<protocol::OffsetForLeaderEpochRequest>(
            [this](const protocol::OffsetForLeaderEpochRequest& request, const Exchange& exchange, std::int32_t) {
                exchange.reply(epoch_ends(request));
            });
    }

    Log& of(const TopicPartition& tp) { return logs_[tp]; }

    void append(const TopicPartition& tp, int count, RecordBatchOptions options = {}) {
        Log& log = of(tp);
        options.base_offset = log.end;
        RecordBatchBuilder builder(options);
        for (int i = 0; i < count; ++i) builder.append(1'000, {}, "v" + std::to_string(log.end + i));
        append_bytes(tp, log.end + count - 1, builder.build(compressor_));
    }
    void append_bytes(const TopicPartition& tp, std::int64_t last, std::string bytes) {
        Log& log = of(tp);
        log.entries.push_back({log.end, last, std::move(bytes)});
        log.end = last + 1;
        wake();
    }
    /// Answers what is held if it can be answered now.
    void wake() {
        auto held = std::move(held_);
        held_.clear();
        for (auto& one : held) {
            if (!one.exchange.settled() && !answer(one.request, one.exchange, one.broker, false)) held_.push_back(one);
        }
    }

    std::vector<Fetch> requests;
    std::function<void(const Exchange&)> on_fetch;

 private:
    struct Held {
        Fetch request;
        Exchange exchange;
        std::int32_t broker;
    };

    static Task<void> give_up(FakeLogs* self, Exchange exchange, std::int32_t wait_ms) {
        Timer timer(*self->kafka_.loop().runtime());
        co_await timer.wait_for(std::chrono::milliseconds(wait_ms));
        for (std::size_t i = 0; i < self->held_.size(); ++i) {
            Held& one = self->held_[i];
            if (one.exchange.settled() || one.exchange.connection() != exchange.connection() ||
                one.request.topics.empty()) {
                continue;
            }
            if (!exchange.settled()) {
                const Held taken = one;
                self->held_.erase(self->held_.begin() + static_cast<std::ptrdiff_t>(i));
                self->answer(taken.request, exchange, taken.broker, true);
                break;
            }
        }
    }

    bool answer(const Fetch& request, const Exchange& exchange, std::int32_t broker, bool anyhow) {
        Fetched response;
        bool has_something = anyhow;
        for (const auto& topic : request.topics) {
            Fetched::Topic& out = response.responses.emplace_back();
            out.topic = topic.topic;
            out.topic_id = topic.topic_id;
            const std::string name = topic.topic.empty() ? names_(topic.topic_id) : topic.topic;
            for (const auto& asked : topic.partitions) {
                out.partitions.push_back(read({name, asked.partition}, asked, broker, exchange.version()));
                const auto& got = out.partitions.back();
                if (got.error_code != ErrorCode::none || (got.records && !got.records->empty())) has_something = true;
            }
        }
        if (has_something) exchange.reply(response);
        return has_something;
    }

    Fetched::Partition read(const TopicPartition& tp, const Fetch::Partition& asked, std::int32_t broker,
                            std::int16_t version) {
        Log& log = of(tp);
        Fetched::Partition out;
        out.partition_index = tp.partition;
        out.high_watermark = log.end;
        out.records = Bytes{};
        out.error_code = log.error;
        if (kafka_.leader(tp) != broker) out.error_code = ErrorCode::not_leader_or_follower;
        if (out.error_code != ErrorCode::none) return out;
        if (asked.fetch_offset < log.start || asked.fetch_offset > log.end) {
            out.error_code = ErrorCode::offset_out_of_range;
            return out;
        }
        if (version >= 4) out.aborted_transactions = log.aborted;
        const auto limit = static_cast<std::size_t>(asked.partition_max_bytes);
        std::string bytes;
        for (const auto& entry : log.entries) {
            if (entry.last < asked.fetch_offset) continue;
            if (version >= 3 && !bytes.empty() && bytes.size() + entry.bytes.size() > limit) break;
            bytes += entry.bytes;
            if (bytes.size() >= limit) break;
        }
        if (version < 3 && bytes.size() > limit) bytes.resize(limit);
        out.records = Bytes::own(std::move(bytes));
        return out;
    }

    protocol::ListOffsetsResponse list(const protocol::ListOffsetsRequest& request, std::int16_t version) {
        protocol::ListOffsetsResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& asked : topic.partitions) {
                const Log& log = of({topic.name, asked.partition_index});
                auto& answer = out.partitions.emplace_back();
                answer.partition_index = asked.partition_index;
                const std::int64_t offset = asked.timestamp == -2 ? log.start : log.end;
                if (version == 0) {
                    answer.old_style_offsets.push_back(offset);
                } else {
                    answer.offset = offset;
                }
            }
        }
        return response;
    }

    protocol::OffsetForLeaderEpochResponse epoch_ends(const protocol::OffsetForLeaderEpochRequest& request) {
        protocol::OffsetForLeaderEpochResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.topic = topic.topic;
            for (const auto& asked : topic.partitions) {
                const Log& log = of({topic.topic, asked.partition});
                auto& answer = out.partitions.emplace_back();
                answer.partition = asked.partition;
                answer.leader_epoch = asked.leader_epoch;
                answer.end_offset = log.epoch_end >= 0 ? log.epoch_end : log.end;
            }
        }
        return response;
    }

    FakeCluster& kafka_;
    std::function<std::string(const Uuid&)> names_;
    std::map<TopicPartition, Log> logs_;
    std::vector<Held> held_;
    Compressor compressor_;
};

}  // namespace kwire::test
