#include <algorithm>
#include <utility>

#include <kwire/offsets/kafka_offset_manager.h>

#include "kafka_offset_requests.h"
#include "tracked_offsets.h"

namespace kwire {

namespace {

using Offsets = std::map<TopicPartition, std::int64_t>;
using ClusterPtr = std::shared_ptr<Cluster>;

/// Between two questions to a coordinator that is loading or moving.
constexpr std::chrono::milliseconds retry_pause{100};
/// How long a flush waits for a coordinator.
constexpr std::chrono::seconds patience{30};
/// Well within a day, the shortest retention that brokers come with.
constexpr std::chrono::hours recommit_after{6};

std::chrono::milliseconds left_of(const Runtime& runtime, TimePoint deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - runtime.now());
    return std::max(left, std::chrono::milliseconds(1));
}

Task<void> pause(ClusterPtr cluster, TimePoint deadline) {
    Timer timer(*cluster->runtime());
    const TimePoint wanted = cluster->runtime()->now() + retry_pause;
    co_await timer.wait_until(std::min(wanted, deadline));
}

std::string explained(ErrorCode code, const std::string& group) {
    if (code == ErrorCode::unknown_member_id || code == ErrorCode::illegal_generation) {
        return "the broker manages members of a group named '" + group +
               "' itself, so it takes no offsets from outside; stop them or use another name";
    }
    return "the offset was not stored in Kafka";
}

Error commit_error(ErrorCode code, const std::string& group, const TopicPartition& tp,
                   std::int64_t next) {
    return {code,
            explained(code, group),
            {.api = "OffsetCommit", .topic = tp.topic, .partition = tp.partition, .offset = next}};
}

/// One try, by what it tells: the outcomes of partitions that are settled, and whether to ask
/// again.
struct CommitTry {
    std::map<TopicPartition, std::optional<Error>> settled;  ///< Stored, or refused for good.
    std::optional<Error> trouble;                            ///< Of those that are not settled.
    bool look_again = false;
};

CommitTry judge(const std::map<TopicPartition, ErrorCode>& codes, const Offsets& asked,
                const std::string& group) {
    CommitTry result;
    for (const auto& [tp, next] : asked) {
        const auto found = codes.find(tp);
        const ErrorCode code =
            found == codes.end() ? ErrorCode::unknown_server_error : found->second;
        const CoordinatorAdvice what = advice(code);
        if (what == CoordinatorAdvice::accept) {
            result.settled[tp] = std::nullopt;
        } else if (what == CoordinatorAdvice::give_up) {
            result.settled[tp] = commit_error(code, group, tp, next);
        } else {
            result.trouble = commit_error(code, group, tp, next);
            result.look_again = result.look_again || what == CoordinatorAdvice::look_again;
        }
    }
    return result;
}

Task<CommitTry> try_commit(ClusterPtr cluster, std::string group, Offsets next,
                           TimePoint deadline) {
    std::optional<Error> error;
    try {
        const auto codes =
            co_await commit_once(cluster, group, next, left_of(*cluster->runtime(), deadline));
        co_return judge(codes, next, group);
    } catch (const Error& caught) {
        error = caught;
    }
    CommitTry result;
    const CoordinatorAdvice what = advice(*error);
    result.trouble = error;
    result.look_again = what == CoordinatorAdvice::look_again;
    if (what == CoordinatorAdvice::give_up) {
        for (const auto& [tp, offset] : next) {
            result.settled[tp] =
                error->at({.topic = tp.topic, .partition = tp.partition, .offset = offset});
        }
    }
    co_return result;
}

/// Nothing where it was stored, else why not. Asks again until the deadline.
Task<std::map<TopicPartition, std::optional<Error>>> commit_until(ClusterPtr cluster,
                                                                  std::string group, Offsets next,
                                                                  TimePoint deadline) {
    std::map<TopicPartition, std::optional<Error>> outcomes;
    while (!next.empty()) {
        CommitTry result = co_await try_commit(cluster, group, next, deadline);
        for (auto& [tp, outcome] : result.settled) {
            outcomes[tp] = std::move(outcome);
            next.erase(tp);
        }
        if (next.empty()) break;
        if (result.look_again) cluster->forget_coordinator(group);
        if (cluster->runtime()->now() >= deadline) {
            for (const auto& [tp, offset] : next) {
                outcomes[tp] = result.trouble->at(
                    {.topic = tp.topic, .partition = tp.partition, .offset = offset});
            }
            break;
        }
        co_await pause(cluster, deadline);
    }
    co_return outcomes;
}

/// Why an offset cannot be read, if it cannot.
std::optional<Error> problem_of(const TopicPartition& tp, const FetchedOffset& found) {
    const ErrorWhere where{.api = "OffsetFetch", .topic = tp.topic, .partition = tp.partition};
    if (found.left_out) {
        return Error(errc::broken_frame, "the answer leaves out this partition, though it was asked for", where);
    }
    if (found.error != ErrorCode::none) return Error(found.error, "the offset cannot be read from Kafka", where);
    if (found.next >= -1) return std::nullopt;
    return Error(errc::bad_stored_offset, "Kafka answers with the offset " + std::to_string(found.next), where);
}

struct FetchTry {
    std::map<TopicPartition, KafkaOffset> offsets;
    std::optional<Error> error;  ///< Of the whole.
    CoordinatorAdvice what = CoordinatorAdvice::accept;  ///< wait, look_again: part of it may come later.
};

Task<FetchTry> try_fetch(ClusterPtr cluster, std::string group,
                         std::optional<std::vector<TopicPartition>> which, TimePoint deadline) {
    FetchTry result;
    try {
        const auto fetched =
            co_await fetch_once(cluster, group, which, left_of(*cluster->runtime(), deadline));
        for (const auto& [tp, found] : fetched) {
            const auto problem = problem_of(tp, found);
            result.offsets[tp] = {problem ? -1 : found.next, problem};
            const auto what = problem ? advice(*problem) : CoordinatorAdvice::accept;
            const bool later = what == CoordinatorAdvice::wait || what == CoordinatorAdvice::look_again;
            if (later && result.what != CoordinatorAdvice::look_again) result.what = what;
        }
    } catch (const Error& caught) {
        result.error = caught;
        result.what = advice(caught);
    }
    co_return result;
}

Task<std::map<TopicPartition, KafkaOffset>> read_until(ClusterPtr cluster, std::string group,
                                                       std::optional<std::vector<TopicPartition>> which,
                                                       TimePoint deadline) {
    for (;;) {
        FetchTry result = co_await try_fetch(cluster, group, which, deadline);
        if (result.what == CoordinatorAdvice::look_again) cluster->forget_coordinator(group);
        const bool over = cluster->runtime()->now() >= deadline;
        const bool later =
            result.what == CoordinatorAdvice::wait || result.what == CoordinatorAdvice::look_again;
        if (later && !over) {
            co_await pause(cluster, deadline);
            continue;
        }
        if (result.error) throw Error(*result.error);
        co_return std::move(result.offsets);
    }
}

Task<Offsets> fetch_until(ClusterPtr cluster, std::string group,
                          std::optional<std::vector<TopicPartition>> which, TimePoint deadline) {
    const auto read = co_await read_until(std::move(cluster), std::move(group), std::move(which), deadline);
    Offsets offsets;
    for (const auto& [tp, found] : read) {
        if (found.problem) throw Error(*found.problem);
        if (found.next >= 0) offsets[tp] = found.next;
    }
    co_return offsets;
}

class KafkaStore final : public OffsetStore {
 public:
    KafkaStore(ClusterPtr cluster, std::string group)
        : cluster_(std::move(cluster)), group_(std::move(group)) {}

