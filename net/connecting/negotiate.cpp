// Finding out what a broker speaks.
//
// From 0.10 a broker answers ApiVersions: in the version that was asked or, where it does not know
// that one, in version 0 with UNSUPPORTED_VERSION and, from 2.4, the versions it knows (KIP-511).
// 0.9 keeps silent and reads no more from that connection; 0.8 closes it. A broker that is slow,
// stopped or restarting does the same, so nothing is concluded from that. What proves an old broker
// is the content of an answer: asked for Metadata of version 1, 0.8 and 0.9, and they alone, answer
// in version 0's layout. While that proof is sought on a connection of its own, the question for
// ApiVersions stands until the deadline, and its answer wins whenever it comes.
#include <algorithm>
#include <utility>

#include <kwire/net/port_probe.h>
#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/codec.h>
#include <kwire/protocol/metadata.h>

#include "broker.h"

namespace kwire {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

/// 4 tells nothing more that matters here, and brokers before 4.0 would need a second round for it.
constexpr std::int16_t api_versions_asked = 3;

constexpr std::chrono::hours old_release_is_believed{1};

/// How long an error may be held up to find out what answers in place of a broker.
constexpr std::chrono::milliseconds probe_patience{500};

[[noreturn]] void throw_broken(const std::string& what, const HostPort& target,
                               std::int16_t version) {
    throw Error(errc::broken_frame, what,
                {.target = target.to_string(), .api = "ApiVersions", .api_version = version});
}

bool is_unsupported_version(const Bytes& body) {
    return body.size() >= 2 && body.data()[0] == 0 &&
           body.data()[1] == static_cast<char>(ErrorCode::unsupported_version);
}

Task<ApiVersionsResponse> ask_versions(std::shared_ptr<Connection> connection, HostPort target,
                                       std::int16_t version, TimePoint deadline) {
    ApiVersionsRequest request;
    if (version >= 3) {
        request.client_software_name = "kwire";
        request.client_software_version = KWIRE_VERSION;
    }
    const Bytes body = co_await connection->ask(protocol::schema_of<ApiVersionsRequest>(), &request,
                                                version, deadline);
    ApiVersionsResponse answer;
    const std::int16_t answered = is_unsupported_version(body) ? std::int16_t{0} : version;
    if (const auto error = protocol::decode(answer, answered, body)) {
        throw_broken("an answer does not decode: " + error->message(), target, answered);
    }
    co_return answer;
}

/// Asks for the versions, and again in a version that the broker knows if it does not know that
/// one.
Task<BrokerVersions> inquire(std::shared_ptr<Connection> connection, HostPort target,
                             std::int16_t first, TimePoint deadline) {
    ApiVersionsResponse answer = co_await ask_versions(connection, target, first, deadline);
    if (answer.error_code == ErrorCode::unsupported_version) {
        const auto known = BrokerVersions::of(answer).choose(ApiKey::api_versions, {0, first});
        answer =
            co_await ask_versions(connection, target, known.value_or(std::int16_t{0}), deadline);
    }
    if (answer.error_code != ErrorCode::none) {
        throw Error(answer.error_code, "the broker does not say what it speaks",
                    {.target = target.to_string(), .api = "ApiVersions"});
    }
    if (answer.api_keys.empty()) throw_broken("the broker claims to speak nothing", target, first);
    if (const std::string wrong = contradiction(answer); !wrong.empty()) {
        throw_broken("the broker's answer contradicts itself: " + wrong, target, first);
    }
    co_return BrokerVersions::of(answer);
}

bool was_dropped(const std::optional<Error>& failure) {
    return failure && failure->condition() == errc::connection_lost;
}

/// Two questions that run by themselves, each on its own connection.
struct Negotiation {
    Negotiation(std::shared_ptr<const Dialer> its_dialer, HostPort its_target,
                std::shared_ptr<AddressMemory> its_memory, TimePoint its_deadline)
        : dialer(std::move(its_dialer)),
          target(std::move(its_target)),
          memory(std::move(its_memory)),
          deadline(its_deadline),
          changed(*dialer->runtime) {}

    struct Question {
        std::shared_ptr<Connection> connection;
        std::optional<Error> failure;
        bool ended = false;

        void give_up() const {
            if (connection) connection->close();
        }
    };

