// The way to one address: a connection when one is wanted, and what the broker behind it speaks.
//
// Purpose: connect, find out the versions, and after a loss do it again, with backoff, when
// somebody asks next. Invariants: callers that want a connection at the same time share one
// attempt. Attempts at an address are spaced by its backoff, together for all its lanes; the host
// name is resolved anew at each. Threads: only on the runtime's strand. Lifetimes: an attempt under
// way keeps the Broker; close() ends it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <kwire/net/backoff.h>
#include <kwire/net/cluster.h>

#include "broker_versions.h"
#include "connection.h"

namespace kwire {

/// What all lanes to an address know of it together.
struct AddressMemory {
    explicit AddressMemory(Backoff its_backoff) : backoff(std::move(its_backoff)) {}

    Backoff backoff;
    TimePoint not_before = TimePoint::min();  ///< No attempt earlier.
    TimePoint last_attempt = TimePoint::min();
    std::optional<Error> last_failure;      ///< Cleared by success.
    std::optional<OldRelease> old_release;  ///< Found out; asking for versions is left out then,
    TimePoint old_release_until = TimePoint::min();  ///< up to here, for brokers are upgraded.
};

/// What every connection of a cluster needs.
struct Dialer {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<Transport> transport;
    std::shared_ptr<FramePool> pool;
    ClusterConfig config;

    /// Throws cannot_resolve, cannot_connect, timed_out.
    static Task<std::shared_ptr<Connection>> dial(std::shared_ptr<const Dialer> self,
                                                  HostPort target, TimePoint deadline);
};

struct Negotiated {
    std::shared_ptr<Connection> connection;
    BrokerVersions versions;
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
    /// The last attempt failed and the next must wait.
    bool failing() const { return memory_->last_failure.has_value(); }

    /// Why there is no connection: the last failure, or that an attempt has lasted for patience. Nothing: there is one, or
    /// nobody wants one.
    std::optional<Error> trouble(Duration patience) const;

    /// A connection that is alive, made if need be. Throws what connecting throws, timed_out at
    /// deadline, closed.
    Task<Negotiated> link(TimePoint deadline);

    /// Sends a request over link() and decodes its answer into answer, which lives until then.
    Task<void> call(AnyRequest request, void* answer, CallOptions options, TimePoint deadline);

    /// Ends the connection; what is in flight fails with why, and so does what is called later.
    void close(const Error& why);

 private:
    static Task<Negotiated> linked(std::shared_ptr<Broker> self, TimePoint deadline);
    static Task<void> attempt(std::shared_ptr<Broker> self);
    static Task<void> called(std::shared_ptr<Broker> self, AnyRequest request, void* answer,
                             CallOptions options, TimePoint deadline);
    void failed(const Error& why);
    void learn_from_loss(ApiKey api, const BrokerVersions& versions);

    std::shared_ptr<const Dialer> dialer_;
    HostPort target_;
    std::shared_ptr<AddressMemory> memory_;
    Negotiated link_;
    bool attempting_ = false;
    std::optional<Error> attempt_failure_;
    std::uint64_t attempts_ = 0;
    std::optional<Error> closed_;
    Event attempt_over_;
};

/// The version of request to use at a broker that speaks versions. Throws errc::unsupported_version
/// in words.
std::int16_t choose_version(const BrokerVersions& versions, const protocol::Schema& request,
                            const CallOptions& options, const std::string& target);

}  // namespace kwire
