#include <kwire/net/consumer.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <kwire/net/backoff.h>
#include <kwire/net/topic_error.h>

#include "connecting/leader_errors.h"
#include "offset_lookup.h"

namespace kwire {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

// A topic that no broker knows may have been created a moment ago; longer than this it is a wrong name.
constexpr std::chrono::milliseconds unknown_topic_patience{3'000};
constexpr std::chrono::milliseconds backoff_first{50};
constexpr std::chrono::milliseconds backoff_max{1'000};

std::string name_of(const std::string& topic, std::int32_t partition) { return topic + '/' + std::to_string(partition); }

}  // namespace

OffsetLookup::OffsetLookup(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries, IsolationLevel isolation,
                           bool all_or_nothing, Ended ended)
    : cluster_(std::move(cluster)),
      queries_(std::move(queries)),
      isolation_(isolation),
      all_or_nothing_(all_or_nothing),
      ended_(std::move(ended)),
      states_(queries_.size(), State::open),
      left_(queries_.size()),
      open_(queries_.size()),
      changed_(*cluster_->runtime()) {
    answers_.reserve(queries_.size());
    for (const OffsetQuery& query : queries_) answers_.push_back({query.tp, -1, {}});
}

Task<void> OffsetLookup::run(Self self) {
    const Runtime& runtime = *self->cluster_->runtime();
    self->begun_ = runtime.now();
    const TimePoint deadline = later(self->begun_, self->cluster_->config().request_timeout);
    Backoff backoff(backoff_first, backoff_max, self->cluster_->jitter_seed());
    const auto view = self->cluster_->view();
    self->ask_leaders(*view, deadline);
    // The view may just be old: no need to wait before the first new one.
    Duration wait = Duration::zero();
    while (!self->over() && runtime.now() < deadline) {
        if (self->open_ == 0) {
            co_await self->changed_.wait_until(deadline);
            continue;
        }
        co_await self->ask_again(deadline, wait);
        wait = backoff.next();
    }
    const ErrorWhere asking{.api = "ListOffsets"};
    self->end_all(Error(errc::timed_out, "the leader did not answer in time", asking));
}

/// Asks for what is open, after that wait and with new Metadata.
Task<void> OffsetLookup::ask_again(TimePoint deadline, Duration wait) {
    const Runtime& runtime = *cluster_->runtime();
    const TimePoint when = std::min(later(runtime.now(), wait), deadline);
    while (runtime.now() < when && !over()) co_await changed_.wait_until(when);
    if (over() || runtime.now() >= deadline) co_return;
    const auto done = std::make_shared<bool>(false);
    cluster_->runtime()->spawn(refresh(shared_from_this(), done));
    while (!*done && runtime.now() < deadline && !over()) co_await changed_.wait_until(deadline);
    const auto view = cluster_->view();
    if (*done) ask_leaders(*view, deadline);
}

Task<void> OffsetLookup::refresh(Self self, std::shared_ptr<bool> done) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < self->queries_.size(); ++i) {
        if (self->states_[i] == State::open) names.insert(self->queries_[i].tp.topic);
    }
    std::vector<std::string> topics(names.begin(), names.end());
    std::optional<Error> failure;
    try {
        co_await self->cluster_->refresh(std::move(topics), RefreshOptions{}, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    *done = true;
    if (!failure) self->told_anew_ = true;
    if (failure && failure->condition() == errc::closed) {
        self->end_all(*failure);
    } else if (failure) {
        for (std::size_t i = 0; i < self->queries_.size(); ++i) {
            if (self->states_[i] == State::open) self->again(i, failure->at(self->where(i)));
        }
    }
    self->changed_.notify_all();
}

// ---- asking

void OffsetLookup::ask_leaders(const ClusterView& view, TimePoint deadline) {
    // A request must not name a partition twice: who asks for two offsets of one gets two requests.
    std::map<std::pair<std::int32_t, int>, Queries> requests;
    std::map<TopicPartition, int> asked;
    for (std::size_t i = 0; i < queries_.size(); ++i) {
        if (states_[i] != State::open) continue;
        const PartitionView* partition = view.find(queries_[i].tp);
        if (partition == nullptr || partition->leader < 0) {
            look_for_leader_again(i, view);
            continue;
        }
        requests[{partition->leader, asked[queries_[i].tp]++}].push_back(i);
        states_[i] = State::asked;
        --open_;
    }
    for (auto& [to, queries] : requests) {
        cluster_->runtime()->spawn(ask(shared_from_this(), to.first, std::move(queries), deadline));
    }
}

void OffsetLookup::look_for_leader_again(std::size_t query, const ClusterView& view) {
    const TopicPartition& tp = queries_[query].tp;
    if (view.find(tp) != nullptr) {
        return again(query, Error(errc::no_leader, "the partition has no leader at the moment: try again later", where(query)));
    }
    const auto refusal = view.topic_errors.find(tp.topic);
    const bool refused = refusal != view.topic_errors.end();
    // What nobody has asked for yet says nothing; and why it could not be asked is known better.
    if (!refused && !view.topics.contains(tp.topic)) {
        if (!answers_[query].error) again(query, missing_topic(view, tp.topic, where(query)));
        return;
    }
    const Error reason = refused ? missing_topic(view, tp.topic, where(query))
                                 : Error(errc::unknown_topic,
                                         "the topic has " + std::to_string(view.topics.at(tp.topic).partitions.size()) +
                                             " partitions, and not this one",
                                         where(query));
    const bool is_final = refused && told_anew_ && leader_error_kind(refusal->second) == LeaderErrorKind::fatal;
    const bool patient = cluster_->runtime()->now() < begun_ + unknown_topic_patience;
    if (is_final || (reason.condition() == errc::unknown_topic && !patient)) return end(query, reason);
    again(query, reason);
}

Task<void> OffsetLookup::ask(Self self, std::int32_t leader, Queries queries, TimePoint deadline) {
    Cluster::CallOptions options;
    const Duration left = deadline - self->cluster_->runtime()->now();
    options.timeout = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), std::chrono::milliseconds(1));
    const auto make_request = [self, queries](std::int16_t) { return self->make_request(queries); };
    std::optional<Error> failure;
    ListOffsetsResponse response;
    try {
        response = co_await self->cluster_->call(leader, make_request, options, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    if (!failure) {
        self->take(queries, response);
    } else {
        const bool is_final = failure->condition() == errc::closed || failure->condition() == errc::unsupported_version;
        for (const std::size_t query : queries) {
            if (is_final) {
                self->end(query, *failure);
            } else {
                self->again(query, failure->at(self->where(query)));
            }
        }
    }
    self->changed_.notify_all();
}

ListOffsetsRequest OffsetLookup::make_request(const Queries& queries) const {
    ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = static_cast<std::int8_t>(isolation_);
    request.timeout_ms = static_cast<std::int32_t>(cluster_->config().request_timeout.count());
    const auto view = cluster_->view();
    std::map<std::string, std::vector<ListOffsetsRequest::Partition>> topics;
    for (const std::size_t query : queries) {
        const OffsetQuery& asked = queries_[query];
        ListOffsetsRequest::Partition partition;
        partition.partition_index = asked.tp.partition;
        partition.timestamp = asked.timestamp_ms;
        const PartitionView* known = view->find(asked.tp);
        if (known != nullptr) partition.current_leader_epoch = known->leader_epoch;
        topics[asked.tp.topic].push_back(partition);
    }
    for (auto& [name, partitions] : topics) request.topics.push_back({name, std::move(partitions)});
    return request;
}

// ---- answers

void OffsetLookup::take(const Queries& queries, const ListOffsetsResponse& response) {
    struct Seen {
        std::size_t query;
        const ListOffsetsResponse::Partition* answer = nullptr;
        bool repeated = false;
    };
    std::map<TopicPartition, Seen> seen;
    for (const std::size_t query : queries) seen[queries_[query].tp] = {query};
    std::string foreign;
    for (const auto& topic : response.topics) {
        for (const auto& partition : topic.partitions) {
            const auto found = seen.find({topic.name, partition.partition_index});
            if (found == seen.end()) {
                if (foreign.empty()) foreign = name_of(topic.name.substr(0, 249), partition.partition_index);
                continue;
            }
            if (found->second.answer != nullptr) found->second.repeated = true;
            found->second.answer = &partition;
        }
    }
    for (const auto& [tp, one] : seen) {
        if (one.answer != nullptr && !one.repeated) {
            take_one(one.query, *one.answer);
        } else if (one.repeated) {
            again(one.query, Error(errc::bad_answer, "the leader's answer names the partition twice", where(one.query)));
        } else {
            const std::string instead = foreign.empty() ? "" : ", and has " + foreign + " instead";
            again(one.query, Error(errc::bad_answer, "the leader's answer leaves the partition out" + instead,
                                   where(one.query)));
        }
    }
}

void OffsetLookup::take_one(std::size_t query, const ListOffsetsResponse::Partition& answer) {
    if (answer.error_code != ErrorCode::none) {
        Error failure(answer.error_code, "the leader does not say the offset", where(query));
        if (leader_error_kind(answer.error_code) == LeaderErrorKind::fatal) return end(query, std::move(failure));
        return again(query, std::move(failure));
    }
    // Version 0 answers with a list.
    const std::int64_t offset = answer.old_style_offsets.empty() ? answer.offset : answer.old_style_offsets.front();
    const bool of_an_end = queries_[query].timestamp_ms < 0;  // which every log has
    if (offset < (of_an_end ? 0 : -1)) {
        return again(query, Error(errc::bad_answer, "the leader answers with offset " + std::to_string(offset),
                                  where(query)));
    }
    answers_[query].offset = offset;
    end(query, std::nullopt);
}

void OffsetLookup::again(std::size_t query, Error reason) {
    if (states_[query] == State::ended) return;
    if (states_[query] == State::asked) ++open_;
    states_[query] = State::open;
    answers_[query].error = std::move(reason);
}

void OffsetLookup::end(std::size_t query, std::optional<Error> failure) {
    if (states_[query] == State::ended) return;
    if (states_[query] == State::open) --open_;
    states_[query] = State::ended;
    --left_;
    OffsetAnswer& answer = answers_[query];
    answer.error = std::move(failure);
    if (answer.error && !first_failure_) first_failure_ = answer.error;
    if (ended_) ended_(query, answer);
}

/// Those that are left end with what was wrong with them last, or with failure.
void OffsetLookup::end_all(const Error& failure) {
    for (std::size_t i = 0; i < queries_.size(); ++i) {
        if (states_[i] == State::ended) continue;
        // What is being asked was not answered, whatever the last answer was.
        const bool silent = states_[i] == State::asked || !answers_[i].error;
        end(i, silent ? failure.at(where(i)) : *answers_[i].error);
    }
}

ErrorWhere OffsetLookup::where(std::size_t query) const {
    const TopicPartition& tp = queries_[query].tp;
    return {.api = "ListOffsets", .topic = tp.topic, .partition = tp.partition};
}

// ---- the face

Task<std::vector<OffsetAnswer>> detail::look_up_offsets(std::shared_ptr<Cluster> cluster,
                                                       std::vector<OffsetQuery> queries, IsolationLevel isolation,
                                                       bool each) {
    cluster->runtime()->require_on_runtime("list_offsets");
    const auto lookup = std::make_shared<OffsetLookup>(std::move(cluster), std::move(queries), isolation, !each);
    co_await OffsetLookup::run(lookup);
    if (!each && lookup->first_failure()) throw Error(*lookup->first_failure());
    co_return std::move(lookup->answers());
}

}  // namespace kwire
