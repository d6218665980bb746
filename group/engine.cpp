#include "engine.h"

#include <algorithm>

namespace kwire {
namespace {

using namespace std::chrono_literals;

// A callback that takes this long is reported, however short the time is that a partition waits for it.
constexpr Duration callback_patience_min = 1s;

}  // namespace

Engine::Engine(MemberSettings settings)
    : settings_(std::make_shared<const MemberSettings>(std::move(settings))),
      runtime_(config().runtime),
      changed_(*runtime_) {
    CallbackQueue::Settings queue;
    queue.executor = config().callback_executor;
    if (!queue.executor && !runtime_->has_own_thread()) queue.executor = runtime_->executor();
    queue.patience = std::max<Duration>(config().offsets.processing_timeout, callback_patience_min);
    callbacks_ = std::make_shared<CallbackQueue>(runtime_, std::move(queue));
}

void Engine::listen_to_callbacks() {
    callbacks_->listen(
        [weak = weak_from_this()](const std::string& name) {
            const auto self = weak.lock();
            if (!self) return;
            self->report(Error(errc::timed_out, name + " has not returned for longer than the processing timeout: no other "
                                                       "callback is called until it does, and no partition is begun "
                                                       "that on_assigned is to announce"));
        },
        [weak = weak_from_this()](const std::string& name, const std::string& what) {
            if (const auto self = weak.lock()) self->log(LogLevel::error, name + " threw: " + what);
        });
}

Task<void> Engine::end_callbacks(std::shared_ptr<Engine> self, TimePoint deadline) {
    const bool all_returned = co_await CallbackQueue::idle(self->callbacks_, deadline);
    if (!all_returned) {
        self->report(Error(errc::timed_out, self->callbacks_->running() +
                                                " has not returned in the time that close() has: it is left behind, and " +
                                                std::to_string(self->callbacks_->waiting()) +
                                                " callbacks after it are not called"));
    }
    self->callbacks_->close();
}

void Engine::report(const Error& error) {
    errors_.add(error);
    log(LogLevel::error, error.what());
    // Behind a callback that does not return they would pile up; errors() has them.
    if (!config().on_error || errors_waiting_ == ErrorLog::errors_max) return;
    ++errors_waiting_;
    callbacks_->add("on_error", [config = shared_config(), error] { config->on_error(error); },
                    [weak = weak_from_this()] {
                        if (const auto self = weak.lock()) --self->errors_waiting_;
                    });
}

void Engine::log(LogLevel level, const std::string& text) {
    if (!config().logger) return;
    try {
        config().logger(level, group() + ": " + text);
    } catch (...) {
        return;  // there is nobody left to report it to
    }
}

void Engine::call_back(const char* name, PartitionsCallback callback, const std::vector<TopicPartition>& partitions,
                       CallbackQueue::Call returned) {
    publish();  // it may ask what is owned
    if (!(config().*callback) || partitions.empty()) {
        if (returned) returned();
        return;
    }
    callbacks_->add(name, [config = shared_config(), callback, partitions] { ((*config).*callback)(partitions); },
                    std::move(returned));
}

void Engine::call_back_made_late(const char* name, std::function<CallbackQueue::Call()> make) {
    callbacks_->add_made_late(name, std::move(make));
}

}  // namespace kwire
