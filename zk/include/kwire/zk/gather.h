// Runs several tasks at once and waits for all of them: how many small ZooKeeper operations become
// one round trip.
//
// Invariants: the tasks begin in the order given, each on the executor of the caller, so that
// operations of a session are sent in that order. The wait ends when all have ended; then the first
// failure, if any, is thrown.
// Threads: on a strand. Lifetimes: the tasks outlive a caller that is torn down; they must keep
// alive what they use.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <kwire/net/runtime.h>

namespace kwire::zk {

namespace detail {

template <class T>
struct Gathering {
    Gathering(const asio::any_io_executor& executor, std::size_t count)
        : done(executor, asio::steady_timer::time_point::max()), values(count), left(count) {}

    void finish(std::size_t index, std::exception_ptr problem, std::optional<T> value) {
        values[index] = std::move(value);
        if (problem && !failure) failure = problem;
        if (--left == 0) done.cancel();
    }

    asio::steady_timer done;  ///< Never expires: cancelling it is the signal.
    std::vector<std::optional<T>> values;
    std::exception_ptr failure;
    std::size_t left;
};

}  // namespace detail

/// The results in the order of the tasks. T must not be void.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto state = std::make_shared<detail::Gathering<T>>(executor, tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        asio::co_spawn(
            executor, std::move(tasks[i]), [state, i](std::exception_ptr problem, T value) {
                state->finish(i, problem,
                              problem ? std::nullopt : std::optional<T>(std::move(value)));
            });
    }
    while (state->left > 0) {
        std::error_code cancelled;
        co_await state->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    if (state->failure) std::rethrow_exception(state->failure);
    std::vector<T> results;
    results.reserve(state->values.size());
    for (auto& value : state->values) results.push_back(std::move(*value));
    co_return results;
}

}  // namespace kwire::zk
