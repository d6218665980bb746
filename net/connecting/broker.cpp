#include "broker.h"

#include <algorithm>
#include <utility>

#include <kwire/protocol/codec.h>

namespace kwire {
namespace {

/// Reconnecting to a broker that takes connections and drops them must not become a storm.
constexpr std::chrono::milliseconds reconnect_spacing{50};

std::string in_words(VersionRange range) {
    const std::string lowest = std::to_string(range.lowest);
    return range.lowest == range.highest ? lowest : lowest + " to " + std::to_string(range.highest);
}

}  // namespace

std::int16_t choose_version(const BrokerVersions& versions, const protocol::Schema& request,
                            const CallOptions& options, const std::string& target) {
    const ApiKey api = request.api_key.value_or(ApiKey{-1});
    const VersionRange ours{std::max(request.versions.lowest, options.version_min),
                            std::min(request.versions.highest, options.version_max)};
    if (const auto version = versions.choose(api, ours)) return *version;
    const auto theirs = versions.offered(api);
    std::string what = "the broker ";
    if (const auto old = versions.old_release()) {
        what += "is taken for one of " + std::string(name(*old)) + ", which ";
    }
    what +=
        theirs ? "speaks versions " + in_words(*theirs) + " of it" : "does not know this request";
    what += "; versions " + in_words(ours) + " would serve";
    throw Error(errc::unsupported_version, what, {.target = target, .api = to_string(api)});
}

Broker::Broker(std::shared_ptr<const Dialer> dialer, HostPort target,
               std::shared_ptr<AddressMemory> memory)
    : dialer_(std::move(dialer)),
      target_(std::move(target)),
      memory_(std::move(memory)),
      attempt_over_(*dialer_->runtime) {}

// ---- connecting

Task<Negotiated> Broker::link(TimePoint deadline) {
    return linked(shared_from_this(), deadline);
}

Task<Negotiated> Broker::linked(std::shared_ptr<Broker> self, TimePoint deadline) {
    if (self->closed_) throw Error(*self->closed_);
    if (self->connected()) co_return self->link_;
    if (!self->attempting_) {
        self->attempting_ = true;
        self->dialer_->runtime->spawn(attempt(self));
    }
    const std::uint64_t ours = self->attempts_;
    while (self->attempts_ == ours) {
        const bool in_time = co_await self->attempt_over_.wait_until(deadline);
        if (in_time || self->attempts_ != ours) continue;
        const std::string why = self->memory_->last_failure
                                    ? "; the last try: " + self->memory_->last_failure->reason()
                                    : std::string();
        throw Error(errc::timed_out, "no connection was made in time" + why,
                    {.target = self->target_.to_string()});
    }
    if (self->attempt_failure_) throw Error(*self->attempt_failure_);
    co_return self->link_;
}

Task<void> Broker::attempt(std::shared_ptr<Broker> self) {
    const auto runtime = self->dialer_->runtime;
    const auto memory = self->memory_;
    // A first connection need not wait for those of other lanes, but one that was lost must.
    if (self->link_.connection && memory->last_attempt != TimePoint::min()) {
        memory->not_before = std::max(memory->not_before, memory->last_attempt + reconnect_spacing);
    }
    while (!self->closed_ && runtime->now() < memory->not_before) {
        Timer timer(*runtime);
        co_await timer.wait_until(memory->not_before);
    }
    memory->last_attempt = runtime->now();
    const TimePoint deadline = later(runtime->now(), self->dialer_->config.connect_timeout);
    std::optional<Error> failure;
    Negotiated made;
    try {
        if (!self->closed_) {
            made = co_await negotiate(self->dialer_, self->target_, memory, deadline);
        }
    } catch (const Error& e) {
        failure = e;
    }
    if (self->closed_) {
        if (made.connection) made.connection->close();
        failure = self->closed_;
    } else if (failure) {
        self->failed(*failure);
    } else {
        memory->backoff.reset();
        memory->last_failure.reset();
        self->link_ = std::move(made);
    }
    self->attempt_failure_ = std::move(failure);
    self->attempting_ = false;
    ++self->attempts_;
    self->attempt_over_.notify_all();
}

std::optional<Error> Broker::trouble(Duration patience) const {
    if (connected() || closed_) return std::nullopt;
    const ErrorWhere where{.target = target_.to_string()};
    if (memory_->last_failure) return memory_->last_failure->at(where);
    if (!attempting_ || dialer_->runtime->now() < later(memory_->last_attempt, patience)) return std::nullopt;
    return Error(errc::timed_out, "nothing has answered yet", where);
}

void Broker::failed(const Error& why) {
    memory_->last_failure = why;
    memory_->not_before = dialer_->runtime->now() + memory_->backoff.next();
}

void Broker::close(const Error& why) {
    if (closed_) return;
    closed_ = why.at({.target = target_.to_string()});
    if (link_.connection) link_.connection->poison(why);
    // Those who wait for an attempt need not wait for its end.
    if (attempting_) {
        attempt_failure_ = closed_;
        ++attempts_;
        attempt_over_.notify_all();
    }
}

// ---- calling

Task<void> Broker::call(AnyRequest request, void* answer, CallOptions options,
                        TimePoint deadline) {
    return called(shared_from_this(), std::move(request), answer, options, deadline);
}

Task<void> Broker::called(std::shared_ptr<Broker> self, AnyRequest request, void* answer,
                          CallOptions options, TimePoint deadline) {
    Negotiated link = self->link_;
    if (self->closed_ || !self->connected()) link = co_await self->link(deadline);
    const std::string target = self->target_.to_string();
    const ApiKey api = request.request->api_key.value_or(ApiKey{-1});
    const std::int16_t version = choose_version(link.versions, *request.request, options, target);
    const auto message = request.message ? request.message : request.make(version);
    if (options.no_answer) {
        co_await link.connection->tell(*request.request, message.get(), version, deadline);
        co_return;
    }
    Bytes body;
    try {
        body = co_await link.connection->ask(*request.request, message.get(), version, deadline);
    } catch (const Error& e) {
        if (e.condition() == errc::connection_lost) self->learn_from_loss(api, link.versions);
        throw;
    }
    if (const auto error = protocol::decode(*request.response, answer, version, body)) {
        const Error broken(
            errc::broken_frame, "an answer does not decode: " + error->message(),
            {.target = target, .api = to_string(api), .api_version = version});
        link.connection->poison(broken);
        throw broken;
    }
}

// 0.8.1 and 0.8.2 differ by FindCoordinator, which 0.8.1 answers by closing the connection. It is
// not asked for the sake of knowing, for that makes 0.8.2 create its topic of offsets.
void Broker::learn_from_loss(ApiKey api, const BrokerVersions& versions) {
    if (api != ApiKey::find_coordinator || versions.old_release() != OldRelease::v0_8_2) return;
    if (dialer_->config.broker_version_fallback) return;
    memory_->old_release = OldRelease::v0_8_1;
    memory_->old_release_until = TimePoint::max();
    throw Error(
        errc::unsupported_version,
        "the broker closes the connection on this request, as brokers before 0.8.2 do; groups "
        "there keep their offsets in ZooKeeper",
        {.target = target_.to_string(), .api = to_string(api)});
}

}  // namespace kwire
