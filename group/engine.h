// What the parts of a member share: its configuration, the strand, events, errors, the log and the program's callbacks.
//
// How it works: whatever happens becomes an event (post); the state machine answers with actions, which the parts carry
// out, the long ones as coroutines whose end is an event again. A part decides nothing.
// Threads: the strand, except for what says "any thread".
// Lifetimes: the parts are members of one object, the Member. A coroutine of a part holds that object through hold().
// Everything of the program's (its logger, its callbacks) may throw anything: it is caught here.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kwire/group/consumer_group.h>
#include <kwire/group/group_config.h>

#include "callback_queue.h"
#include "error_log.h"
#include "membership_protocol.h"

namespace kwire {

/// With a runtime and a session factory.
struct MemberSettings {
    std::string group;
    MemberSubscription subscription;
    GroupConfig config;
};

class Engine : public std::enable_shared_from_this<Engine> {
 public:
    explicit Engine(MemberSettings settings);
    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // ---- any thread
    const MemberSettings& settings() const { return *settings_; }
    const GroupConfig& config() const { return settings_->config; }
    /// What callbacks hold instead of copies of the program's functions, whose copying may throw, and instead of this
    /// object, which must not end on their thread.
    std::shared_ptr<const GroupConfig> shared_config() const { return {settings_, &settings_->config}; }
    const std::string& group() const { return settings_->group; }
    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    bool inside_callback() const { return callbacks_->inside(); }
    ErrorLog& errors() { return errors_; }
    /// Nothing more is handed out: close was asked for, or the member was put out of its group.
    virtual bool closing() const = 0;
    /// Why the member ends, if that is not that it was closed; the first reason counts.
    virtual void note_end(EndReason reason, const Error& error) = 0;

    // ---- the strand
    virtual void post(MembershipEvent event) = 0;
    /// After the last action: nothing is to be begun any more.
    virtual bool finished() const = 0;
    /// Makes what other threads see of this member as new as it is.
    virtual void publish() = 0;

    void spawn(Task<void> task) { runtime_->spawn(std::move(task)); }
    TimePoint now() const { return runtime_->now(); }
    /// Notified whenever something has changed that a coroutine of this member may be waiting for.
    Event& changed() { return changed_; }
    CallbackQueue& callbacks() { return *callbacks_; }
    /// Returns once every callback has returned, or at deadline; none begins afterwards.
    static Task<void> end_callbacks(std::shared_ptr<Engine> self, TimePoint deadline);

    void report(const Error& error);
    void log(LogLevel level, const std::string& text);

    using PartitionsCallback = std::function<void(const std::vector<TopicPartition>&)> GroupConfig::*;
    /// returned is called on the strand once the callback has returned, or at once if there is none.
    void call_back(const char* name, PartitionsCallback callback, const std::vector<TopicPartition>& partitions,
                   CallbackQueue::Call returned = {});
    /// make is called on the strand when it is the callback's turn.
    void call_back_made_late(const char* name, std::function<CallbackQueue::Call()> make);

    /// A pointer to a part of this object that keeps the whole of it alive.
    template <class Part>
    std::shared_ptr<Part> hold(Part& part) {
        return {shared_from_this(), &part};
    }

 protected:
    void listen_to_callbacks();
 private:
    const std::shared_ptr<const MemberSettings> settings_;
    const std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<CallbackQueue> callbacks_;
    Event changed_;
    ErrorLog errors_;
    std::size_t errors_waiting_ = 0;  // for on_error
};

}  // namespace kwire
