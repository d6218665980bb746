// How every public asynchronous operation of kwire is begun, awaited and cancelled.
//
// Purpose: a public `async_` operation takes any completion token of Asio as its last argument: a callback, `asio::use_future`,
// `asio::use_awaitable` (the default), `asio::experimental::as_tuple(...)`, each also through `asio::bind_executor` and
// `asio::bind_cancellation_slot`. All of them keep the rules that stand here; a declaration says only what differs.
// Executor: the work is done on the runtime's strand. The handler is completed on its associated executor; one that has none,
// such as a plain lambda, on the strand. It is never completed inside the call that begins the operation, nor inside the one
// that cancels it.
// Threads: an operation may be begun on any thread and any executor; arguments are taken by value. One that is awaited
// (`use_awaitable`) begins when it is awaited, and needs nothing of the object that it was made of to be kept until then.
// Cancellation: of every type, through the handler's cancellation slot, on the executor of the handler as Asio wants it. It ends
// the waiting only, with asio::error::operation_aborted as an asio::system_error. What was begun ends by itself or is undone;
// the declaration says which. A cancellation that comes too late changes nothing; the handler is completed exactly once.
// Exceptions: the signature is void(std::exception_ptr, T), or void(std::exception_ptr). A failure of kwire is a kwire::Error.
// What a handler throws goes through its executor: out of the program's own run(), or to stderr on a runtime's own thread.
// GCC 12: it destroys an aggregate twice, such as a config, whose braces stand inside a `co_await` expression, if one of its
// members has a destructor. Make it a local before. Names of topics (TopicNames) and a TopicPartition may stand there in braces.
// The end of the loop: if the runtime's loop is destroyed before the operation has ended, a handler of another loop is completed
// with errc::closed, and one of the same loop is destroyed with it. On a loop that is stopped nothing ends but by cancelling.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <kwire/net/runtime.h>

namespace kwire {

/// A token in place of a completion token: the operation is returned as a Task that runs as a part of the coroutine that
/// awaits it, which saves a turn of the strand. That coroutine must run on the runtime's strand, or the Task may throw
/// errc::foreign_executor; and must not be cancelled, for a cancellation would reach into the operation. kwire itself uses it
/// where instructions are counted.
struct use_task_t {};
inline constexpr use_task_t use_task{};

namespace detail {

template <class T>
struct Outcome {
    using Signature = void(std::exception_ptr, T);
    std::exception_ptr failure;
    T value{};
};
template <>
struct Outcome<void> {
    using Signature = void(std::exception_ptr);
    std::exception_ptr failure;
};

/// asio::error::operation_aborted.
std::exception_ptr wait_cancelled();
/// errc::closed: the loop ended before the operation.
std::exception_ptr loop_ended();

/// What waits for the outcome of an operation, whatever its handler. Any thread.
template <class T>
class Waiter {
 public:
    virtual ~Waiter() = default;
    /// Completes the handler with outcome, or returns false if it was completed before; outcome is untouched then.
    virtual bool complete(Outcome<T>& outcome) = 0;
};

template <class Handler, class T>
class HandlerWaiter final : public Waiter<T>, public std::enable_shared_from_this<HandlerWaiter<Handler, T>> {
 public:
    HandlerWaiter(std::shared_ptr<Runtime> runtime, std::stop_source abandoned, Handler handler)
        : runtime_(std::move(runtime)),
          abandoned_(std::move(abandoned)),
          work_(asio::get_associated_executor(handler, runtime_->executor())),
          handler_(std::move(handler)) {}

    /// Nobody is left who could complete it: its task was destroyed with the loop.
    ~HandlerWaiter() override {
        try {
            Outcome<T> outcome;
            outcome.failure = loop_ended();
            complete(outcome);
        } catch (...) {  // there is nobody left to report to
        }
    }

    bool complete(Outcome<T>& outcome) override {
        if (completed_.exchange(true, std::memory_order_acq_rel)) return false;
        asio::dispatch(work_.get_executor(), completion(std::move(outcome)));
        work_.reset();
        return true;
    }

