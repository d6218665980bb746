#include "fetch_answer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "connecting/leader_errors.h"

namespace kwire {

using protocol::FetchResponse;

bool FetchAnswerReader::take(FetchResponse response, std::int64_t reserved) {
    refusal_.reset();
    any_records_ = any_trouble_ = false;
    deliveries_.clear();
    departed_.clear();
    answered_at_ = now();
    std::int64_t bytes = 0;
    for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partitions) {
            if (partition.records) bytes += static_cast<std::int64_t>(partition.records->size());
        }
    }
    // From here on the frame counts with what it brought instead of what it might have brought.
    auto share = std::make_shared<FrameShare>(context_.budget(), reserved);
    share->settle(bytes);
    switch (session_.take(response)) {
        case FetchSession::Outcome::good:
            break;
        case FetchSession::Outcome::renewed:
            any_trouble_ = true;
            return true;
        case FetchSession::Outcome::refused:
            refusal_ = Error(response.error_code, "the broker refuses to fetch", {.api = "Fetch"});
            return false;
    }
    take_topics(response, share);
    // A broker that throttles its client (KIP-219) answers with nothing at all.
    const bool throttled = response.throttle_time_ms > 0 && response.responses.empty();
    if (!throttled) {
        session_.for_each_missing([this](const Partition& partition) {
            if (!partition->over()) fail_answer(partition, "the broker's answer leaves the partition out");
        });
    }
    return true;
}

void FetchAnswerReader::take_topics(FetchResponse& response, const std::shared_ptr<FrameShare>& share) {
    for (auto& topic : response.responses) {
        FetchSession::Topic* asked = session_.find(topic.topic, topic.topic_id);
        if (asked == nullptr) {
            note_foreign(topic.topic, topic.partitions.empty() ? -1 : topic.partitions.front().partition_index);
            continue;
        }
        for (auto& answer : topic.partitions) {
            bool repeated = false;
            const auto* partition = session_.answered(*asked, answer.partition_index, repeated);
            if (partition == nullptr) {
                note_foreign(asked->name, answer.partition_index);
            } else if (repeated) {
                if (!(*partition)->over()) fail_answer(*partition, "the broker's answer has the partition twice");
            } else {
                take_partition(*partition, answer, share);
            }
        }
    }
}

void FetchAnswerReader::note_foreign(const std::string& topic, std::int32_t partition) {
    if (std::exchange(foreign_reported_, true)) return;
    constexpr std::size_t topic_name_max = 249;
    context_.report(Error(errc::bad_answer,
                          "broker " + std::to_string(broker_) +
                              " answers with a partition that was not asked for; that part is left out",
                          {.api = "Fetch", .topic = topic.substr(0, topic_name_max), .partition = std::max(partition, -1)}));
}

void FetchAnswerReader::take_partition(const Partition& partition, Answer& answer,
                                       const std::shared_ptr<FrameShare>& share) {
    if (partition->over()) return;
    if (answer.error_code != ErrorCode::none) return take_error(partition, answer.error_code);
    const bool committed_only = context_.config().isolation == IsolationLevel::read_committed;
    partition->log_end.store(
        committed_only && answer.last_stable_offset >= 0 ? answer.last_stable_offset : answer.high_watermark,
        std::memory_order_relaxed);
    partition->high_watermark.store(answer.high_watermark, std::memory_order_relaxed);
    const std::int32_t replica = answer.preferred_read_replica;
    if (replica >= 0 && replica != broker_ && partition->where.state() == Whereabouts::State::at_leader) {
        return take_preferred(partition, replica);  // KIP-392; such an answer has no records
    }
    if (answer.records && !answer.records->empty()) return take_records(partition, answer, share);
    partition->where.answered();
    partition->read_well(answered_at_);
}

// ---- records

FetchAnswerReader::Headers FetchAnswerReader::walk(const FetchPartition& partition, const Answer& answer) const {
    Headers headers;
    headers.next_offset = partition.fetch_offset;
    RecordBatchCursor batches(*answer.records);
    RecordBatch batch;
    while (batches.next(batch)) {
        const std::int64_t end = batch.next_offset();
        if (end > headers.next_offset) [[likely]] {
            headers.next_offset = end;
        } else if (headers.next_offset > partition.fetch_offset) {
            headers.goes_back_to = batch.base_offset;
        } else {
            headers.older_end = std::max(headers.older_end, end);
        }
        headers.epoch = batch.partition_leader_epoch;
    }
    headers.cut_bytes = batches.truncated_bytes();
    headers.needed_bytes = batches.needed_bytes();
    headers.broken = batches.error().has_value();
    return headers;
}

