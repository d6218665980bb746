#include "callback_queue.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <asio/post.hpp>

#include <kwire/net/error.h>

namespace kwire {
namespace {

/// What call threw, in words; empty if it did not throw.
std::string thrown_by(const CallbackQueue::Call& call) {
    try {
        call();
    } catch (const std::exception& thrown) {
        const char* what = thrown.what();
        return what != nullptr && *what != 0 ? what : "a std::exception that says nothing";
    } catch (...) {
        return "something that is no std::exception";
    }
    return {};
}

}  // namespace

struct CallbackQueue::Shared {
    /// False once the queue was closed. What begins before is known to inside() before close() looks.
    bool begin() {
        const std::lock_guard lock(mutex);
        if (closed) return false;
        thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
        return true;
    }

    std::mutex mutex;
    bool closed = false;
    std::atomic<std::thread::id> thread{};  // that a callback runs on
};

CallbackQueue::CallbackQueue(std::shared_ptr<Runtime> runtime, Settings settings)
    : runtime_(std::move(runtime)),
      settings_(std::move(settings)),
      shared_(std::make_shared<Shared>()),
      changed_(*runtime_) {}

void CallbackQueue::listen(Late late, Threw threw) {
    late_ = std::move(late);
    threw_ = std::move(threw);
}

void CallbackQueue::add(std::string name, Call call, Call returned) {
    add_made_late(std::move(name), [call = std::move(call)] { return call; }, std::move(returned));
}

void CallbackQueue::add_made_late(std::string name, std::function<Call()> make, Call returned) {
    if (closed_) return;
    waiting_.push_back({std::move(name), std::move(make), std::move(returned)});
    begin_next();
}

void CallbackQueue::begin_next() {
    if (running_ || waiting_.empty()) return;
    running_ = true;
    ++number_;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!settings_.executor) {
        own_thread_ = Runtime::with_own_thread();
        settings_.executor = own_thread_->executor();
    }
    name_ = std::move(next.name);
    runtime_->spawn(watch(shared_from_this(), number_));
    try {
        begin(next);
    } catch (...) {
        // The program's executor: whatever waits for the callback must not wait for ever.
        const std::string thrown = as_error(std::current_exception()).what();
        runtime_->post([weak = weak_from_this(), returned = std::move(next.returned), thrown] {
            if (const auto self = weak.lock()) self->end(returned, "callback_executor refused it: " + thrown);
        });
    }
}

/// It holds its thread: a callback that never returns must not be waited for where the queue goes, and the thread that is
/// dropped by itself is left to its end.
void CallbackQueue::begin(const Waiting& next) {
    asio::post(settings_.executor, [weak = weak_from_this(), runtime = runtime_, thread = own_thread_, shared = shared_,
                                    call = next.make(), returned = next.returned]() mutable {
        if (!shared->begin()) return;
        auto thrown = thrown_by(call);
        call = nullptr;
        shared->thread.store({}, std::memory_order_relaxed);
        asio::post(runtime->executor(),
                   [weak = std::move(weak), thrown = std::move(thrown), returned = std::move(returned)] {
                       if (const auto self = weak.lock()) self->end(returned, thrown);
                   });
    });
}

void CallbackQueue::end(const Call& returned, const std::string& thrown) {
    if (closed_) return;
    running_ = false;
    if (!thrown.empty()) threw_(name_, thrown);
    if (returned) returned();
    begin_next();
    changed_.notify_all();
}

Task<void> CallbackQueue::watch(std::shared_ptr<CallbackQueue> self, std::uint64_t number) {
    const TimePoint deadline = later(self->runtime_->now(), self->settings_.patience);
    while (self->running_ && self->number_ == number) {
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (in_time) continue;
        if (self->running_ && self->number_ == number) self->late_(self->name_);
        break;
    }
}

Task<bool> CallbackQueue::idle(std::shared_ptr<CallbackQueue> self, TimePoint deadline) {
    while (self->running_ || !self->waiting_.empty()) {
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (!in_time) break;
    }
    co_return !self->running_ && self->waiting_.empty();
}

void CallbackQueue::close() {
    closed_ = true;
    waiting_.clear();
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->closed = true;
    }
    running_ = false;  // it is nobody's any more
    changed_.notify_all();
}

bool CallbackQueue::inside() const {
    return shared_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

}  // namespace kwire
