#include <map>
#include <optional>
#include <utility>

#include <kwire/protocol/offset_for_leader_epoch.h>

#include "connecting/leader_errors.h"
#include "consumer_impl.h"

namespace kwire {
namespace {

using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;

OffsetForLeaderEpochRequest question_about(const FetchPartitions& partitions) {
    std::map<std::string, OffsetForLeaderEpochRequest::Topic> topics;
    for (const auto& partition : partitions) {
        const TopicPartition& tp = partition->tp();
        auto& topic = topics[tp.topic];
        topic.topic = tp.topic;
        topic.partitions.push_back({tp.partition, partition->where.leader_epoch(), partition->where.read_epoch()});
    }
    OffsetForLeaderEpochRequest request;
    request.replica_id = -1;
    for (auto& [name, topic] : topics) request.topics.push_back(std::move(topic));
    return request;
}

struct EpochEnd {
    const OffsetForLeaderEpochResponse::EpochEndOffset* answer = nullptr;
    bool repeated = false;
};
using EpochEnds = std::map<std::pair<std::string_view, std::int32_t>, EpochEnd>;

EpochEnds by_partition(const OffsetForLeaderEpochResponse& response) {
    EpochEnds ends;
    for (const auto& topic : response.topics) {
        for (const auto& answer : topic.partitions) {
            EpochEnd& end = ends[{topic.topic, answer.partition}];
            end.repeated = end.answer != nullptr;
            end.answer = &answer;
        }
    }
    return ends;
}

}  // namespace

/// Asks the leader where the leader epoch of what was read last ended in its log.
Task<void> Consumer::Impl::validate(std::shared_ptr<Impl> self, std::int32_t leader, FetchPartitions partitions) {
    OffsetForLeaderEpochRequest request = question_about(partitions);
    std::optional<Error> failure;
    OffsetForLeaderEpochResponse response;
    try {
        response = co_await self->cluster_->call(leader, std::move(request), CallOptions{}, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    if (self->closed()) co_return;
    const bool too_old = failure && failure->condition() == errc::unsupported_version;
    const EpochEnds ends = by_partition(response);
    for (const auto& partition : partitions) {
        if (partition->over()) continue;
        const TimePoint now = self->runtime_->now();
        const ErrorWhere where = partition->place("OffsetForLeaderEpoch");
        const auto found = ends.find({partition->tp().topic, partition->tp().partition});
        if (too_old) {  // before 0.11: an offset out of range is all that tells
            partition->where.validated();
        } else if (failure) {
            partition->where.lost(now);
            self->note_trouble(*partition, failure->at(where), Trouble::Report::if_it_stays);
        } else if (found == ends.end() || found->second.repeated) {
            const std::string fault = found == ends.end() ? "leaves the partition out" : "has the partition twice";
            partition->where.refused(LeaderErrorKind::retry, now);
            self->note_trouble(*partition, Error(errc::bad_answer, "the leader's answer " + fault + "; it is asked again", where),
                               Trouble::Report::if_it_stays);
        } else if (found->second.answer->error_code != ErrorCode::none) {
            const ErrorCode code = found->second.answer->error_code;
            const LeaderErrorKind kind = leader_error_kind(code);
            partition->where.refused(kind, now);
            self->note_trouble(*partition, Error(code, "the leader does not say whether its log holds the position; it is "
                                                       "asked again", where),
                               kind == LeaderErrorKind::fatal ? Trouble::Report::at_once
                                                             : Trouble::Report::if_it_stays);
        } else {
            self->take_epoch_end(partition, found->second.answer->end_offset);
        }
    }
    self->route(std::move(partitions));
}

void Consumer::Impl::take_epoch_end(const std::shared_ptr<FetchPartition>& partition, std::int64_t end_offset) {
    if (end_offset < 0) {  // the new leader knows nothing of that epoch
        return partition->where.refused(LeaderErrorKind::out_of_range, runtime_->now());
    }
    partition->where.validated();
    if (end_offset >= partition->fetch_offset) return;
    const ErrorWhere where = partition->place("OffsetForLeaderEpoch");
    const std::string what = "the new leader's log ends at " + std::to_string(end_offset) +
                             ", before what was already read (an unclean election): ";
    if (config_.out_of_range == OutOfRange::stop) {
        partition->where.stop();
        return queue_->push_failure(partition, Error(errc::offset_out_of_range, what + "reading of the partition stops", where));
    }
    report(Error(ErrorCode::offset_out_of_range, what + "reading goes on from there", where));
    partition->fetch_offset = end_offset;
    queue_->push_restart(partition, end_offset);
}

}  // namespace kwire
