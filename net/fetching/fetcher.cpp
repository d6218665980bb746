#include "fetcher.h"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

namespace kwire {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;

// Fetch has a connection of its own: a broker works off one request at a time per connection, and whatever came behind a
// Fetch that waits for data would wait along.
constexpr std::int8_t fetch_lane = 1;
constexpr std::int8_t newcomers_lane = 2;
/// From this version on a Fetch says which isolation it wants (KIP-98).
constexpr std::int16_t isolation_from = 4;

// Smaller answers are handed over at once instead of after the next request is written.
constexpr std::size_t handed_over_at_once_bytes = 16 * 1024;
// A broker that has nothing to give, and does not wait with that for as long as it may, is asked at this pace.
constexpr std::chrono::milliseconds hasty_pace{50};
constexpr std::chrono::milliseconds clocks_differ{2};
constexpr int hasty_answers_free = 3;
// So much later than due an answer is worth a report; trouble adds its own patience.
constexpr std::chrono::seconds answer_patience{3};

}  // namespace

Fetcher::Fetcher(FetchContext& context, std::shared_ptr<Cluster> cluster, std::int32_t broker, Fetcher* residents)
    : context_(context),
      cluster_(std::move(cluster)),
      broker_(broker),
      residents_(residents),
      session_(residents != nullptr),
      planner_(context, session_),
      answers_(context, session_, broker),
      changed_(context.runtime()) {}

void Fetcher::wake() {
    changed_.notify_all();
    if (newcomers_) newcomers_->wake();
}

std::optional<Error> Fetcher::news(TimePoint time) {
    if (under_way_ && time >= under_way_->answer_due + answer_patience) {
        trouble_.note(Error(errc::timed_out, "broker " + std::to_string(broker_) + " does not answer; it is waited for",
                            {.api = "Fetch"}),
                      time, Trouble::Report::at_once);
    }
    auto found = trouble_.news(time);
    if (!found && newcomers_) found = newcomers_->news(time);
    return found;
}

// ---- coming and going

void Fetcher::add(std::shared_ptr<FetchPartition> partition) {
    planner_.expect_more();
    if (waits_for_data()) {
        if (!newcomers_) {
            newcomers_ = std::make_shared<Fetcher>(context_, cluster_, broker_, this);
            context_.runtime().spawn(newcomers_->run(context_.keep()));
        }
        newcomers_->add(std::move(partition));
        return;
    }
    partition->home = this;
    look_around_at_ = std::min(look_around_at_, partition->where.until());
    partitions_.push_back(std::move(partition));
    seen_.reset();
    wake();
}

bool Fetcher::waits_for_data() const {
    return residents_ == nullptr && under_way_ && under_way_->wait > wait_max_without_some;
}

bool Fetcher::hand_to_residents() {
    if (residents_ == nullptr || residents_->waits_for_data()) return false;
    FetchPartitions leaving;
    leaving.swap(partitions_);
    for (auto& partition : leaving) residents_->add(std::move(partition));
    return true;
}

void Fetcher::drop_departed() {
    const auto gone = std::erase_if(partitions_, [this](const auto& partition) {
        return partition->over() || partition->home != this;
    });
    if (gone > 0) seen_.reset();
}

/// At a new view of the cluster, and when a follower's time is over: who is to be read elsewhere leaves.
void Fetcher::look_around() {
    const auto view = context_.view();
    const TimePoint time = now();
    if (view == seen_ && time < look_around_at_) return;
    seen_ = view;
    look_around_at_ = TimePoint::max();
    all_have_ids_ = true;
    FetchPartitions leaving;
    for (const auto& partition : partitions_) {
        if (partition->where.look_around(*view, partition->tp(), time)) {
            partition->home = nullptr;
            leaving.push_back(partition);
            continue;
        }
        look_around_at_ = std::min(look_around_at_, partition->where.until());
        if (partition->where.topic_id().is_zero()) all_have_ids_ = false;
    }
    if (leaving.empty()) return;
    std::erase_if(partitions_, [](const auto& partition) { return partition->home == nullptr; });
    context_.route(std::move(leaving));
}

