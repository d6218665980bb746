// Finding out what a broker speaks.
//
// From 0.10 a broker answers ApiVersions: in the version that was asked or, where it does not know
// that one, in version 0 with UNSUPPORTED_VERSION and, from 2.4, the versions it knows (KIP-511).
// 0.9 keeps silent and reads no more from that connection; 0.8 closes it. A broker that is stopped
// keeps silent too, one that restarts closes as well, and so does anything that is no broker; so
// nothing is concluded before a Metadata request of version 0, which every release answers, was
// answered on a connection of its own.
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

/// How much longer a broker that answered Metadata may take for the ApiVersions it was asked
/// before.
constexpr std::chrono::milliseconds late_answer_grace{100};

constexpr std::chrono::hours old_release_is_believed{1};

/// How long an error may be held up to find out what answers in place of a broker.
constexpr std::chrono::milliseconds probe_patience{500};

/// An ApiVersions request that runs on by itself, for the answer may come while something else is
/// tried.
struct Inquiry {
    explicit Inquiry(Runtime& runtime) : over(runtime) {}

    std::shared_ptr<Connection> connection;
    std::optional<BrokerVersions> versions;
    std::optional<Error> failure;
    bool ended = false;
    Event over;
};

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
    co_return BrokerVersions::of(answer);
}

Task<void> run(std::shared_ptr<Inquiry> inquiry, HostPort target, std::int16_t first,
               TimePoint deadline) {
    try {
        inquiry->versions = co_await inquire(inquiry->connection, target, first, deadline);
    } catch (const Error& e) {
        inquiry->failure = e;
    }
    inquiry->ended = true;
    inquiry->over.notify_all();
}

Task<std::shared_ptr<Inquiry>> begin_inquiry(std::shared_ptr<const Dialer> dialer, HostPort target,
                                             std::int16_t first, TimePoint deadline) {
    auto inquiry = std::make_shared<Inquiry>(*dialer->runtime);
    inquiry->connection = co_await Dialer::dial(dialer, target, deadline);
    dialer->runtime->spawn(run(inquiry, target, first, deadline));
    co_return inquiry;
}

Task<void> wait(std::shared_ptr<Inquiry> inquiry, TimePoint until) {
    bool in_time = true;
    while (in_time && !inquiry->ended) in_time = co_await inquiry->over.wait_until(until);
}

/// Throws unless what is at the other end answers the one request that all brokers know.
Task<void> expect_metadata(std::shared_ptr<Connection> connection, HostPort target,
                           TimePoint deadline) {
    protocol::MetadataRequest request;  // at version 0: of all topics
    const Bytes body = co_await connection->ask(protocol::schema_of<protocol::MetadataRequest>(),
                                                &request, 0, deadline);
    protocol::MetadataResponse answer;
    if (const auto error = protocol::decode(answer, 0, body)) {
        throw Error(errc::not_kafka, "this is no answer of a Kafka broker: " + error->message(),
                    {.target = target.to_string(), .api = "Metadata", .api_version = 0});
    }
}

/// Metadata on a new connection, which is then good for more.
Task<std::shared_ptr<Connection>> prove_old_broker(std::shared_ptr<const Dialer> dialer,
                                                   HostPort target, bool closes,
                                                   TimePoint deadline) {
    auto connection = co_await Dialer::dial(dialer, target, deadline);
    std::optional<Error> failure;
    try {
        co_await expect_metadata(connection, target, deadline);
    } catch (const Error& e) {
        failure = e;
    }
    if (!failure) co_return connection;
    connection->close();
    if (closes && failure->condition() == errc::connection_lost) {
        const TimePoint until = std::min(deadline, dialer->runtime->now() + probe_patience);
        const auto service = co_await probe_port(dialer->runtime, dialer->transport, target, until);
        const std::string guess = service ? "what answers there looks like " + *service
                                          : "this is no Kafka broker, or it wants TLS or SASL on "
                                            "this port";
        throw Error(errc::not_kafka, "whatever is asked, the connection is closed: " + guess,
                    {.target = target.to_string()});
    }
    if (failure->condition() == errc::timed_out) {
        throw Error(
            errc::timed_out,
            "connections are accepted, but nothing is answered: the broker hangs, or this is "
            "no Kafka broker",
            {.target = target.to_string()});
    }
    throw Error(*failure);
}

