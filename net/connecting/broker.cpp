#include "broker.h"

#include <algorithm>
#include <utility>

#include <kwire/protocol/codec.h>

namespace kwire {
namespace {

/// Reconnecting to a broker that takes connections and drops them must not become a storm.
constexpr std::chrono::milliseconds reconnect_spacing{50};

/// No broker asks for more: its quota windows are some seconds long.
constexpr std::chrono::minutes throttle_max{1};

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
    if (versions.old_release()) what += versions.taken_for() + ", and such a broker ";
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
    } catch (...) {
        failure = as_error(std::current_exception());
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
        self->muted_until_ = TimePoint::min();
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
    if (dialer_->unreachable) dialer_->unreachable(target_);
}

void Broker::close(const Error& why) {
    if (closed_) return;
    closed_ = why.at({.target = target_.to_string()});
    if (link_.connection) link_.connection->poison(why);
    if (memory_->standing_question) memory_->standing_question->poison(why);
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
    self->take_late_answer();
    Negotiated link = self->link_;
    if (self->closed_ || !self->connected()) link = co_await self->link(deadline);
    if (self->dialer_->runtime->now() < self->muted_until_) {
        deadline = co_await unthrottled(self, options, deadline);
        link = co_await self->link(deadline);
    }
    const std::string target = self->target_.to_string();
    const ApiKey api = request.request->api_key.value_or(ApiKey{-1});
    const std::int16_t version = choose_version(link.versions, *request.request, options, target);
    const auto message = request.message ? request.message : request.make(version);
    if (options.no_answer) {
        co_await link.connection->tell(*request.request, message.get(), version, deadline);
        co_return;
    }
    Bytes body;
    std::optional<Error> loss;
    try {
        body = co_await link.connection->ask(*request.request, message.get(), version, deadline);
    } catch (const Error& e) {
        loss = e;
    }
    if (loss && !self->closed_) loss = co_await explained_loss(self, *loss, api, link.versions);
    if (loss) throw Error(*loss);
    if (const auto error = protocol::decode(*request.response, answer, version, body)) {
        Error broken(errc::broken_frame, "an answer does not decode: " + error->message(),
                     {.target = target, .api = to_string(api), .api_version = version});
        link.connection->poison(broken);
        broken = co_await explained_loss(self, broken, api, link.versions);
        throw Error(broken);
    }
    self->note_throttling(api, version, request.throttle_time_ms(answer));
}

// ---- throttling

Task<TimePoint> Broker::unthrottled(std::shared_ptr<Broker> self, CallOptions options,
                                    TimePoint deadline) {
    const auto& runtime = self->dialer_->runtime;
    const TimePoint begun = runtime->now();
    while (!self->closed_ && runtime->now() < self->muted_until_) {
        if (self->muted_until_ >= deadline) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                self->muted_until_ - runtime->now());
            throw Error(errc::timed_out,
                        "the broker throttles this client, which is over its quota: nothing may be "
                        "sent for another " +
                            std::to_string(left.count()) + " ms",
                        {.target = self->target_.to_string()});
        }
        Timer timer(*runtime);
        co_await timer.wait_until(self->muted_until_);
    }
    const Duration waited = runtime->now() - begun;
    co_return options.timeout ? deadline : later(deadline, waited);
}

void Broker::note_throttling(ApiKey api, std::int16_t version, std::int32_t milliseconds) {
    if (milliseconds <= 0) return;
    dialer_->counters->throttled_answers.fetch_add(1, std::memory_order_relaxed);
    dialer_->counters->throttle_ms.fetch_add(milliseconds, std::memory_order_relaxed);
    if (!client_waits_when_throttled(api, version)) return;
    const Duration wait = std::min<Duration>(std::chrono::milliseconds(milliseconds), throttle_max);
    muted_until_ = std::max(muted_until_, dialer_->runtime->now() + wait);
}

// Source: the notes on versions in Kafka's message definitions. APIs that are younger than KIP-219
// (Kafka 2.0) do so in all their versions.
bool client_waits_when_throttled(ApiKey api, std::int16_t version) {
    switch (api) {
        case ApiKey::fetch:
            return version >= 8;
        case ApiKey::produce:
        case ApiKey::metadata:
            return version >= 6;
        case ApiKey::offset_commit:
        case ApiKey::offset_fetch:
            return version >= 4;
        case ApiKey::list_offsets:
        case ApiKey::join_group:
        case ApiKey::create_topics:
            return version >= 3;
        case ApiKey::find_coordinator:
        case ApiKey::heartbeat:
        case ApiKey::leave_group:
        case ApiKey::sync_group:
        case ApiKey::describe_groups:
        case ApiKey::list_groups:
        case ApiKey::api_versions:
        case ApiKey::delete_topics:
        case ApiKey::describe_configs:
            return version >= 2;
        default:
            return static_cast<std::int16_t>(api) > static_cast<std::int16_t>(ApiKey::delete_groups) ||
                   version >= 1;
    }
}

// ---- what a lost call says of a broker that is taken for an old one

void Broker::take_late_answer() {
    if (!link_.connection || !link_.versions.old_release() || !memory_->corrected) return;
    link_.connection->poison(
        Error(errc::connection_lost,
              "the connection was given up, for the broker says now what it speaks"));
    // One lane has that connection, the others make new ones.
    link_ = std::exchange(memory_->late_answer, std::nullopt).value_or(Negotiated{});
}

// What may have come of a wrong guess is told as that, and the guess is forgotten.
Task<Error> Broker::explained_loss(std::shared_ptr<Broker> self, Error loss, ApiKey api,
                                   BrokerVersions versions) {
    const auto& config = self->dialer_->config;
    if (self->dialer_->unreachable) self->dialer_->unreachable(self->target_);
    if (!versions.old_release() || !config.api_version_request) co_return loss;
    const ErrorWhere where{.target = self->target_.to_string(), .api = to_string(api)};
    // 0.8.1 and 0.8.2 differ by FindCoordinator, which 0.8.1 answers by closing the connection. It
    // is not asked for the sake of knowing, for that makes 0.8.2 create its topic of offsets.
    if (api == ApiKey::find_coordinator && versions.old_release() == OldRelease::v0_8_2 &&
        loss.condition() == errc::connection_lost && !config.broker_version_fallback) {
        const bool still_there = co_await answers_as_before(self);
        if (still_there) {
            self->memory_->old_release = OldRelease::v0_8_1;
            self->memory_->why_old =
                "it closed the connection on FindCoordinator and answered Metadata right after it";
            co_return Error(errc::unsupported_version,
                            "the broker closes the connection on this request, as brokers before "
                            "0.8.2 do; groups there keep their offsets in ZooKeeper",
                            where);
        }
    }
    self->memory_->old_release.reset();
    co_return Error(loss.condition(),
                    loss.reason() + "; the broker " + versions.taken_for() +
                        "; that is forgotten now and found out anew",
                    loss.where());
}

/// Whether a new connection finds the same old broker at once, so that it was not restarted.
Task<bool> Broker::answers_as_before(std::shared_ptr<Broker> self) {
    const auto& dialer = self->dialer_;
    const TimePoint deadline =
        later(dialer->runtime->now(), dialer->config.api_version_request_timeout);
    std::shared_ptr<Connection> connection;
    bool as_before = false;
    try {
        connection = co_await Dialer::dial(dialer, self->target_, deadline);
        const std::int16_t layout = co_await metadata_layout(connection, self->target_, deadline);
        as_before = layout == 0;
    } catch (const Error&) {
        as_before = false;
    }
    if (connection) connection->close();
    co_return as_before;
}

}  // namespace kwire