void FetchAnswerReader::take_records(const Partition& partition, Answer& answer,
                                     const std::shared_ptr<FrameShare>& share) {
    const Headers headers = walk(*partition, answer);
    if (!headers.broken && headers.next_offset == partition->fetch_offset) {
        return take_nothing_new(partition, headers, answer.records->size());
    }
    if (headers.goes_back_to) [[unlikely]] note_going_back(*partition, headers);
    partition->bytes_max = context_.config().partition_fetch_bytes_max;
    FetchedChunk chunk;
    chunk.records = FrameShare::hold(share, *answer.records);
    if (context_.config().isolation == IsolationLevel::read_committed && answer.aborted_transactions) {
        for (const auto& aborted : *answer.aborted_transactions) {
            chunk.aborted.push_back({aborted.producer_id, aborted.first_offset});
        }
    }
    chunk.position = partition->fetch_offset;
    chunk.next_offset = headers.next_offset;
    chunk.high_watermark = answer.high_watermark;
    partition->waiting_bytes.fetch_add(static_cast<std::int64_t>(chunk.records.size()),
                                       std::memory_order_relaxed);
    partition->fetch_offset = headers.next_offset;
    partition->just_fed = true;
    partition->where.read(headers.epoch);
    partition->read_well(answered_at_);
    any_records_ = true;
    deliveries_.push_back({partition, std::move(chunk)});
    // A header that cannot be right stops the partition; its reader says so when it has come so far.
    if (headers.broken) {
        partition->where.stop();
        departed_.push_back(partition);
    }
}

/// Offsets that were passed already are not handed out again, but not in silence either.
void FetchAnswerReader::note_going_back(FetchPartition& partition, const Headers& headers) {
    if (std::exchange(partition.goes_back, true)) return;
    ErrorWhere where = partition.place("Fetch");
    where.offset = *headers.goes_back_to;
    context_.report(Error(errc::bad_answer,
                          "offsets go back in the broker's answer, to here; messages below " +
                              std::to_string(headers.next_offset) + " that come again are passed over",
                          where));
}

/// There are bytes, but none of a whole batch that is wanted.
void FetchAnswerReader::take_nothing_new(const Partition& partition, const Headers& headers, std::size_t bytes) {
    const std::int64_t most = context_.config().message_bytes_max;
    const auto needed = static_cast<std::int64_t>(headers.needed_bytes);
    // Less than its limit where a request has none of its own.
    const std::int32_t asked = partition->member != nullptr ? partition->member->asked.partition_max_bytes
                                                            : partition->bytes_max;
    const std::string asked_for = std::to_string(asked) + " bytes were asked for";
    if (headers.cut_bytes == 0) {
        return fail_answer(partition, "the broker answers with records before this offset only, up to " +
                                          std::to_string(headers.older_end - 1));
    }
    if (needed > most) {
        return stop(partition, Error(errc::message_too_large,
                                     "message_bytes_max allows " + std::to_string(most) + " bytes and the message has " +
                                         std::to_string(needed) + "; reading of the partition stops here",
                                     partition->place("Fetch")));
    }
    const bool known = needed > 0;
    if (asked < (known ? needed : most)) {
        const std::int64_t doubled = 2 * static_cast<std::int64_t>(partition->bytes_max);
        partition->bytes_max = static_cast<std::int32_t>(std::min(most, std::max(doubled, needed)));
        any_trouble_ = true;
        return;
    }
    fail_answer(partition, known ? "the broker's answer ends within a batch of " + std::to_string(needed) +
                                       " bytes, though " + asked_for
                                 : "the broker's answer has " + std::to_string(bytes) +
                                       " bytes, too few for a record batch, though " + asked_for);
}

// ---- other answers

void FetchAnswerReader::take_preferred(const Partition& partition, std::int32_t replica) {
    const TimePoint until = later(now(), context_.follower_lease());
    any_trouble_ = true;
    departed_.push_back(partition);
    if (partition->where.prefer(replica, *context_.view(), partition->tp(), until, now())) return;
    context_.note_trouble(*partition, Error(errc::bad_answer,
                                            "the leader, broker " + std::to_string(broker_) + ", sends us to read from broker " +
                                                std::to_string(replica) + ", which is none of the partition's replicas",
                                            partition->place("Fetch")),
                          Trouble::Report::if_it_stays);
}

void FetchAnswerReader::take_error(const Partition& partition, ErrorCode code) {
    const LeaderErrorKind kind = leader_error_kind(code);
    if (kind == LeaderErrorKind::corrupt) {
        return stop(partition, Error(errc::corrupt_batch,
                                     "the broker cannot read its own log here (" + to_string(code) +
                                         "); reading of the partition stops",
                                     partition->place("Fetch")));
    }
    refused(partition, kind);
    if (kind == LeaderErrorKind::out_of_range) return;  // who sets the position anew reports that
    context_.note_trouble(*partition, Error(code, "the partition cannot be read; it is tried again", partition->place("Fetch")),
                          kind == LeaderErrorKind::fatal ? Trouble::Report::at_once : Trouble::Report::if_it_stays);
}

void FetchAnswerReader::fail_answer(const Partition& partition, std::string what) {
    const bool left = std::find(departed_.begin(), departed_.end(), partition) != departed_.end();
    if (left) return;  // that was wrong first
    refused(partition, LeaderErrorKind::retry);
    context_.note_trouble(*partition, Error(errc::bad_answer, what + "; it is asked again", partition->place("Fetch")),
                          Trouble::Report::if_it_stays);
}

void FetchAnswerReader::refused(const Partition& partition, LeaderErrorKind kind) {
    any_trouble_ = true;
    partition->where.refused(kind, now());
    if (!partition->where.is_read()) departed_.push_back(partition);
}

void FetchAnswerReader::stop(const Partition& partition, Error failure) {
    any_trouble_ = true;
    partition->where.stop();
    departed_.push_back(partition);
    FetchedChunk last;
    last.failure = std::make_shared<const Error>(std::move(failure));
    deliveries_.push_back({partition, std::move(last)});
}

}  // namespace kwire