    const std::shared_ptr<Runtime>& runtime() const override { return cluster_->runtime(); }
    Task<Position> read(TopicPartition tp) override {
        return do_read(cluster_, group_, std::move(tp));
    }
    Task<std::vector<Outcome>> write(std::vector<Write> writes, TimePoint deadline) override {
        return do_write(cluster_, group_, std::move(writes), deadline);
    }
    Task<void> wait_to_try_again(TimePoint deadline) override { return pause(cluster_, deadline); }
    Duration refresh_interval() const override { return recommit_after; }
    Duration flush_patience() const override { return patience; }

 private:
    static Task<Position> do_read(ClusterPtr cluster, std::string group, TopicPartition tp) {
        const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
        std::vector<TopicPartition> one{tp};
        const Offsets offsets =
            co_await fetch_until(std::move(cluster), std::move(group), std::move(one), deadline);
        const auto found = offsets.find(tp);
        co_return Position{found == offsets.end() ? -1 : found->second, -1};
    }

    static Task<std::vector<Outcome>> do_write(ClusterPtr cluster, std::string group,
                                               std::vector<Write> writes, TimePoint deadline) {
        Offsets next;
        for (const Write& each : writes) next[each.tp] = each.next;
        // One try: whether another is to be made the partition's keeper knows, for it may have been given up meanwhile.
        const CommitTry result = co_await try_commit(cluster, group, next, deadline);
        if (result.look_again) cluster->forget_coordinator(group);
        std::vector<Outcome> outcomes;
        for (const Write& each : writes) {
            const auto settled = result.settled.find(each.tp);
            if (settled != result.settled.end()) {
                outcomes.push_back({{each.next, -1}, settled->second, false});
            } else {
                const ErrorWhere where{.topic = each.tp.topic, .partition = each.tp.partition, .offset = each.next};
                outcomes.push_back({{}, result.trouble->at(where), true});
            }
        }
        co_return outcomes;
    }

