#include "store_queue.h"

#include <algorithm>
#include <set>
#include <utility>

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace kwire {
namespace {

// Requests whose backoff ends within the same tenth of a second are asked together.
constexpr std::chrono::milliseconds retry_grid{100};

TimePoint rounded_up(TimePoint time) {
    const Duration past = time.time_since_epoch() % retry_grid;
    return past == Duration::zero() ? time : time - past + retry_grid;
}

}  // namespace

StoreQueue::StoreQueue(std::shared_ptr<Runtime> runtime, Call call)
    : runtime_(std::move(runtime)), call_(std::move(call)), timer_(*runtime_), settled_(*runtime_) {}

void StoreQueue::add(const Self& self, StoreRequestPtr request) {
    self->waiting_.push_back(std::move(request));
    if (std::exchange(self->running_, true)) {
        self->timer_.cancel();
    } else {
        self->runtime_->spawn(run(self));
    }
}

Task<void> StoreQueue::wait(Self self, StoreRequestPtr request, TimePoint until) {
    while (!request->done) {
        const bool in_time = co_await self->settled_.wait_until(until);
        if (!in_time) break;
    }
}

void StoreQueue::end_retries(StoreRequest& request) {
    request.one_try = true;
    if (request.asked || request.done) return;
    request.done = true;
    settled_.notify_all();
}

void StoreQueue::give_up(StoreRequest& request) {
    request.given_up->store(true, std::memory_order_release);
    end_retries(request);
}

void StoreQueue::drop_all(const Error& why) {
    for (const StoreRequestPtr& request : waiting_) {
        request->given_up->store(true, std::memory_order_release);
        if (request->done) continue;
        request->outcome = OffsetStore::Outcome{{}, why, false};
        request->done = true;
    }
    settled_.notify_all();
}

Task<void> StoreQueue::run(Self self) {
    const asio::any_io_executor executor = self->runtime_->executor();
    while (!self->waiting_.empty()) {
        co_await asio::post(executor, asio::use_awaitable);  // whoever asks in the same turn is asked for together
        const std::vector<StoreRequestPtr> batch = self->take_due();
        if (!batch.empty()) {
            const OffsetStore::Outcomes outcomes = co_await self->call_(batch);
            self->settle(batch, outcomes);
        } else if (!self->waiting_.empty()) {
            co_await self->timer_.wait_until(self->next_due());
        }
    }
    self->running_ = false;
}

std::vector<StoreRequestPtr> StoreQueue::take_due() {
    const TimePoint now = runtime_->now();
    for (const StoreRequestPtr& request : waiting_) {
        if (now >= request->deadline) request->done = true;
    }
    const auto ended = std::erase_if(waiting_, [](const StoreRequestPtr& request) { return request->done; });
    if (ended > 0) settled_.notify_all();
    std::vector<StoreRequestPtr> batch;
    std::set<TopicPartition> partitions;
    for (const StoreRequestPtr& request : waiting_) {
        if (request->due > now || !partitions.insert(request->tp).second) continue;
        request->asked = true;
        batch.push_back(request);
    }
    return batch;
}

void StoreQueue::settle(const std::vector<StoreRequestPtr>& batch, const OffsetStore::Outcomes& outcomes) {
    for (const StoreRequestPtr& request : batch) {
        request->asked = false;
        if (!request->done) settle_one(*request, outcomes);
    }
    std::erase_if(waiting_, [](const StoreRequestPtr& request) { return request->done; });
    settled_.notify_all();
}

void StoreQueue::settle_one(StoreRequest& request, const OffsetStore::Outcomes& outcomes) {
    const auto found = outcomes.find(request.tp);
    if (found != outcomes.end()) {
        request.outcome = found->second;
    } else {
        request.outcome = OffsetStore::Outcome{
            {},
            Error(errc::bad_answer, "the answer of the store leaves this partition out, though it was asked for",
                  {.topic = request.tp.topic, .partition = request.tp.partition}),
            true};
    }
    const TimePoint now = runtime_->now();
    const bool again = request.outcome->error && request.outcome->try_again && !request.one_try;
    request.done = !again || now >= request.deadline;
    request.due = std::min(rounded_up(later(now, request.backoff.next())), request.deadline);
}

TimePoint StoreQueue::next_due() const {
    TimePoint next = TimePoint::max();
    for (const StoreRequestPtr& request : waiting_) next = std::min(next, request->due);
    return next;
}

}  // namespace kwire
