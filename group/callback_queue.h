// Runs a program's callbacks: one at a time, in the order of what they tell, and apart from the strand, so that one that
// blocks holds up nothing but the callbacks behind it.
//
// Threads: the strand of the runtime that it was made with, but for inside(). The callbacks run on the executor.
// Lifetimes: a callback that does not return outlives the queue; nothing of the queue is touched when it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include <asio/any_io_executor.hpp>

#include <kwire/net/runtime.h>

namespace kwire {

class CallbackQueue : public std::enable_shared_from_this<CallbackQueue> {
 public:
    struct Settings {
        asio::any_io_executor executor;  ///< Empty: a thread of its own, from the first callback on.
        Duration patience{};             ///< A callback that takes longer is late.
    };
    using Call = std::function<void()>;
    using Late = std::function<void(const std::string& name)>;
    using Threw = std::function<void(const std::string& name, const std::string& what)>;

    CallbackQueue(std::shared_ptr<Runtime> runtime, Settings settings);
    /// Before the first add. Both are called on the strand.
    void listen(Late late, Threw threw);

    /// returned, if any, is called on the strand after call. Nothing is called where the queue was closed before.
    void add(std::string name, Call call, Call returned = {});
    /// For a callback that tells what is known when it is its turn: make is called on the strand then.
    void add_made_late(std::string name, std::function<Call()> make, Call returned = {});
    /// Returns when all callbacks have returned (true), or at deadline.
    static Task<bool> idle(std::shared_ptr<CallbackQueue> self, TimePoint deadline);
    /// No callback begins from now on.
    void close();
    /// The name of the callback that runs; empty: none does.
    std::string running() const { return running_ ? name_ : std::string(); }
    std::size_t waiting() const { return waiting_.size(); }
    /// True in a callback of this queue. Any thread.
    bool inside() const;

 private:
    struct Waiting {
        std::string name;
        std::function<Call()> make;
        Call returned;
    };
    struct Shared;  // with the callback that runs

    void begin_next();
    void begin(const Waiting& next);
    void end(const Call& returned, const std::string& thrown);
    static Task<void> watch(std::shared_ptr<CallbackQueue> self, std::uint64_t number);

    const std::shared_ptr<Runtime> runtime_;
    Settings settings_;
    Late late_;
    Threw threw_;
    std::shared_ptr<Runtime> own_thread_;
    const std::shared_ptr<Shared> shared_;
    std::deque<Waiting> waiting_;
    bool closed_ = false;
    bool running_ = false;
    std::string name_;  // of the callback that runs, or ran last
    std::uint64_t number_ = 0;  // of the same
    Event changed_;
};

}  // namespace kwire
