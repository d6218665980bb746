#include "process.h"

#include <new>
#include <stdexcept>
#include <utility>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>

#include "line.h"
#include "world.h"

namespace kwire::seeds {

using namespace std::chrono_literals;

Process::Process(World& world, ProcessId id, Plan plan)
    : world_(world),
      id_(id),
      plan_(std::move(plan)),
      executor_(ProcessExecutor::on(world.loop.runtime()->executor())),
      callbacks_(ProcessExecutor::on(world.loop.runtime()->executor())),
      runtime_(Runtime::on(executor_, world.loop.runtime()->time())) {}

std::shared_ptr<Process> Process::start(World& world, ProcessId id, Plan plan) {
    std::shared_ptr<Process> process(new Process(world, id, std::move(plan)));
    process->enter(Phase::joining);
    asio::co_spawn(process->runtime_->executor(), join(process),
                   asio::bind_cancellation_slot(process->join_signal_.slot(), [process](std::exception_ptr failure) {
                       process->joined(failure);
                   }));
    return process;
}

void Process::enter(Phase phase) {
    phase_ = phase;
    phase_since_ = world_.loop.now();
}

// ---- how it is configured

GroupConfig Process::config() {
    GroupConfig config;
    config.runtime = runtime_;
    config.session_factory = [weak = weak_from_this()] { return open_session(weak.lock()); };
    config.cluster.transport = world_.brokers.cluster().transport();
    config.cluster.jitter_seed = static_cast<std::uint64_t>(id_);
    config.client_id = name();
    config.member_id = name();
    config.group_instance_id = plan_.instance;
    config.offsets.storage = plan_.storage;
    config.offsets.commit_interval = 1s;
    config.offsets.processing_timeout = processing_timeout;
    config.offset_manager = plan_.own_store;
    config.fetch.fetch_wait_max = 2s;
    if (plan_.brokers_named) config.bootstrap = world_.brokers.cluster().config().bootstrap;
    config.callback_executor = callbacks_;
    config.logger = [this](LogLevel level, std::string_view text) {
        if (world_.judge.traced()) world_.judge.say(name() + " says: " + std::string(text));
        if (level == LogLevel::error) world_.heard_error(std::string(text));
    };
    set_callbacks(config);
    return config;
}

void Process::set_callbacks(GroupConfig& config) {
    // Callbacks may outlive the group, but not this object, which the world keeps.
    config.on_assigned = [this](const auto& partitions) {
        for (const auto& tp : partitions) world_.judge.assigned(id_, tp);
        maybe_misbehave();
    };
    config.on_revoked = [this](const auto& partitions) {
        for (const auto& tp : partitions) world_.judge.gone(id_, tp);
        maybe_misbehave();
    };
    config.on_lost = [this](const auto& partitions) {
        for (const auto& tp : partitions) world_.judge.gone(id_, tp);
        maybe_misbehave();
    };
    config.on_error = [this](const Error&) { maybe_misbehave(); };
    config.on_suspended = [this] { maybe_misbehave(); };
    config.on_resumed = [this] { maybe_misbehave(); };
    config.on_committed = [this](const auto&) { maybe_misbehave(); };
}

/// What a program's callback may do besides returning.
void Process::maybe_misbehave() {
    if (!world_.troubled()) return;
    auto& random = world_.random;
    if (world_.on(Scenario::slow_callbacks) && random.chance(0.1)) {
        // It has returned, as far as can be seen from here; the next ones are held up instead.
        callbacks_.stand_still();
        world_.after(random.delay(3s), [self = shared_from_this()] {
            if (!self->stands_) self->callbacks_.go_on();
        });
    }
    if (world_.on(Scenario::busy_callbacks) && group_ && phase_ == Phase::reading) {
        if (random.chance(0.1)) runtime_->spawn(flush(shared_from_this(), group_));
        if (random.chance(0.02)) close();
    }
    if (!world_.on(Scenario::throwing_callbacks) || !random.chance(0.1)) return;
    if (random.chance(0.5)) throw 42;  // NOLINT: a program may
    throw std::runtime_error("a callback of the program failed");
}

Task<std::shared_ptr<zk::Session>> Process::open_session(Self self) {
    if (self->world_.factory_fails()) {
        const bool anything = self->world_.on(Scenario::factory_throws);
        if (anything && self->world_.random.chance(0.3)) throw std::bad_alloc();
        if (anything && self->world_.random.chance(0.3)) throw 42;  // NOLINT: a program's factory may
        throw Error(errc::zookeeper_unavailable, "no server of the ensemble can be reached");
    }
    auto opening = self->world_.ensemble.factory()();
    auto below = co_await std::move(opening);
    auto session = make_line(below, self->runtime_, [&world = self->world_] { return world.latency(); });
    self->world_.session_opened(self->id_, below->id(), below->password(), session);
    co_return session;
}

// ---- its life

Task<void> Process::join(Self self) {
    GroupConfig config = self->config();
    std::vector<std::string> topics = self->plan_.topics;
    auto joining = ConsumerGroup::async_join("g", std::move(topics), "memory", std::move(config));
    auto group = co_await std::move(joining);
    self->group_ = std::move(group);
}

void Process::joined(std::exception_ptr failure) {
    if (!failure) {
        world_.judge.say(name() + " has joined");
        enter(Phase::reading);
        runtime_->spawn(run(shared_from_this()));
        return;
    }
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        world_.judge.say(name() + " could not join: " + e.what());
        world_.heard_error(e.what());
    } catch (...) {
        world_.judge.fail(name() + ": join threw what is no std::exception");
    }
    end();
}