    std::shared_ptr<const Dialer> dialer;
    HostPort target;
    std::shared_ptr<AddressMemory> memory;
    TimePoint deadline;
    Question inquiry;  // ApiVersions
    std::optional<BrokerVersions> versions;
    Question proof;  // Metadata 1
    std::optional<std::int16_t> layout;
    bool settled = false;  // nobody waits for the outcome any more
    Event changed;
};
using NegotiationPtr = std::shared_ptr<Negotiation>;

void end(const NegotiationPtr& self, Negotiation::Question& question) {
    question.ended = true;
    self->changed.notify_all();
}

Task<void> ask_on_new_connection(NegotiationPtr self, std::int16_t first) {
    self->inquiry.connection = co_await Dialer::dial(self->dialer, self->target, self->deadline);
    self->changed.notify_all();
    self->versions =
        co_await inquire(self->inquiry.connection, self->target, first, self->deadline);
}

/// The broker said what it speaks after it was taken for an old one.
void correct(const NegotiationPtr& self) {
    self->memory->old_release.reset();
    self->memory->corrected = true;
    self->memory->late_answer = Negotiated{self->inquiry.connection, *self->versions};
}

Task<void> run_inquiry(NegotiationPtr self) {
    auto& inquiry = self->inquiry;
    for (const std::int16_t first : {api_versions_asked, std::int16_t{0}}) {
        // A broker in the middle of a restart drops a connection too, but hardly two.
        if (first == 0 && !was_dropped(inquiry.failure)) break;
        inquiry.failure.reset();
        try {
            co_await ask_on_new_connection(self, first);
        } catch (...) {
            inquiry.failure = as_error(std::current_exception());
        }
        if (self->versions) break;
    }
    if (self->settled) {
        if (self->versions) {
            correct(self);
        } else {
            inquiry.give_up();
        }
    }
    end(self, inquiry);
}

Task<void> run_proof(NegotiationPtr self) {
    auto& proof = self->proof;
    try {
        proof.connection = co_await Dialer::dial(self->dialer, self->target, self->deadline);
        if (self->settled) throw Error(errc::closed, "the proof is not needed any more");
        self->layout = co_await metadata_layout(proof.connection, self->target, self->deadline);
    } catch (...) {
        proof.failure = as_error(std::current_exception());
        proof.give_up();
    }
    end(self, proof);
}

/// Waits until one of the questions says more, at most until then.
Task<void> wait_for_more(NegotiationPtr self, TimePoint until) {
    const bool ended = self->inquiry.ended;
    const bool proven = self->proof.ended;
    bool in_time = true;
    while (in_time && ended == self->inquiry.ended && proven == self->proof.ended) {
        in_time = co_await self->changed.wait_until(until);
    }
}

std::string in_words(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + " ms";
}

std::string why_old(const Negotiation& self) {
    const std::string behaviour =
        self.inquiry.ended
            ? "closed the connection on ApiVersions"
            : "did not answer ApiVersions within " +
                  in_words(self.dialer->config.api_version_request_timeout);
    return "it " + behaviour +
           " and answers Metadata in the layout of version 0 to a request of version 1, as only "
           "brokers before 0.10 do";
}

/// A broker that closed a connection on ApiVersions is one of 0.8, one that keeps silent one of 0.9.
Negotiated proven_old(const NegotiationPtr& self) {
    const OldRelease found = self->inquiry.ended ? OldRelease::v0_8_2 : OldRelease::v0_9;
    const OldRelease release = self->dialer->config.broker_version_fallback.value_or(found);
    self->memory->old_release = release;
    self->memory->old_release_until = self->dialer->runtime->now() + old_release_is_believed;
    self->memory->why_old = why_old(*self);
    self->memory->corrected = false;
    self->memory->standing_question = self->inquiry.connection;
    return {self->proof.connection, BrokerVersions::of(release, self->memory->why_old)};
}

/// The error after both questions have failed.
Task<Error> why_neither(NegotiationPtr self) {
    const Error::Where where{.target = self->target.to_string()};
    const bool dropped = was_dropped(self->inquiry.failure);
    if (self->layout) {  // of version 1
        const Error::Where asked{.target = where.target, .api = "ApiVersions"};
        if (dropped) {
            co_return Error(errc::connection_lost,
                            "the broker closes the connection when it is asked what it speaks, "
                            "though it answers Metadata as brokers from 0.10 on do",
                            asked);
        }
        co_return Error(self->inquiry.failure->condition(),
                        "the broker does not say what it speaks, though it answers Metadata as "
                        "brokers from 0.10 on do: " +
                            self->inquiry.failure->reason(),
                        asked);
    }
    if (dropped && was_dropped(self->proof.failure)) {
        const auto& dialer = self->dialer;
        const TimePoint until =
            std::min(self->deadline, dialer->runtime->now() + probe_patience);
        const auto service =
            co_await probe_port(dialer->runtime, dialer->transport, self->target, until);
        const std::string guess = service ? "what answers there looks like " + *service
                                          : "this is no Kafka broker, or it wants TLS or SASL on "
                                            "this port";
        co_return Error(errc::not_kafka,
                        "whatever is asked, the connection is closed: " + guess, where);
    }
    if (self->proof.connection && self->proof.failure->condition() == errc::timed_out) {
        co_return Error(
            errc::timed_out,
            "connections are accepted, but nothing is answered: the broker hangs, or this is "
            "no Kafka broker",
            where);
    }
    co_return *self->proof.failure;
}

Task<Negotiated> outcome(NegotiationPtr self) {
    const auto& config = self->dialer->config;
    const auto& runtime = self->dialer->runtime;
    runtime->spawn(run_inquiry(self));
    while (!self->inquiry.connection && !self->inquiry.ended) co_await self->changed.wait();
    const TimePoint patience = later(runtime->now(), config.api_version_request_timeout);
    if (!self->inquiry.ended) co_await wait_for_more(self, std::min(self->deadline, patience));
    bool proof_begun = false;
    for (;;) {
        if (self->versions) co_return Negotiated{self->inquiry.connection, *self->versions};
        const auto& failure = self->inquiry.failure;
        if (self->inquiry.ended && (!was_dropped(failure) || !config.version_guess)) {
            const bool unexplained = failure->condition() == errc::timed_out && proof_begun;
            if (!unexplained) throw Error(*failure);
        }
        if (config.version_guess && !std::exchange(proof_begun, true)) {
            runtime->spawn(run_proof(self));
        }
        if (self->layout == std::int16_t{0}) co_return proven_old(self);
        if (self->inquiry.ended && self->proof.ended) {
            const Error why = co_await why_neither(self);
            throw Error(why);
        }
        co_await wait_for_more(self, TimePoint::max());
    }
}

/// What was found out before, if it still holds: one question, and no wait.
Task<std::optional<Negotiated>> remembered(std::shared_ptr<const Dialer> dialer, HostPort target,
                                           std::shared_ptr<AddressMemory> memory,
                                           TimePoint deadline) {
    auto connection = co_await Dialer::dial(dialer, target, deadline);
    std::optional<std::int16_t> layout;
    const TimePoint until =
        std::min(deadline, later(dialer->runtime->now(), dialer->config.api_version_request_timeout));
    try {
        layout = co_await metadata_layout(connection, target, until);
    } catch (const Error&) {
        layout.reset();
    }
    if (layout == std::int16_t{0} && memory->old_release) {
        co_return Negotiated{connection, BrokerVersions::of(*memory->old_release, memory->why_old)};
    }
    memory->old_release.reset();
    connection->close();
    co_return std::nullopt;
}

}  // namespace