    /// The handler must be in place: it may be cancelled as soon as this returns.
    void let_cancel() {
        auto slot = asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([waiter = this->weak_from_this()](asio::cancellation_type type) {
            if (type == asio::cancellation_type::none) return;
            if (const auto self = waiter.lock()) self->cancel();
        });
    }

 private:
    void cancel() {
        if (completed_.exchange(true, std::memory_order_acq_rel)) return;
        Outcome<T> outcome;
        outcome.failure = wait_cancelled();
        asio::post(work_.get_executor(), completion(std::move(outcome)));
        work_.reset();
        abandoned_.request_stop();
    }

    auto completion(Outcome<T> outcome) {
        // The runtime must be there until a handler on it was completed, but must not be kept beyond the end of its loop
        // by a handler of another one.
        bool on_runtime = false;
        if constexpr (std::is_same_v<Executor, asio::any_io_executor>) {
            on_runtime = work_.get_executor() == runtime_->executor();
        }
        auto runtime = std::exchange(runtime_, nullptr);
        if (!on_runtime) runtime = nullptr;
        return [runtime = std::move(runtime), handler = std::move(handler_), outcome = std::move(outcome)]() mutable {
            if constexpr (std::is_void_v<T>) {
                std::move(handler)(std::move(outcome.failure));
            } else {
                std::move(handler)(std::move(outcome.failure), std::move(outcome.value));
            }
        };
    }

    using Executor = asio::associated_executor_t<Handler, asio::any_io_executor>;

    std::shared_ptr<Runtime> runtime_;
    std::stop_source abandoned_;
    asio::executor_work_guard<Executor> work_;
    Handler handler_;
    std::atomic<bool> completed_{false};
};

/// Runs task to its end, and one turn later, when all that it held is destroyed, completes waiter. A result that nobody
/// waits for any more is given to undo.
template <class T, class Undo>
Task<void> run_for(asio::any_io_executor executor, Task<T> task, std::shared_ptr<Waiter<T>> waiter, Undo undo) {
    Outcome<T> outcome;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(task);
        } else {
            T value = co_await std::move(task);
            outcome.value = std::move(value);
        }
    } catch (...) {
        outcome.failure = std::current_exception();
    }
    asio::post(executor, [waiter = std::move(waiter), outcome = std::move(outcome), undo = std::move(undo)]() mutable {
        if (waiter->complete(outcome) || outcome.failure) return;
        if constexpr (!std::is_void_v<T>) undo(std::move(outcome.value));
    });
}

template <class T, class Undo>
struct Initiation {
    std::shared_ptr<Runtime> runtime;
    Task<T> task;
    std::stop_source abandoned;
    Undo undo;

    template <class Handler>
    void operator()(Handler&& handler) {
        const auto waiter = std::make_shared<HandlerWaiter<std::decay_t<Handler>, T>>(runtime, std::move(abandoned),
                                                                                       std::forward<Handler>(handler));
        waiter->let_cancel();
        runtime->spawn(run_for<T, Undo>(runtime->executor(), std::move(task), waiter, std::move(undo)));
    }
};

/// What is done by default with a result that nobody waits for: it is dropped.
struct Drop {
    template <class T>
    void operator()(T&&) const {}
};

/// Makes task, a coroutine that does its work on the strand and holds all that it needs, an operation as the head of this
/// file has it. abandoned: asked to stop, on the thread that cancels, once nobody waits any more. undo: called on the strand
/// with a result that came after that.
template <class T, class Token, class Undo = Drop>
auto async_operation(std::shared_ptr<Runtime> runtime, Task<T> task, Token&& token,
                     std::stop_source abandoned = std::stop_source(std::nostopstate), Undo undo = {}) {
    if constexpr (std::is_same_v<std::decay_t<Token>, use_task_t>) {
        return task;
    } else {
        return asio::async_initiate<Token, typename Outcome<T>::Signature>(
            Initiation<T, Undo>{std::move(runtime), std::move(task), std::move(abandoned), std::move(undo)}, token);
    }
}

}  // namespace detail
}  // namespace kwire
