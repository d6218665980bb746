// The logs of a FakeCluster's partitions: answers Fetch, ListOffsets and OffsetForLeaderEpoch from batches that tests
// append, and holds a Fetch that has nothing to give until something comes or its max_wait is over, as brokers do.
// It keeps fetch sessions (KIP-227) for who asks for them, and is strict about their epochs and those of leaders (KIP-320).
// Only leaders answer, but for a Fetch where `replica` is set (KIP-392).
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

    explicit FakeLogs(FakeCluster& kafka) : FakeLogs(kafka, [&kafka](const Uuid& id) { return kafka.topic_of(id); }) {}
    /// names gives the name of a topic id.
    FakeLogs(FakeCluster& kafka, std::function<std::string(const Uuid&)> names)
        : kafka_(kafka), names_(std::move(names)) {
        kafka_.on<Fetch>([this](const Fetch& request, const Exchange& exchange, std::int32_t broker) {
            requests.push_back(request);
            ++fetch_requests[broker];
            if (on_fetch) on_fetch(exchange);
            if (exchange.settled()) return;
            Held held{request, exchange, broker, nullptr, ++held_count_};
            if (exchange.version() >= 7 && !enter_session(held)) return;
            if (answer(held, false)) return;
            held_.push_back(held);
            kafka_.loop().start(give_up(this, held.number, request.max_wait_ms));
        });
        kafka_.on<protocol::ListOffsetsRequest>(
            [this](const protocol::ListOffsetsRequest& request, const Exchange& exchange, std::int32_t broker) {
                ++list_requests;
                exchange.reply(list(request, exchange.version(), broker));
            });
        kafka_.on<protocol::OffsetForLeaderEpochRequest>(
            [this](const protocol::OffsetForLeaderEpochRequest& request, const Exchange& exchange, std::int32_t broker) {
                ++epoch_requests[broker];
                exchange.reply(epoch_ends(request, broker));
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
            if (!one.exchange.settled() && !answer(one, false)) held_.push_back(one);
        }
    }

    /// As where the topic is deleted and made anew.
    void reset(const TopicPartition& tp) { logs_[tp] = {}; }

    /// Sessions that exist are unknown from now on, as after a restart.
    void forget_sessions() { sessions_.clear(); }

    std::vector<Fetch> requests;
    int list_requests = 0;
    std::map<std::int32_t, int> fetch_requests;  // by broker
    std::map<std::int32_t, int> epoch_requests;
    std::int32_t replica = -1;        // whom leaders send their readers to, and who answers them
    bool replica_serves = true;       // else it refuses
    std::function<void(Fetched&)> change;  // of each answer, before it is sent
    bool offers_sessions = true;
    std::function<void(const Exchange&)> on_fetch;

 private:
    struct Session {
        std::int32_t id = 0;
        std::int32_t next_epoch = 1;
        std::vector<Fetch::Topic> topics;
        std::map<TopicPartition, std::int64_t> told;  // the log's end as the answers said
    };
    struct Held {
        Fetch request;  // with all that the session adds to it
        Exchange exchange;
        std::int32_t broker;
        std::shared_ptr<Session> session;
        std::uint64_t number;
    };

    /// False: the request was refused.
    bool enter_session(Held& held) {
        Fetch& request = held.request;
        if (request.session_epoch == 0) sessions_.erase(request.session_id);
        if (request.session_epoch < 0 || (request.session_epoch == 0 && !offers_sessions)) return true;
        if (request.session_epoch == 0) {
            held.session = std::make_shared<Session>();
            held.session->id = ++session_count_;
            held.session->topics = request.topics;
            sessions_[held.session->id] = held.session;
            return true;
        }
        const auto found = sessions_.find(request.session_id);
        Fetched refusal;
        if (found == sessions_.end()) {
            refusal.error_code = ErrorCode::fetch_session_id_not_found;
        } else if (found->second->next_epoch != request.session_epoch) {
            refusal.error_code = ErrorCode::invalid_fetch_session_epoch;
        } else {
            held.session = found->second;
            ++held.session->next_epoch;
            update(*held.session, request);
            request.topics = held.session->topics;
            return true;
        }
        held.exchange.reply(refusal);
        return false;
    }

    static void update(Session& session, const Fetch& request) {
        const auto place_of = [&](const auto& topic) {
            return std::find_if(session.topics.begin(), session.topics.end(), [&](const Fetch::Topic& known) {
                return known.topic == topic.topic && known.topic_id == topic.topic_id;
            });
        };
        const auto drop = [](Fetch::Topic& topic, std::int32_t index) {
            return std::erase_if(topic.partitions, [&](const auto& known) { return known.partition == index; });
        };
        for (const auto& topic : request.forgotten_topics_data) {
            const auto known = place_of(topic);
            if (known == session.topics.end()) continue;
            for (const std::int32_t index : topic.partitions) drop(*known, index);
            if (known->partitions.empty()) session.topics.erase(known);
        }
        for (const auto& topic : request.topics) {
            auto known = place_of(topic);
            if (known == session.topics.end()) {
                session.topics.push_back({topic.topic, topic.topic_id, {}});
                known = std::prev(session.topics.end());
            }
            for (const auto& asked : topic.partitions) {
                drop(*known, asked.partition);
                known->partitions.push_back(asked);
            }
        }
    }

    static Task<void> give_up(FakeLogs* self, std::uint64_t number, std::int32_t wait_ms) {
        Timer timer(*self->kafka_.loop().runtime());
        co_await timer.wait_for(std::chrono::milliseconds(wait_ms));
        const auto found = std::find_if(self->held_.begin(), self->held_.end(),
                                        [&](const Held& held) { return held.number == number; });
        if (found == self->held_.end()) co_return;
        const Held taken = *found;
        self->held_.erase(found);
        if (!taken.exchange.settled()) self->answer(taken, true);
    }

    bool answer(const Held& held, bool anyhow) {
        Fetched response;
        bool has_something = anyhow;
        if (held.session) response.session_id = held.session->id;
        const bool only_news = held.session && held.request.session_epoch > 0;
        std::map<TopicPartition, std::int64_t> told;
        for (const auto& topic : held.request.topics) {
            Fetched::Topic out;
            out.topic = topic.topic;
            out.topic_id = topic.topic_id;
            const std::string name = topic.topic.empty() ? names_(topic.topic_id) : topic.topic;
            for (const auto& asked : topic.partitions) {
                const TopicPartition tp{name, asked.partition};
                auto got = read(tp, asked, held.broker, held.exchange.version());
                const bool has_more = got.preferred_read_replica >= 0 || got.error_code != ErrorCode::none || (got.records && !got.records->empty());
                if (has_more) has_something = true;
                if (only_news && !has_more && held.session->told[tp] == got.high_watermark) continue;
                told[tp] = got.high_watermark;
                out.partitions.push_back(std::move(got));
            }
            if (!only_news || !out.partitions.empty()) response.responses.push_back(std::move(out));
        }
        if (!has_something) return false;
        if (held.session) {
            for (const auto& [tp, end] : told) held.session->told[tp] = end;
        }
        if (change) change(response);
        held.exchange.reply(response);
        return true;
    }

    /// What a broker says to who asks it of tp under that leader epoch.
    ErrorCode refusal(const TopicPartition& tp, std::int32_t epoch, std::int32_t broker) const {
        if (!kafka_.has_topic(tp.topic)) return ErrorCode::unknown_topic_or_partition;
        if (kafka_.leader(tp) != broker) return ErrorCode::not_leader_or_follower;
        if (epoch < 0 || epoch == kafka_.leader_epoch(tp)) return ErrorCode::none;
        return epoch < kafka_.leader_epoch(tp) ? ErrorCode::fenced_leader_epoch : ErrorCode::unknown_leader_epoch;
    }

    Fetched::Partition read(const TopicPartition& tp, const Fetch::Partition& asked, std::int32_t broker,
                            std::int16_t version) {
        Fetched::Partition out;
        out.partition_index = tp.partition;
        if (tp.topic.empty()) {
            out.error_code = ErrorCode::unknown_topic_id;
            return out;
        }
        Log& log = of(tp);
        out.high_watermark = log.end;
        out.records = Bytes{};
        out.error_code = log.error;
        const bool by_replica = broker == replica && kafka_.has_topic(tp.topic) && kafka_.leader(tp) != broker;
        if (by_replica) {
            if (!replica_serves) out.error_code = ErrorCode::not_leader_or_follower;
            if (asked.current_leader_epoch >= 0 && asked.current_leader_epoch < kafka_.leader_epoch(tp)) {
                out.error_code = ErrorCode::fenced_leader_epoch;
            }
        } else if (out.error_code == ErrorCode::none) {
            out.error_code = refusal(tp, asked.current_leader_epoch, broker);
        }
        if (out.error_code != ErrorCode::none) return out;
        if (!by_replica && replica >= 0 && replica != broker) {
            out.preferred_read_replica = replica;
            return out;
        }
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

    protocol::ListOffsetsResponse list(const protocol::ListOffsetsRequest& request, std::int16_t version,
                                       std::int32_t broker) {
        protocol::ListOffsetsResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& asked : topic.partitions) {
                const Log& log = of({topic.name, asked.partition_index});
                auto& answer = out.partitions.emplace_back();
                answer.partition_index = asked.partition_index;
                answer.error_code = refusal({topic.name, asked.partition_index}, asked.current_leader_epoch, broker);
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

    protocol::OffsetForLeaderEpochResponse epoch_ends(const protocol::OffsetForLeaderEpochRequest& request,
                                                       std::int32_t broker) {
        protocol::OffsetForLeaderEpochResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.topic = topic.topic;
            for (const auto& asked : topic.partitions) {
                const Log& log = of({topic.topic, asked.partition});
                auto& answer = out.partitions.emplace_back();
                answer.partition = asked.partition;
                answer.leader_epoch = asked.leader_epoch;
                answer.error_code = refusal({topic.topic, asked.partition}, asked.current_leader_epoch, broker);
                answer.end_offset = log.epoch_end >= 0 ? log.epoch_end : log.end;
            }
        }
        return response;
    }

    FakeCluster& kafka_;
    std::function<std::string(const Uuid&)> names_;
    std::map<TopicPartition, Log> logs_;
    std::vector<Held> held_;
    std::uint64_t held_count_ = 0;
    std::map<std::int32_t, std::shared_ptr<Session>> sessions_;
    std::int32_t session_count_ = 0;
    Compressor compressor_;
};

}  // namespace kwire::test
