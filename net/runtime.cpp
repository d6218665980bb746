#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>

namespace kwire {
namespace {

/// std::chrono::steady_clock stands still while the machine sleeps; leases of others do not.
class RealTime final : public TimeSource {
 public:
    TimePoint now() const override {
        timespec time{};
        if (clock_gettime(CLOCK_BOOTTIME, &time) != 0) return std::chrono::steady_clock::now();
        return TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
    }
    void arm(asio::steady_timer& timer, TimePoint when) override {
        if (when == TimePoint::max()) {
            timer.expires_at(when);
        } else {
            timer.expires_after(std::max(when, TimePoint()) - now());
        }
    }
    void disarm(asio::steady_timer& timer) override { timer.cancel(); }
};

/// Of what should have become an error of the object concerned.
void complain(const std::exception_ptr& failure) noexcept {
    const Error error = as_error(failure);
    std::fprintf(stderr, "kwire: an exception left a task, which is a bug: %s\n", error.what());
}

/// While one lives, threads are started with all signals blocked: the program's signals are not
/// ours to take.
class SignalsBlocked {
 public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
    sigset_t before_{};
};

/// Counts the threads that run, so that a program which ends waits for those that are winding down:
/// the last reference to a Runtime may go on its own thread, which nobody joins then, and what it
/// still destroys may reach for objects that the end of the program destroys too.
class RunningThreads {
 public:
    static RunningThreads& instance() {
        static auto* const threads = new RunningThreads;  // outlives every thread
        return *threads;
    }
    void begun() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    void ended() {
        const std::lock_guard lock(mutex_);
        if (--count_ == 0) none_left_.notify_all();
    }

 private:
    /// What a thread of ours uses to its last is made before exit() is told of us, so that it is
    /// destroyed after we have waited.
    RunningThreads() {
        (void)asio::error::get_system_category();
        (void)asio::error::get_netdb_category();
        (void)asio::error::get_addrinfo_category();
        (void)asio::error::get_misc_category();
        (void)make_error_code(errc::closed);
        std::atexit([] { instance().wait(); });
    }
    /// Not for long: a runtime that a static object holds ends only after this.
    void wait() {
        std::unique_lock lock(mutex_);
        none_left_.wait_for(lock, std::chrono::milliseconds(500), [this] { return count_ == 0; });
    }

    std::mutex mutex_;
    std::condition_variable none_left_;
    int count_ = 0;
};

/// What the thread needs to live on when the Runtime is dropped on that very thread. Coroutines
/// that are still suspended are destroyed with the context, before the time source that their
/// timers may reach for.
struct Loop {
    std::shared_ptr<TimeSource> time = std::make_shared<RealTime>();
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};

    void run() noexcept {
        for (;;) {
            try {
                context.run();
                return;
            } catch (...) {
                complain(std::current_exception());  // and go on with the next handler
            }
        }
    }
};

class OwnThread final : public Runtime {
 public:
    explicit OwnThread(std::shared_ptr<Loop> loop)
        : Runtime(loop->context.get_executor(), loop->time), loop_(std::move(loop)) {
        const SignalsBlocked blocked;
        RunningThreads::instance().begun();
        thread_ = std::thread([its_loop = loop_]() mutable {
            its_loop->run();
            its_loop.reset();
            RunningThreads::instance().ended();
        });
        pthread_setname_np(thread_.native_handle(), "kwire");
    }

    ~OwnThread() override {
        loop_->context.stop();
        if (on_runtime()) {
            thread_.detach();
        } else {
            thread_.join();
        }
    }

    bool on_runtime() const override { return std::this_thread::get_id() == thread_.get_id(); }
    bool has_own_thread() const override { return true; }

 private:
    std::shared_ptr<Loop> loop_;
    std::thread thread_;
};

using Strand = asio::strand<asio::any_io_executor>;

class OnExecutor final : public Runtime {
 public:
    OnExecutor(Strand strand, std::shared_ptr<TimeSource> time)
        : Runtime(strand, std::move(time)), strand_(strand) {}

    bool on_runtime() const override { return strand_.running_in_this_thread(); }
    bool has_own_thread() const override { return false; }

 private:
    Strand strand_;
};

}  // namespace

std::shared_ptr<Runtime> Runtime::with_own_thread() {
    return std::make_shared<OwnThread>(std::make_shared<Loop>());
}

std::shared_ptr<Runtime> Runtime::on(asio::any_io_executor executor) {
    return on(std::move(executor), std::make_shared<RealTime>());
}