Task<MessageBatch> Process::poll(std::shared_ptr<ConsumerGroup> group) {
    auto polling = group->async_poll(500ms);
    MessageBatch batch = co_await std::move(polling);
    co_return batch;
}

Task<void> Process::run(Self self) {
    auto group = self->group_;
    Event polled(*self->runtime_);
    while (!group->closed() && !self->dropped_) {
        const auto batch = std::make_shared<MessageBatch>();
        const auto done = std::make_shared<bool>(false);
        self->polling_ = true;
        asio::co_spawn(self->runtime_->executor(), poll(group),
                       asio::bind_cancellation_slot(self->poll_signal_.slot(),
                                                    [batch, done, &polled](std::exception_ptr failure, MessageBatch got) {
                                                        if (!failure) *batch = std::move(got);
                                                        *done = true;
                                                        polled.notify_all();
                                                    }));
        while (!*done) co_await polled.wait();
        self->polling_ = false;
        if (!batch->empty()) co_await process(self, batch);
    }
    if (self->dropped_) {
        group.reset();
        co_return self->end();
    }
    // Put out of the group, or closing already.
    if (self->phase_ == Phase::reading) self->close();
}

Task<void> Process::process(Self self, std::shared_ptr<MessageBatch> batch) {
    auto& world = self->world_;
    const auto group = self->group_;
    std::vector<OwnedMessage> kept;
    while (const Message* message = batch->next()) {
        const TopicPartition tp{message->topic(), message->partition()};
        world.judge.delivered(self->id_, tp, message->cursor().generation(), message->offset());
        const auto offset = message->offset();
        if (!world.on(Scenario::slow_program)) {
            if (group->commit_upto(*message)) world.judge.acknowledged(tp, offset);
            continue;
        }
        kept.push_back(message->own());
        if (world.random.chance(0.02)) {
            Timer timer(*self->runtime_);
            co_await timer.wait_for(world.random.delay(2s));
        }
        while (!kept.empty() && (kept.size() > 5 || world.random.chance(0.3))) {
            const auto at = kept.begin() + static_cast<std::ptrdiff_t>(world.random.choose(kept.size()));
            if (group->acknowledge(*at)) world.judge.acknowledged({at->topic, at->partition}, at->offset);
            kept.erase(at);
        }
    }
    for (const auto& message : kept) {
        if (group->acknowledge(message)) world.judge.acknowledged({message.topic, message.partition}, message.offset);
    }
}

void Process::subscribe(std::vector<std::string> topics) {
    if (!reads()) return;
    plan_.topics = topics;
    runtime_->post([group = group_, topics = std::move(topics)] { group->subscribe(topics); });
}

void Process::close() {
    if (phase_ != Phase::reading || dropped_) return;
    world_.judge.say(name() + " closes");
    enter(Phase::closing);
    asio::co_spawn(runtime_->executor(), leave(shared_from_this(), group_),
                   asio::bind_cancellation_slot(close_signal_.slot(), [self = shared_from_this()](std::exception_ptr failure) {
                       self->left(failure);
                   }));
}

Task<void> Process::leave(Self self, std::shared_ptr<ConsumerGroup> group) {
    auto closing = group->async_close();
    const CloseReport report = co_await std::move(closing);
    self->world_.judge.say(self->name() + (report.clean() ? " is closed" : " is closed, not all is committed"));
}

void Process::left(std::exception_ptr failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        if (!close_cancelled_) world_.judge.fail(name() + ": close threw " + e.what());
    }
    end();
}

void Process::drop() {
    if (phase_ != Phase::reading) return;
    world_.judge.say(name() + " drops its group");
    dropped_ = true;  // the last reference is the reader's
}

Task<void> Process::flush(Self self, std::shared_ptr<ConsumerGroup> group) {
    try {
        auto flushing = group->async_flush_offsets();
        co_await std::move(flushing);
    } catch (const std::exception& e) {
        self->world_.judge.say(self->name() + ": flush failed: " + e.what());
    }
}

void Process::end() {
    enter(Phase::ended);
    world_.judge.ended(id_);
    group_.reset();
}

void Process::stand_still() {
    stands_ = true;
    executor_.stand_still();
    callbacks_.stand_still();
}

void Process::go_on() {
    stands_ = false;
    executor_.go_on();
    callbacks_.go_on();
}

void Process::cancel_join() {
    if (phase_ == Phase::joining) join_signal_.emit(asio::cancellation_type::terminal);
}

void Process::cancel_poll() {
    if (polling_ && !stands_) poll_signal_.emit(asio::cancellation_type::terminal);
}

void Process::cancel_close() {
    if (phase_ != Phase::closing || stands_) return;
    close_cancelled_ = true;
    close_signal_.emit(asio::cancellation_type::terminal);
}

std::string Process::left_behind() const {
    if (phase_ != Phase::ended) return name() + " has not ended";
    if (runtime_.use_count() > 1) return name() + " has left tasks behind";
    return {};
}

}  // namespace kwire::seeds
