// The way to one address: a connection when one is wanted, and what the broker behind it speaks.
//
// Purpose: connect, find out the versions, and after a loss do it again, with backoff, when
// somebody asks next. Invariants: callers that want a connection at the same time share one
// attempt. Attempts at an address are spaced by its backoff, together for all its lanes; the host
// name is resolved anew at each. Threads: only on the runtime's strand. Lifetimes: an attempt under
// way keeps the Broker; close() ends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <kwire/net/backoff.h>
#include <kwire/net/cluster.h>

#include "broker_versions.h"
#include "connection.h"

namespace kwire {

struct Negotiated {
    std::shared_ptr<Connection> connection;
    BrokerVersions versions;
};

/// What all lanes to an address know of it together.
struct AddressMemory {
    explicit AddressMemory(Backoff its_backoff) : backoff(std::move(its_backoff)) {}

    Backoff backoff;
    TimePoint not_before = TimePoint::min();  ///< No attempt earlier.
    TimePoint last_attempt = TimePoint::min();
    std::optional<Error> last_failure;      ///< Cleared by success.
    /// Found out; asking for versions is left out then, up to old_release_until, if a new
    /// connection proves again that the broker is an old one. Forgotten at the first lost call.
    std::optional<OldRelease> old_release;
    TimePoint old_release_until = TimePoint::min();
    std::string why_old;
    /// After it was taken for an old one: the question for ApiVersions that still stands,
    std::shared_ptr<Connection> standing_question;
    /// that the broker did say what it speaks, and the connection that this came on.
    bool corrected = false;
    std::optional<Negotiated> late_answer;
};

/// Counted by all connections of a cluster; read from any thread.
struct Counters {
    std::atomic<std::uint64_t> throttled_answers = 0;
    std::atomic<std::int64_t> throttle_ms = 0;
};

/// What every connection of a cluster needs.
struct Dialer {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<Transport> transport;
    std::shared_ptr<FramePool> pool;
    ClusterConfig config;
    std::shared_ptr<Counters> counters = std::make_shared<Counters>();
    /// Called on the strand when an address cannot be reached, or lost what was in flight.
    std::function<void(const HostPort& target)> unreachable = {};

    /// Throws cannot_resolve, cannot_connect, timed_out.
    static Task<std::shared_ptr<Connection>> dial(std::shared_ptr<const Dialer> self,
                                                  HostPort target, TimePoint deadline);
};

/// Connects to target and finds out what it speaks; what was learned is kept in memory.
Task<Negotiated> negotiate(std::shared_ptr<const Dialer> dialer, HostPort target,
                           std::shared_ptr<AddressMemory> memory, TimePoint deadline);

class Broker : public std::enable_shared_from_this<Broker> {
 public:
    Broker(std::shared_ptr<const Dialer> dialer, HostPort target,
           std::shared_ptr<AddressMemory> memory);

    const HostPort& target() const { return target_; }
    bool connected() const { return link_.connection && link_.connection->alive(); }
    bool idle() const { return connected() && link_.connection->idle(); }
    /// The last attempt failed and the next must wait.
    bool failing() const { return memory_->last_failure.has_value(); }

    /// Why there is no connection: the last failure, or that an attempt has lasted for patience. Nothing: there is one, or
    /// nobody wants one.
    std::optional<Error> trouble(Duration patience) const;

    /// A connection that is alive, made if need be. Throws what connecting throws, timed_out at
    /// deadline, closed.
    Task<Negotiated> link(TimePoint deadline);

    /// Sends a request over link() and decodes its answer into answer, which lives until then. While
    /// the broker throttles this connection nothing is sent; if options set no timeout, deadline is
    /// put off by that wait. Where it would be longer than the request may take, throws timed_out at
    /// once, with the reason.
    Task<void> call(AnyRequest request, void* answer, CallOptions options, TimePoint deadline);

    /// Ends the connection; what is in flight fails with why, and so does what is called later.
    void close(const Error& why);

 private:
    static Task<Negotiated> linked(std::shared_ptr<Broker> self, TimePoint deadline);
    static Task<void> attempt(std::shared_ptr<Broker> self);
    static Task<void> called(std::shared_ptr<Broker> self, AnyRequest request, void* answer,
                             CallOptions options, TimePoint deadline);
    static Task<TimePoint> unthrottled(std::shared_ptr<Broker> self, CallOptions options,
                                       TimePoint deadline);
    static Task<Error> explained_loss(std::shared_ptr<Broker> self, Error loss, ApiKey api,
                                      BrokerVersions versions);
    static Task<bool> answers_as_before(std::shared_ptr<Broker> self);
    void take_late_answer();
    void note_throttling(ApiKey api, std::int16_t version, std::int32_t milliseconds);
    void failed(const Error& why);

    std::shared_ptr<const Dialer> dialer_;
    HostPort target_;
    std::shared_ptr<AddressMemory> memory_;
    Negotiated link_;
    TimePoint muted_until_ = TimePoint::min();  // by throttle_time_ms, KIP-219
    bool attempting_ = false;
    std::optional<Error> attempt_failure_;
    std::uint64_t attempts_ = 0;
    std::optional<Error> closed_;
    Event attempt_over_;
};

/// From which version of an API on a broker over quota answers at once and expects the client to
/// wait (KIP-219). Before, it waits itself before it answers.
bool client_waits_when_throttled(ApiKey api, std::int16_t version);

/// In which layout an answer to Metadata 1 came: 0 from brokers of 0.8 and 0.9, 1 from all others.
/// Throws what asking throws, and not_kafka.
Task<std::int16_t> metadata_layout(std::shared_ptr<Connection> connection, HostPort target,
                                   TimePoint deadline);

/// The version of request to use at a broker that speaks versions. Throws errc::unsupported_version
/// in words.
std::int16_t choose_version(const BrokerVersions& versions, const protocol::Schema& request,
                            const CallOptions& options, const std::string& target);

}  // namespace kwire
