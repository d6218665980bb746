// A clock that stands still until a test moves it on, and the loop that runs code on it.
//
//     VirtualLoop loop;                                    // a Runtime on a virtual clock
//     auto cluster = Cluster::create(loop.runtime(), config);
//     auto view = loop.run(cluster->refresh({}));          // runs the coroutine to its end; throws what it throws
//     loop.advance(30s);                                   // everything that happens within the next 30 s, in order
//
// Nothing here takes real time, and the order of events is the same in every run.
// Threads: one. Nothing runs between two calls, so a test may look at and touch everything then.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <asio/io_context.hpp>

#include <kwire/net/runtime.h>

namespace kwire::test {

class VirtualClock final : public TimeSource {
 public:
    TimePoint now() const override { return now_; }
    void arm(asio::steady_timer& timer, TimePoint when) override;
    void disarm(asio::steady_timer& timer) override;

    /// When the next timer is due, nothing if none is armed.
    std::optional<TimePoint> next() const;
    /// Sets the clock, which never goes back, and wakes what is due by then.
    void set(TimePoint now);

 private:
    struct Armed {
        TimePoint when;
        std::uint64_t order = 0;  // of arming: timers of the same time are woken in this order
    };
    TimePoint now_{std::chrono::hours(1)};
    std::uint64_t armed_count_ = 0;
    std::map<asio::steady_timer*, Armed> armed_;
};

class VirtualLoop {
 public:
    VirtualLoop();
    ~VirtualLoop();
    VirtualLoop(const VirtualLoop&) = delete;
    VirtualLoop& operator=(const VirtualLoop&) = delete;

    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    VirtualClock& clock() { return *clock_; }
    TimePoint now() const { return clock_->now(); }

    /// Runs all that is ready, without moving the clock.
    void run_until_idle();
    /// Runs one handler that is ready, or moves the clock to the next timer. False if there is neither.
    bool turn();
    /// Moves the clock on by duration, stopping at every timer on the way.
    void advance(Duration duration);
    /// Moves the clock to the next timer, however far that is. False if there is none.
    bool advance_to_next();

    /// Runs task to its end, moving the clock on whenever nothing else is ready. Returns its result
    /// or throws what it throws. Throws std::logic_error if it waits for something that cannot
    /// come, or for longer than `limit`.
    template <class T>
    T run(Task<T> task, Duration limit = std::chrono::hours(24)) {
        auto outcome = start(std::move(task));
        const TimePoint end = now() + limit;
        run_until_idle();
        while (!outcome->done()) {
            if (now() > end) throw std::logic_error("the task did not end within the limit");
            if (!advance_to_next()) throw std::logic_error("the task waits for ever");
        }
        return outcome->take();
    }

    /// A task that was started; take() what became of it once it is done().
    template <class T>
    class Outcome {
     public:
        bool done() const { return done_; }
        T take() {
            if (!done_) throw std::logic_error("the task has not ended yet");
            if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
            if constexpr (!std::is_void_v<T>) return std::move(*value_);
        }

     private:
        friend class VirtualLoop;
        bool done_ = false;
        std::exception_ptr failure_;
        std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> value_{};
    };

    /// Starts task; it runs during the next run_until_idle or advance.
    template <class T>
    std::shared_ptr<Outcome<T>> start(Task<T> task) {
        auto outcome = std::make_shared<Outcome<T>>();
        const auto end = [outcome](std::exception_ptr failure) {
            outcome->done_ = true;
            outcome->failure_ = std::move(failure);
        };
        if constexpr (std::is_void_v<T>) {
            kwire::start(runtime_->executor(), std::move(task), end);
        } else {
            kwire::start(runtime_->executor(), keep_result(std::move(task), &outcome->value_), end);
        }
        return outcome;
    }

 private:
    std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>();
    struct Context : asio::io_context {
        using asio::io_context::io_context;
        using asio::execution_context::shutdown;
    };
    std::unique_ptr<Context> context_ = std::make_unique<Context>(1);
    std::shared_ptr<Runtime> runtime_;
};

}  // namespace kwire::test
