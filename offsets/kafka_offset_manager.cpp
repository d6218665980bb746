#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <kwire/offsets/kafka_offset_manager.h>

#include "kafka_offset_requests.h"
#include "tracked_offsets.h"

namespace kwire {

namespace {

using Offsets = std::map<TopicPartition, std::int64_t>;
using ClusterPtr = std::shared_ptr<Cluster>;

/// Between two questions to a coordinator that is loading or moving; at most twice that.
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
    // Rounded up, so that all who wait wake at once and ask together.
    const Duration since = cluster->runtime()->now().time_since_epoch();
    const TimePoint wanted = TimePoint(since - since % retry_pause) + 2 * retry_pause;
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

/// What any number of partitions ask for in one moment goes to the coordinator as one request: a member that takes over,
/// or gives up, a thousand partitions while the coordinator moves asks no more often than one with a single partition.
template <class Asked, class Answer>
struct Round {
    explicit Round(Runtime& runtime) : ended(runtime) {}

    Asked asked;
    TimePoint deadline{};  // the latest of all
    Answer answer;
    std::exception_ptr failure;
    bool done = false;
    Event ended;
};
using ReadRound = Round<std::set<TopicPartition>, std::map<TopicPartition, KafkaOffset>>;
using WriteRound = Round<Offsets, CommitTry>;

struct Rounds {
    ClusterPtr cluster;
    std::string group;
    std::shared_ptr<ReadRound> reading;  // those that still take more
    std::shared_ptr<WriteRound> writing;
};
using RoundsPtr = std::shared_ptr<Rounds>;

template <class AnyRound>
std::shared_ptr<AnyRound> joined(const RoundsPtr& rounds, std::shared_ptr<AnyRound>& open, Task<void> (*run)(RoundsPtr)) {
    if (!open) {
        open = std::make_shared<AnyRound>(*rounds->cluster->runtime());
        rounds->cluster->runtime()->spawn(run(rounds));
    }
    return open;
}

Task<void> end_of_moment(RoundsPtr rounds) {
    const auto executor = rounds->cluster->runtime()->executor();
    co_await asio::post(executor, asio::use_awaitable);
}

template <class AnyRound>
void end(AnyRound& round, std::exception_ptr failure) {
    round.failure = std::move(failure);
    round.done = true;
    round.ended.notify_all();
}

Task<void> run_reading(RoundsPtr rounds) {
    co_await end_of_moment(rounds);
    const auto round = std::exchange(rounds->reading, nullptr);
    const ClusterPtr cluster = rounds->cluster;
    std::exception_ptr failure;
    try {
        std::vector<TopicPartition> which(round->asked.begin(), round->asked.end());
        const TimePoint deadline = cluster->runtime()->now() + cluster->config().request_timeout;
        round->answer = co_await read_until(cluster, rounds->group, std::move(which), deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    end(*round, failure);
}

Task<void> run_writing(RoundsPtr rounds) {
    co_await end_of_moment(rounds);
    const auto round = std::exchange(rounds->writing, nullptr);
    std::exception_ptr failure;
    try {
        // One try: whether another is to be made the partition's keeper knows, for it may have been given up meanwhile.
        round->answer = co_await try_commit(rounds->cluster, rounds->group, round->asked, round->deadline);
        if (round->answer.look_again) rounds->cluster->forget_coordinator(rounds->group);
    } catch (...) {
        failure = std::current_exception();
    }
    end(*round, failure);
}

class KafkaStore final : public OffsetStore {
 public:
    KafkaStore(ClusterPtr cluster, std::string group)
        : rounds_(std::make_shared<Rounds>(Rounds{std::move(cluster), std::move(group), {}, {}})) {}

    const std::shared_ptr<Runtime>& runtime() const override { return rounds_->cluster->runtime(); }
    Task<Position> read(TopicPartition tp) override { return do_read(rounds_, std::move(tp)); }
    Task<std::vector<Outcome>> write(std::vector<Write> writes, TimePoint deadline) override {
        return do_write(rounds_, std::move(writes), deadline);
    }
    Task<void> wait_to_try_again(TimePoint deadline) override { return pause(rounds_->cluster, deadline); }
    Duration refresh_interval() const override { return recommit_after; }
    Duration flush_patience() const override { return patience; }

 private:
    static Task<Position> do_read(RoundsPtr rounds, TopicPartition tp) {
        const auto round = joined(rounds, rounds->reading, run_reading);
        round->asked.insert(tp);
        while (!round->done) co_await round->ended.wait();
        if (round->failure) std::rethrow_exception(round->failure);
        const auto found = round->answer.find(tp);
        if (found == round->answer.end()) co_return Position{-1, -1};
        if (found->second.problem) throw Error(*found->second.problem);
        co_return Position{found->second.next, -1};
    }

    static Task<std::vector<Outcome>> do_write(RoundsPtr rounds, std::vector<Write> writes, TimePoint deadline) {
        const auto round = joined(rounds, rounds->writing, run_writing);
        for (const Write& each : writes) round->asked[each.tp] = each.next;
        round->deadline = std::max(round->deadline, deadline);
        while (!round->done) co_await round->ended.wait();
        if (round->failure) std::rethrow_exception(round->failure);
        const CommitTry& result = round->answer;
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

    RoundsPtr rounds_;
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