std::shared_ptr<Runtime> Runtime::on(asio::any_io_executor executor,
                                     std::shared_ptr<TimeSource> time) {
    return std::make_shared<OnExecutor>(asio::make_strand(std::move(executor)), std::move(time));
}

void start(const asio::any_io_executor& executor, Task<void> task,
           std::function<void(std::exception_ptr)> then) {
    asio::co_spawn(executor, std::move(task), std::move(then));
}

void Runtime::spawn(Task<void> task) {
    // Posted, so that a task never runs inside the function that starts it.
    asio::post(executor_, [executor = executor_, task = std::move(task)]() mutable {
        start(executor, std::move(task), [](std::exception_ptr failure) {
            if (failure) complain(failure);
        });
    });
}

void Runtime::post(std::function<void()> action) {
    asio::post(executor_, [action = std::move(action)] {
        try {
            action();
        } catch (...) {
            complain(std::current_exception());
        }
    });
}

void Runtime::require_on_runtime(const char* operation) const {
    if (on_runtime()) return;
    throw Error(errc::foreign_executor,
                std::string(operation) +
                    " was awaited outside its runtime's executor; start the coroutine with "
                    "co_spawn(runtime->executor(), ...), or use Runtime::block_on",
                {});
}

void Runtime::block_on(Task<void> task) {
    refuse_on_runtime();
    // Lives with the handler, so that the waiting thread may go at once.
    auto over = std::make_shared<std::promise<void>>();
    auto future = over->get_future();
    // Told one turn later, when the task and all that it holds are destroyed: who waits may drop the
    // last reference to this runtime next, and should not leave that to the runtime's own thread.
    start(executor_, std::move(task), [executor = executor_, over = std::move(over)](std::exception_ptr failure) {
        asio::post(executor, [over, failure = std::move(failure)] {
            if (failure) {
                over->set_exception(failure);
            } else {
                over->set_value();
            }
        });
    });
    future.get();
}

void Runtime::refuse_on_runtime() const {
    if (on_runtime()) {
        throw Error(errc::would_block_runtime,
                    "a blocking call was made on the runtime's own thread, where it would wait for "
                    "itself; use the async form there");
    }
}

struct Timer::State {
    explicit State(const Runtime& runtime) : timer(runtime.executor()) {}

    static Task<bool> wait(std::shared_ptr<State> self) {
        asio::error_code ignored;
        co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        co_return !self->cancelled;
    }

    asio::steady_timer timer;
    bool cancelled = false;
};

Timer::Timer(Runtime& runtime) : time_(runtime.time()), state_(std::make_shared<State>(runtime)) {}

Timer::~Timer() {
    cancel();
}

Task<bool> Timer::wait_until(TimePoint when) {
    state_->cancelled = false;
    time_->arm(state_->timer, when);
    return State::wait(state_);
}

void Timer::cancel() {
    state_->cancelled = true;
    time_->disarm(state_->timer);
}

/// A steady_timer that never expires wakes all its waiters when it is cancelled; those with a
/// deadline have a Timer each.
struct Event::State {
    explicit State(Runtime& its_runtime)
        : runtime(its_runtime), gate(its_runtime.executor(), TimePoint::max()) {}

    static Task<void> wait(std::shared_ptr<State> self) {
        asio::error_code ignored;
        co_await self->gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }

    static Task<bool> wait_until(std::shared_ptr<State> self, TimePoint deadline) {
        Timer timer(self->runtime);
        const Listed listed(*self, timer);
        const bool deadline_came = co_await timer.wait_until(deadline);
        co_return !deadline_came;
    }

    /// Also where the coroutine is destroyed before it goes on, as at the end of its loop.
    class Listed {
     public:
        Listed(State& state, Timer& timer) : state_(state), timer_(timer) { state.with_deadline.push_back(&timer); }
        ~Listed() { std::erase(state_.with_deadline, &timer_); }
        Listed(const Listed&) = delete;

     private:
        State& state_;
        Timer& timer_;
    };

    Runtime& runtime;
    asio::steady_timer gate;
    std::vector<Timer*> with_deadline;
};

Event::Event(Runtime& runtime) : state_(std::make_shared<State>(runtime)) {}

Event::~Event() {
    notify_all();
}

Task<void> Event::wait() {
    return State::wait(state_);
}

Task<bool> Event::wait_until(TimePoint deadline) {
    return State::wait_until(state_, deadline);
}

void Event::notify_all() {
    state_->gate.cancel();
    for (Timer* timer : state_->with_deadline) timer->cancel();
}

}  // namespace kwire