// ---- the loop

Task<void> Fetcher::run(std::shared_ptr<void> keep) {
    while (!context_.closed()) {
        drop_departed();
        look_around();
        const bool any = !partitions_.empty() && !hand_to_residents();
        if (any) {
            co_await one_turn();
        } else {
            co_await changed_.wait();
        }
    }
    keep.reset();
}

Task<void> Fetcher::one_turn() {
    if (now() < not_before_) {
        co_await changed_.wait_until(not_before_);
        co_return;
    }
    const std::optional<std::int16_t> version = co_await find_version();
    if (!version) co_return;
    // Topics may have got ids, or become others, since the version was chosen.
    look_around();
    if (partitions_.empty() || (*version >= 13 && !all_have_ids_)) co_return;
    FetchPlan plan;
    TimePoint look_again_at = TimePoint::max();
    // Newcomers are to be taken over soon, and who reads them must be free to take others.
    Duration wait_cap = Duration::max();
    if (residents_ != nullptr) wait_cap = wait_max_without_some;
    if (newcomers_ && !newcomers_->idle()) wait_cap = first_wait;
    if (planner_.make(plan, partitions_, *version, wait_cap, look_again_at)) {
        co_await fetch(std::move(plan), *version);
    } else if (look_again_at == TimePoint::max()) {
        co_await changed_.wait();
    } else if (look_again_at > now()) {
        co_await changed_.wait_until(look_again_at);
    }
}

CallOptions Fetcher::call_options() const {
    CallOptions options;
    options.lane = residents_ == nullptr ? fetch_lane : newcomers_lane;
    return options;
}

