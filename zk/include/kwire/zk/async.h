// Any operation of a Session or a Registry with a completion token, from any thread and executor; open_session() takes one
// itself.
//
//     zk::async_with(registry, [](zk::Registry& r) { return r.set_offset("g", {"t", 0}, 42); }, asio::use_future).get();
//
// Without it their operations are Tasks for coroutines on the runtime's strand, which cost no extra turn.
// Executor, threads, cancellation and exceptions are those of kwire/net/async.h: the operation is begun on the
// runtime's strand, its result is delivered on the handler's executor, and a cancellation ends the waiting only, for a
// request that was sent to ZooKeeper cannot be taken back: its outcome is unknown then, as after connection_loss.
// Lifetimes: the object is kept alive until the operation has ended.
// GCC 12: a lambda that captures something with a destructor must be a local where it stands in a `co_await`
// expression.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <asio/use_awaitable.hpp>

#include <kwire/net/async.h>
#include <kwire/zk/registry.h>
#include <kwire/zk/session.h>

namespace kwire::zk {

namespace detail {

inline const std::shared_ptr<Runtime>& runtime_of(const Session& session) {
    return session.runtime();
}
inline const std::shared_ptr<Runtime>& runtime_of(const Registry& registry) {
    return registry.session()->runtime();
}

template <class Object, class Operation>
std::invoke_result_t<Operation&, Object&> begun_on_strand(std::shared_ptr<Object> object, Operation operation) {
    auto task = operation(*object);
    co_return co_await std::move(task);
}

}  // namespace detail

/// operation is called once, on the strand, with *object, and returns one of its Tasks. What it captures is copied.
template <class Object, class Operation, class Token = const asio::use_awaitable_t<>&>
auto async_with(std::shared_ptr<Object> object, Operation operation, Token&& token = asio::use_awaitable) {
    auto runtime = detail::runtime_of(*object);
    return kwire::detail::async_operation(std::move(runtime),
                                          detail::begun_on_strand(std::move(object), std::move(operation)),
                                          std::forward<Token>(token));
}

}  // namespace kwire::zk
