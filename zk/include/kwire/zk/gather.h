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

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

#include <kwire/net/runtime.h>

namespace kwire::zk {

namespace detail {

/// What is the same for all types of results.
struct Gathering {
    Gathering(const asio::any_io_executor& executor, std::size_t count)
        : done(executor, asio::steady_timer::time_point::max()), left(count) {}

    void finish(std::exception_ptr problem);
    /// Until all have ended; throws the first failure.
    static Task<void> wait(std::shared_ptr<Gathering> self);

    asio::steady_timer done;  ///< Never expires: cancelling it is the signal.
    std::exception_ptr failure;
    std::size_t left;
};

template <class T>
struct GatheredResults : Gathering {
    GatheredResults(const asio::any_io_executor& executor, std::size_t count)
        : Gathering(executor, count), values(count) {}

    std::vector<std::optional<T>> values;
};

}  // namespace detail

/// The results in the order of the tasks. T must not be void.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto state = std::make_shared<detail::GatheredResults<T>>(executor, tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        start(executor, keep_result(std::move(tasks[i]), &state->values[i]),
              [state](std::exception_ptr problem) { state->finish(std::move(problem)); });
    }
    co_await detail::Gathering::wait(state);
    std::vector<T> results;
    results.reserve(state->values.size());
    for (auto& value : state->values) results.push_back(std::move(*value));
    co_return results;
}

}  // namespace kwire::zk