Task<std::int16_t> metadata_layout(std::shared_ptr<Connection> connection, HostPort target,
                                   TimePoint deadline) {
    const protocol::MetadataRequest request;  // of no topic; in version 0's layout: of all
    const Bytes body = co_await connection->ask(protocol::schema_of<protocol::MetadataRequest>(),
                                                &request, 1, deadline);
    protocol::MetadataResponse of_one;
    const auto error = protocol::decode(of_one, 1, body);
    if (!error) co_return std::int16_t{1};
    protocol::MetadataResponse of_zero;
    if (!protocol::decode(of_zero, 0, body)) co_return std::int16_t{0};
    throw Error(errc::not_kafka, "this is no answer of a Kafka broker: " + error->message(),
                {.target = target.to_string(), .api = "Metadata", .api_version = 1});
}

Task<std::shared_ptr<Connection>> Dialer::dial(std::shared_ptr<const Dialer> self, HostPort target,
                                               TimePoint deadline) {
    auto stream = co_await self->transport->connect(target, deadline);
    Connection::Options options{target.to_string(), self->config.client_id,
                                self->config.frame_bytes_max};
    co_return Connection::start(self->runtime, std::move(stream), std::move(options), self->pool);
}

Task<Negotiated> negotiate(std::shared_ptr<const Dialer> dialer, HostPort target,
                           std::shared_ptr<AddressMemory> memory, TimePoint deadline) {
    if (!dialer->config.api_version_request) {
        const auto release = dialer->config.broker_version_fallback.value_or(OldRelease::v0_9);
        auto connection = co_await Dialer::dial(dialer, target, deadline);
        co_return Negotiated{std::move(connection),
                             BrokerVersions::of(release, "api.version.request is false")};
    }
    if (memory->old_release && dialer->runtime->now() < memory->old_release_until) {
        auto known = co_await remembered(dialer, target, memory, deadline);
        if (known) co_return *known;
    }
    const auto negotiation =
        std::make_shared<Negotiation>(dialer, target, memory, deadline);
    std::optional<Error> failure;
    Negotiated made;
    try {
        made = co_await outcome(negotiation);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    negotiation->settled = true;
    if (made.connection != negotiation->proof.connection) negotiation->proof.give_up();
    if (failure) {
        negotiation->inquiry.give_up();
        throw Error(*failure);
    }
    // The question for ApiVersions goes on where the broker was taken for an old one.
    co_return made;
}

}  // namespace kwire
