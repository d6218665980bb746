#include <kwire/net/consumer.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <kwire/protocol/list_offsets.h>

#include "connecting/leader_errors.h"
#include "list_offsets_once.h"

namespace kwire {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

// A topic that Metadata does not know may have been created a moment ago; longer than this it is a wrong name.
constexpr std::chrono::milliseconds unknown_topic_patience{3'000};
constexpr std::chrono::milliseconds backoff_first{50};
constexpr std::chrono::milliseconds backoff_max{1'000};

class OffsetLookup {
 public:
    OffsetLookup(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries,
                 IsolationLevel isolation)
        : cluster_(std::move(cluster)), queries_(std::move(queries)), isolation_(isolation) {
        for (const OffsetQuery& query : queries_) answers_.push_back({query.tp, -1});
        answered_.resize(queries_.size());
        for (std::size_t i = 0; i < queries_.size(); ++i) pending_.push_back(i);
    }

    Task<std::vector<OffsetAnswer>> run() {
        Runtime& runtime = *cluster_->runtime();
        const TimePoint begun = runtime.now();
        const TimePoint deadline = begun + cluster_->config().request_timeout;
        auto backoff = backoff_first;
        auto view = cluster_->view();
        while (!pending_.empty()) {
            only_unknown_topics_ = true;
            co_await ask_leaders(view);
            if (pending_.empty()) break;
            const TimePoint now = runtime.now();
            // The first time the view may just be old: no need to wait before a new one.
            if (asked_metadata_) {
                const auto limit = only_unknown_topics_ ? begun + unknown_topic_patience : deadline;
                if (now + backoff >= std::min(limit, deadline)) std::rethrow_exception(last_failure_);
                Timer timer(runtime);
                co_await timer.wait_for(backoff);
                backoff = std::min(2 * backoff, backoff_max);
            }
            asked_metadata_ = true;
            std::exception_ptr failure;
            try {
                view = co_await cluster_->refresh(topics_of_pending());
            } catch (const Error& error) {
                if (error.condition() == errc::closed) throw;
                failure = std::current_exception();
            }
            if (failure) {
                last_failure_ = failure;
                if (runtime.now() >= deadline) std::rethrow_exception(failure);
            }
        }
        co_return std::move(answers_);
    }

    Task<std::vector<std::optional<std::int64_t>>> run_once() {
        const auto view = cluster_->view();
        try {
            co_await ask_leaders(view);
        } catch (const Error&) {
            // what was not answered says enough
        }
        std::vector<std::optional<std::int64_t>> offsets(answers_.size());
        for (std::size_t i = 0; i < answers_.size(); ++i) {
            if (answered_[i]) offsets[i] = answers_[i].offset;
        }
        co_return offsets;
    }

 private:
    std::vector<std::string> topics_of_pending() const {
        std::set<std::string> topics;
        for (const std::size_t i : pending_) topics.insert(queries_[i].tp.topic);
        return {topics.begin(), topics.end()};
    }

    void note(Error failure) { last_failure_ = std::make_exception_ptr(std::move(failure)); }

    Task<void> ask_leaders(std::shared_ptr<const ClusterView> view) {
        std::map<std::int32_t, std::vector<std::size_t>> by_leader;
        std::vector<std::size_t> left;
        for (const std::size_t i : pending_) {
            const TopicPartition& tp = queries_[i].tp;
            const PartitionView* partition = view->find(tp);
            if (partition != nullptr && partition->leader >= 0) {
                by_leader[partition->leader].push_back(i);
                only_unknown_topics_ = false;
                continue;
            }
            left.push_back(i);
            if (partition != nullptr) only_unknown_topics_ = false;
            note(Error(partition == nullptr ? errc::unknown_topic : errc::no_leader,
                       partition == nullptr ? "no broker knows this partition: create it, or check the name"
                                            : "the partition has no leader at the moment: try again later",
                       {.api = "ListOffsets", .topic = tp.topic, .partition = tp.partition}));
        }
        for (auto& [leader, indices] : by_leader) {
            std::exception_ptr failure;
            try {
                co_await ask(leader, indices, view, left);
            } catch (const Error& error) {
                if (error.condition() == errc::closed || error.condition() == errc::unsupported_version) throw;
                failure = std::current_exception();
            }
            if (!failure) continue;
            last_failure_ = failure;
            left.insert(left.end(), indices.begin(), indices.end());
        }
        pending_ = std::move(left);
    }

    /// Asks leader for the partitions of indices; those to be asked again go to left.
    Task<void> ask(std::int32_t leader, std::vector<std::size_t> indices,
                   std::shared_ptr<const ClusterView> view, std::vector<std::size_t>& left) {
        Cluster::CallOptions options;
        const std::int16_t version = co_await cluster_->version_for(leader, ApiKey::list_offsets, options);
        options.version_max = version;
        ListOffsetsRequest request = make_request(indices, *view, version);
        const ListOffsetsResponse response = co_await cluster_->call(leader, std::move(request), options);
        for (const std::size_t i : indices) {
            const TopicPartition& tp = queries_[i].tp;
            const auto* answer = find(response, tp);
            const ErrorCode code = answer != nullptr ? answer->error_code : ErrorCode::unknown_server_error;
            if (code == ErrorCode::none) {
                answers_[i].offset = version > 0                               ? answer->offset
                                     : !answer->old_style_offsets.empty() ? answer->old_style_offsets.front()
                                                                          : -1;
                answered_[i] = true;
                continue;
            }
            Error failure(code, "the leader does not tell the offset",
                          {.api = "ListOffsets", .topic = tp.topic, .partition = tp.partition});
            if (leader_error_kind(code) == LeaderErrorKind::fatal) throw failure;
            note(std::move(failure));
            left.push_back(i);
        }
    }

    ListOffsetsRequest make_request(const std::vector<std::size_t>& indices, const ClusterView& view,
                                    std::int16_t version) const {
        ListOffsetsRequest request;
        request.replica_id = -1;
        if (version >= 2) request.isolation_level = static_cast<std::int8_t>(isolation_);
        request.timeout_ms = static_cast<std::int32_t>(cluster_->config().request_timeout.count());
        std::map<std::string, std::vector<ListOffsetsRequest::Partition>> topics;
        for (const std::size_t i : indices) {
            const OffsetQuery& query = queries_[i];
            ListOffsetsRequest::Partition partition;
            partition.partition_index = query.tp.partition;
            partition.timestamp = query.timestamp_ms;
            const PartitionView* known = view.find(query.tp);
            if (known != nullptr) partition.current_leader_epoch = known->leader_epoch;
            topics[query.tp.topic].push_back(partition);
        }
        for (auto& [name, partitions] : topics) request.topics.push_back({name, std::move(partitions)});
        return request;
    }

    static const ListOffsetsResponse::Partition* find(const ListOffsetsResponse& response,
                                                      const TopicPartition& tp) {
        for (const auto& topic : response.topics) {
            if (topic.name != tp.topic) continue;
            for (const auto& partition : topic.partitions) {
                if (partition.partition_index == tp.partition) return &partition;
            }
        }
        return nullptr;
    }

    const std::shared_ptr<Cluster> cluster_;
    const std::vector<OffsetQuery> queries_;
    const IsolationLevel isolation_;
    std::vector<OffsetAnswer> answers_;
    std::vector<bool> answered_;
    std::vector<std::size_t> pending_;
    std::exception_ptr last_failure_;
    bool asked_metadata_ = false;
    bool only_unknown_topics_ = false;
};

}  // namespace

Task<std::vector<OffsetAnswer>> list_offsets(std::shared_ptr<Cluster> cluster,
                                             std::vector<OffsetQuery> queries,
                                             IsolationLevel isolation) {
    OffsetLookup lookup(std::move(cluster), std::move(queries), isolation);
    auto answers = co_await lookup.run();
    co_return answers;
}

Task<std::vector<std::optional<std::int64_t>>> list_offsets_once(std::shared_ptr<Cluster> cluster,
                                                                 std::vector<OffsetQuery> queries,
                                                                 IsolationLevel isolation) {
    OffsetLookup lookup(std::move(cluster), std::move(queries), isolation);
    auto offsets = co_await lookup.run_once();
    co_return offsets;
}

}  // namespace kwire
