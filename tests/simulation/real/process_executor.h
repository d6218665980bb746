// The executor of one simulated process, which can stand still while the others go on, as a process that is stopped does.
//
// What is submitted meanwhile, timers and answers included, waits and runs in its order once it goes on.
// Threads: that of the VirtualLoop. Lifetimes: copies share their state; the executor below must outlive them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/post.hpp>

namespace kwire::seeds {

class ProcessExecutor {
    struct State {
        explicit State(asio::any_io_executor on) : below(std::move(on)) {}
        asio::any_io_executor below;
        bool standing = false;
        std::deque<std::function<void()>> waiting;
    };

 public:
    /// No constructor: Asio's check of what is an executor would look for a conversion from this one.
    static ProcessExecutor on(asio::any_io_executor below) {
        return ProcessExecutor(std::make_shared<State>(std::move(below)));
    }

    void stand_still() const { state_->standing = true; }
    void go_on() const {
        state_->standing = false;
        for (auto& work : std::exchange(state_->waiting, {})) asio::post(state_->below, std::move(work));
    }
    /// Nothing that waits will ever run: the process was killed.
    void drop() const { state_->waiting.clear(); }

    // ---- what Asio wants of an executor
    template <class Function>
    void execute(Function&& function) const {
        auto held = std::make_shared<std::decay_t<Function>>(std::forward<Function>(function));
        submit([held = std::move(held)]() mutable { std::exchange(held, nullptr)->operator()(); });
    }
    asio::execution_context& query(asio::execution::context_t) const {
        return asio::query(state_->below, asio::execution::context);
    }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) {
        return asio::execution::blocking.never;
    }
    bool operator==(const ProcessExecutor& other) const noexcept { return state_ == other.state_; }
    bool operator!=(const ProcessExecutor& other) const noexcept { return state_ != other.state_; }

 private:
    explicit ProcessExecutor(std::shared_ptr<State> state) : state_(std::move(state)) {}

    void submit(std::function<void()> work) const {
        // Looked at again when it is its turn: the process may have been stopped in between.
        if (state_->standing) return state_->waiting.push_back(std::move(work));
        asio::post(state_->below, [state = state_, work = std::move(work)]() mutable {
            if (state->standing) return state->waiting.push_back(std::move(work));
            work();
        });
    }

    std::shared_ptr<State> state_;
};

}  // namespace kwire::seeds