Task<std::optional<std::int16_t>> Fetcher::find_version() {
    CallOptions options = call_options();
    // From version 13 on topics are named by their ids, which Metadata must have told.
    if (!all_have_ids_) options.version_max = 12;
    std::optional<Error> failure;
    std::optional<std::int16_t> version;
    under_way_ = {now(), Duration::zero()};
    try {
        version = co_await cluster_->version_for(broker_, ApiKey::fetch, options, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    const bool committed_only = context_.config().isolation == IsolationLevel::read_committed;
    if (version && *version < isolation_from && committed_only) failure = co_await refuse_guess();
    under_way_.reset();
    if (!failure) co_return version;
    give_all_back(*failure);
    co_return std::nullopt;
}

/// A broker that says that it is too old for transactions has none. One that only seems old might, and what it aborted
/// would be read in silence.
Task<std::optional<Error>> Fetcher::refuse_guess() {
    std::map<ApiKey, VersionRange> offered;
    std::optional<Error> failure;
    try {
        offered = co_await cluster_->versions(broker_, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    if (failure) co_return failure;
    if (offered.contains(ApiKey::api_versions)) co_return std::nullopt;
    co_return Error(errc::unsupported_version,
                    "the broker does not say what it speaks and is taken for one from before 0.10, which is not enough "
                    "to read with isolation.level=read_committed; use read_uncommitted if it is that old",
                    {.api = "Fetch"});
}

Task<void> Fetcher::fetch(FetchPlan plan, std::int16_t version) {
    CallOptions options = call_options();
    options.version_min = options.version_max = version;
    options.timeout = context_.config().fetch_wait_max + cluster_->config().request_timeout;
    std::optional<Error> failure;
    FetchResponse response;
    FetchRequest request = std::move(plan.request);
    const TimePoint sent = now();
    under_way_ = {sent + plan.wait, plan.wait};
    try {
        response = co_await cluster_->call(broker_, std::move(request), options, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    under_way_.reset();
    if (newcomers_ && !newcomers_->idle()) newcomers_->wake();
    if (!failure) {
        take(std::move(response), plan, sent);
        co_return;
    }
    session_.lost();
    context_.budget()->release(plan.reserved);
    give_all_back(*failure);
}

void Fetcher::take(FetchResponse response, const FetchPlan& plan, TimePoint sent) {
    planner_.wait_longer();
    const bool leaves_out_what_has_no_news = session_.established();
    const bool good = answers_.take(std::move(response), plan.reserved);
    if (!good) return give_all_back(*answers_.refusal());
    if (trouble_.any() && hasty_answers_ <= hasty_answers_free) trouble_.over();
    if (leaves_out_what_has_no_news) session_answered_at_ = now();
    hand_over_soon(std::exchange(answers_.deliveries(), {}));
    if (!answers_.departed().empty()) send_off_departed();
    keep_pace(plan, sent);
    if (!answers_.any_records() || session_.established()) return;
    // Brokers fill an answer in the order of the request: who got something goes behind those who did not.
    std::stable_partition(partitions_.begin(), partitions_.end(), [](const auto& partition) {
        return !std::exchange(partition->just_fed, false);
    });
}

void Fetcher::send_off_departed() {
    FetchPartitions leaving = std::exchange(answers_.departed(), {});
    for (const auto& partition : leaving) partition->home = nullptr;
    std::erase_if(partitions_, [](const auto& partition) { return partition->home == nullptr; });
    seen_.reset();
    context_.route(std::move(leaving));
}

/// A broker is to wait for data. One that answers at once with nothing would be asked thousands of times a second.
void Fetcher::keep_pace(const FetchPlan& plan, TimePoint sent) {
    const TimePoint time = now();
    const bool hasty = answers_.brought_nothing() && time + clocks_differ < sent + plan.wait;
    hasty_answers_ = hasty ? std::min(hasty_answers_ + 1, hasty_answers_free + 1) : 0;
    if (hasty_answers_ <= hasty_answers_free) return;
    not_before_ = time + hasty_pace;
    trouble_.note(Error(errc::bad_answer, "broker " + std::to_string(broker_) +
                                              " answers at once that there is nothing new, instead of waiting for it",
                        {.api = "Fetch"}),
                  time);
}

void Fetcher::hand_over_soon(std::vector<FetchQueue::Delivery> arrived) {
    if (arrived.empty()) return;
    std::size_t bytes = 0;
    for (const FetchQueue::Delivery& delivery : arrived) bytes += delivery.chunk.records.size();
    if (bytes < handed_over_at_once_bytes) {
        context_.queue().push(std::move(arrived));
        return;
    }
    // Posted twice: this coroutine has asked for the next request then, and the connection has written it. A reader that
    // wakes up may take the processor away from us, and the broker would wait with it. But not kept until that request: if
    // this leader is gone by then, another fetcher would hand over what follows before this.
    const auto executor = context_.runtime().executor();
    asio::post(executor, [executor, queue = context_.queue().shared_from_this(), arrived = std::move(arrived)]() mutable {
        asio::post(executor, [queue = std::move(queue), arrived = std::move(arrived)]() mutable {
            queue->push(std::move(arrived));
        });
    });
}

TimePoint Fetcher::answered_at(const FetchPartition& partition) const {
    const bool in_session = partition.member != nullptr && partition.member->session == &session_;
    if (!in_session || partition.answered_at == TimePoint::min()) return partition.answered_at;
    return std::max(partition.answered_at, session_answered_at_);
}

void Fetcher::give_all_back(const Error& failure) {
    if (context_.closed()) return;
    // The connection may just have been made anew, with other versions, after this one was chosen.
    const bool may_pass = failure.condition() == errc::unsupported_version;
    trouble_.note(failure, now(), may_pass ? Trouble::Report::if_it_stays : Trouble::Report::at_once);
    if (const auto news = trouble_.news(now())) context_.report(*news);
    FetchPartitions homeless;
    homeless.swap(partitions_);
    for (const auto& partition : homeless) {
        partition->home = nullptr;
        partition->where.lost(now());
        context_.note_trouble(*partition, failure, Trouble::Report::by_others);
    }
    context_.route(std::move(homeless));
}

}  // namespace kwire
