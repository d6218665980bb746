// The thread, or the user's executor, that all of kwire's input and output runs on; and the clock
// it runs by.
//
// Purpose: one client is one strand. Everything inside kwire runs on Runtime::executor(), one thing
// at a time, so nothing inside needs a mutex. A program gives kwire a thread of its own
// (Runtime::with_own_thread) or its own event loop (Runtime::on). Threads: executor(), now(),
// spawn() and block_on() from any thread; Timer and Event only on the strand. Lifetimes: whoever
// needs the runtime holds the shared_ptr. The own thread ends when the last one goes; dropping the
// last one on that very thread is allowed.
// Time: all waiting goes through Timer and Event, so that a test can put a virtual clock in place
// of the real one. now() goes on while the machine sleeps (CLOCK_BOOTTIME), so that a lease that ran
// out meanwhile is seen to have run out; a Timer does not, and comes late by what was slept. A
// TimePoint of now() is not one of steady_clock::now().
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

namespace kwire {

template <class T = void>
using Task = asio::awaitable<T>;

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// Where `now` comes from and who wakes a Timer. The default is the time since the machine was
/// started, with what it slept; tests have a virtual one.
class TimeSource {
 public:
    virtual ~TimeSource() = default;
    virtual TimePoint now() const = 0;
    /// Called before timer is waited on: completes that wait, in whatever way, once now() >= when.
    virtual void arm(asio::steady_timer& timer, TimePoint when) = 0;
    /// Completes a wait on timer that is under way; timer is not to be touched afterwards.
    virtual void disarm(asio::steady_timer& timer) = 0;
};

/// time + duration, or the end of time where that would overflow.
constexpr TimePoint later(TimePoint time, Duration duration) {
    return duration > TimePoint::max() - time ? TimePoint::max() : time + duration;
}

/// Starts task on executor and calls `then` there once it has ended, with what it threw. Not a template, so that
/// asio::co_spawn, which costs seconds of compile time for every type of result, is instantiated once.
void start(const asio::any_io_executor& executor, Task<void> task, std::function<void(std::exception_ptr)> then);

/// Leaves what task returns in *result, which must live until then.
template <class T>
Task<void> keep_result(Task<T> task, std::optional<T>* result) {
    T value = co_await std::move(task);
    result->emplace(std::move(value));
}

class Runtime : public std::enable_shared_from_this<Runtime> {
 public:
    static std::shared_ptr<Runtime> with_own_thread();
    /// Runs on a strand of executor. The user keeps the loop running until all objects on it are
    /// closed.
    static std::shared_ptr<Runtime> on(asio::any_io_executor executor);
    static std::shared_ptr<Runtime> on(asio::any_io_executor executor,
                                       std::shared_ptr<TimeSource> time);

    virtual ~Runtime() = default;
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    const asio::any_io_executor& executor() const { return executor_; }
    TimePoint now() const { return time_->now(); }
    const std::shared_ptr<TimeSource>& time() const { return time_; }
    /// True on the thread that is running this runtime's handlers at this moment.
    virtual bool on_runtime() const = 0;
    /// False for one that runs on the user's executor.
    virtual bool has_own_thread() const = 0;

    /// Starts task on the strand. Whoever spawns a task makes its failure an error of the object that
    /// it works for; an exception that still leaves it is a bug in kwire. It is written to stderr and
    /// costs that task, never the program.
    void spawn(Task<void> task);

    /// Runs action on the strand, never inside this call. What it throws is treated as by spawn.
    void post(std::function<void()> action);

    /// Throws errc::foreign_executor, naming operation, unless this is the strand. Coroutines of
    /// kwire run on the executor that awaits them, and must not run on another one.
    void require_on_runtime(const char* operation) const;

    /// Runs task on the strand and waits for its outcome; throws what it throws.
    /// Throws errc::would_block_runtime on the runtime itself.
    template <class T>
    T block_on(Task<T> task) {
        std::optional<T> result;
        block_on(keep_result(std::move(task), &result));
        return std::move(*result);
    }
    void block_on(Task<void> task);

 protected:
    Runtime(asio::any_io_executor executor, std::shared_ptr<TimeSource> time)
        : executor_(std::move(executor)), time_(std::move(time)) {}

 private:
    void refuse_on_runtime() const;

    asio::any_io_executor executor_;
    std::shared_ptr<TimeSource> time_;
};

/// A wait that can be cut short. One waiter at a time. Destroying it wakes the waiter with `false`.
class Timer {
 public:
    explicit Timer(Runtime& runtime);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// True if the time came, false if cancel() came first. Never throws.
    Task<bool> wait_until(TimePoint when);
    Task<bool> wait_for(Duration duration) { return wait_until(later(time_->now(), duration)); }
    void cancel();

 private:
    struct State;
    std::shared_ptr<TimeSource> time_;  // a Timer on a coroutine's frame may go after the Runtime
    std::shared_ptr<State> state_;
};

/// Something other coroutines on the strand wait for, any number of them. A notification that
/// nobody waits for is forgotten, so check the condition first: `while (!ready) co_await
/// event.wait();`
class Event {
 public:
    explicit Event(Runtime& runtime);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    Task<void> wait();
    /// False if deadline came first.
    Task<bool> wait_until(TimePoint deadline);
    void notify_all();

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace kwire