Negotiated taken_for(OldRelease release, std::shared_ptr<Connection> connection) {
    return {std::move(connection), BrokerVersions::of(release)};
}

Task<Negotiated> negotiate_old(std::shared_ptr<const Dialer> dialer, HostPort target,
                               std::shared_ptr<AddressMemory> memory,
                               std::shared_ptr<Inquiry> inquiry, TimePoint deadline) {
    const bool closes = inquiry->ended;
    const TimePoint begun = dialer->runtime->now();
    auto connection = co_await prove_old_broker(dialer, target, closes, deadline);
    if (!closes) {
        // A broker that has just been started takes its time for everything.
        const TimePoint now = dialer->runtime->now();
        co_await wait(inquiry, now + std::max<Duration>(late_answer_grace, now - begun));
        if (inquiry->versions) {  // slow, not old
            connection->close();
            co_return Negotiated{inquiry->connection, *inquiry->versions};
        }
    }
    const OldRelease found = closes ? OldRelease::v0_8_2 : OldRelease::v0_9;
    const OldRelease release = dialer->config.broker_version_fallback.value_or(found);
    memory->old_release = release;
    memory->old_release_until = dialer->runtime->now() + old_release_is_believed;
    co_return taken_for(release, std::move(connection));
}

bool was_dropped(const Inquiry& inquiry) {
    return inquiry.failure && inquiry.failure->condition() == errc::connection_lost;
}

}  // namespace

Task<std::shared_ptr<Connection>> Dialer::dial(std::shared_ptr<const Dialer> self, HostPort target,
                                               TimePoint deadline) {
    auto stream = co_await self->transport->connect(target, deadline);
    Connection::Options options{target.to_string(), self->config.client_id,
                                self->config.frame_bytes_max};
    co_return Connection::start(self->runtime, std::move(stream), std::move(options), self->pool);
}

Task<Negotiated> negotiate(std::shared_ptr<const Dialer> dialer, HostPort target,
                           std::shared_ptr<AddressMemory> memory, TimePoint deadline) {
    const TimePoint now = dialer->runtime->now();
    if (!dialer->config.api_version_request) {
        const auto release = dialer->config.broker_version_fallback.value_or(OldRelease::v0_9);
        auto connection = co_await Dialer::dial(dialer, target, deadline);
        co_return taken_for(release, std::move(connection));
    }
    if (memory->old_release && now < memory->old_release_until) {
        auto connection = co_await Dialer::dial(dialer, target, deadline);
        co_return taken_for(*memory->old_release, std::move(connection));
    }
    auto inquiry = co_await begin_inquiry(dialer, target, api_versions_asked, deadline);
    co_await wait(inquiry, std::min(deadline, now + dialer->config.api_version_request_timeout));
    if (was_dropped(*inquiry)) {
        // A broker in the middle of a restart drops a connection too, but hardly two.
        inquiry = co_await begin_inquiry(dialer, target, 0, deadline);
        co_await wait(inquiry, std::min(deadline, dialer->runtime->now() +
                                                      dialer->config.api_version_request_timeout));
    }
    if (inquiry->versions) co_return Negotiated{inquiry->connection, *inquiry->versions};
    if (inquiry->ended && !was_dropped(*inquiry)) {
        inquiry->connection->close();
        throw Error(*inquiry->failure);
    }
    std::optional<Error> failure;
    Negotiated made;
    try {
        made = co_await negotiate_old(dialer, target, memory, inquiry, deadline);
    } catch (const Error& e) {
        failure = e;
    }
    if (made.connection != inquiry->connection) inquiry->connection->close();
    if (failure) throw Error(*failure);
    co_return made;
}

}  // namespace kwire