    ClusterPtr cluster_;
    std::string group_;
};

}  // namespace

Task<std::map<TopicPartition, KafkaOffset>> read_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                                                         std::optional<std::vector<TopicPartition>> which) {
    const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
    return read_until(std::move(cluster), std::move(group), std::move(which), deadline);
}

Task<Offsets> fetch_offsets(std::shared_ptr<Cluster> cluster, std::string group,
                            std::optional<std::vector<TopicPartition>> which) {
    const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
    return fetch_until(std::move(cluster), std::move(group), std::move(which), deadline);
}

Task<void> store_offsets(std::shared_ptr<Cluster> cluster, std::string group, Offsets next) {
    const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
    const auto outcomes =
        co_await commit_until(std::move(cluster), std::move(group), std::move(next), deadline);
    for (const auto& [tp, error] : outcomes) {
        if (error) throw Error(*error);
    }
}

KafkaOffsetManager::KafkaOffsetManager(std::shared_ptr<Cluster> cluster, std::string group)
    : tracked_(std::make_shared<TrackedOffsets>(
          std::make_shared<KafkaStore>(std::move(cluster), std::move(group)))) {}

KafkaOffsetManager::~KafkaOffsetManager() = default;

Task<std::int64_t> KafkaOffsetManager::initialize_partition(TopicPartition tp) {
    return TrackedOffsets::initialize(tracked_, std::move(tp));
}

bool KafkaOffsetManager::mark_as_processed(const TopicPartition& tp, std::int64_t next) {
    return tracked_->mark(tp, next);
}

void KafkaOffsetManager::restart_partition(const TopicPartition& tp, std::int64_t next) {
    tracked_->restart(tp, next);
}

Task<std::vector<CommitFailure>> KafkaOffsetManager::flush() {
    return TrackedOffsets::flush(tracked_);
}

Task<std::optional<CommitFailure>> KafkaOffsetManager::finalize_partition(TopicPartition tp,
                                                                          TimePoint deadline) {
    return TrackedOffsets::finalize(tracked_, std::move(tp), deadline);
}

void KafkaOffsetManager::abandon_partition(const TopicPartition& tp) {
    tracked_->abandon(tp);
}

Task<std::vector<CommitFailure>> KafkaOffsetManager::close(TimePoint deadline) {
    return TrackedOffsets::close(tracked_, deadline);
}

std::optional<std::int64_t> KafkaOffsetManager::committed(const TopicPartition& tp) const {
    return tracked_->committed(tp);
}

}  // namespace kwire
