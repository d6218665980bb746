// A Kafka cluster as one client sees it: its brokers, who leads what, and a connection to each
// broker in use.
//
// Purpose: send a request to the broker that is responsible for it, at a version that both sides
// speak, and get the decoded answer or an Error. Invariants: never sends a version the broker did
// not offer. A view is replaced whole, never changed, and an answer of Metadata that is worse than
// nothing (no brokers) does not replace one. A dead broker is tried with backoff and jitter.
// Threads: any, except where a declaration says otherwise. refresh, next_view, the calls, coordinator, version_for and versions
// take a completion token and keep the rules of async.h. Cancelling one ends the waiting: what was asked is sent or not, its
// answer is dropped, and a refresh is taken into the view. Nothing is left behind after a failure.
// Metadata is asked for when refresh is called, and of all topics that were ever named in one again
// once it is older than metadata_max_age; next_view waits for what that brings.
// A broker that is over its quota says how long to wait (throttle_time_ms, KIP-219): nothing is
// sent on that connection until then, and the wait does not count against request_timeout.
// Lifetimes: held by shared_ptr; close() ends all its connections and makes what is in flight fail
// with errc::closed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kwire/net/async.h>
#include <kwire/net/error.h>
#include <kwire/net/runtime.h>
#include <kwire/net/topic_names.h>
#include <kwire/net/transport.h>
#include <kwire/protocol/api_key.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/topic_partition.h>
#include <kwire/protocol/uuid.h>
#include <kwire/protocol/version_range.h>

namespace kwire {

struct BrokerEndpoint {
    std::int32_t id = -1;
    HostPort address;
    std::optional<std::string> rack;

    bool operator==(const BrokerEndpoint&) const = default;
};

struct PartitionView {
    std::int32_t leader = -1;        ///< -1: none at the moment.
    std::int32_t leader_epoch = -1;  ///< -1: the broker is too old to say.
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
    int older_answers = 0;  ///< So many answers in a row had an older leader epoch than this.
};

struct TopicView {
    Uuid id;  ///< All zero: the broker is too old to have topic ids.
    bool internal = false;
    std::map<std::int32_t, PartitionView> partitions;
};

/// What one Metadata answer, or several put together, said.
struct ClusterView {
    std::string cluster_id;
    std::int32_t controller = -1;
    std::map<std::int32_t, BrokerEndpoint> brokers;
    std::map<std::string, TopicView> topics;
    /// What a broker answered where it refused a topic that was asked for: does not exist, not
    /// authorised, invalid name. UNKNOWN_TOPIC_OR_PARTITION only if a broker said so. In words:
    /// `topic_error.h`.
    std::map<std::string, ErrorCode> topic_errors;
    /// What is wrong with the last answer about a topic, as a sentence: it leaves the topic out, or
    /// names it twice, or gives it impossible partitions. What could be used of it is in topics; of
    /// a topic that was left out, that is what was known before.
    std::map<std::string, std::string> topic_faults;
    /// The same of brokers and of topics that nobody asked for; at most 10 sentences.
    std::vector<std::string> faults;

    /// The partition's view, or null if it, or its topic, is not known.
    const PartitionView* find(const TopicPartition& tp) const;
};

/// A release whose brokers do not answer ApiVersions.
enum class OldRelease { v0_8_1, v0_8_2, v0_9 };

struct ClusterConfig {
    std::vector<HostPort> bootstrap;                    ///< bootstrap.servers; at least one.
    std::string client_id = "kwire";                    ///< client.id
    std::chrono::milliseconds connect_timeout{10'000};  ///< socket.connection.setup.timeout.ms
    std::chrono::milliseconds request_timeout{30'000};  ///< request.timeout.ms
    std::chrono::milliseconds reconnect_backoff{50};    ///< reconnect.backoff.ms; under 50 is 50
    std::chrono::milliseconds reconnect_backoff_max{1'000};  ///< reconnect.backoff.max.ms
    std::chrono::milliseconds metadata_max_age{300'000};     ///< metadata.max.age.ms
    std::int32_t frame_bytes_max =
        512 * 1024 * 1024;                 ///< A larger response poisons its connection.
    std::shared_ptr<Transport> transport;  ///< Null: TCP.

    /// False: do not ask brokers which versions they speak, but take them for
    /// broker_version_fallback's.
    bool api_version_request = true;  ///< api.version.request
    /// How long a broker may keep silent on ApiVersions before it is asked on a second connection
    /// whether it is a broker of 0.9, which never answers that. It counts as one only if its answer
    /// proves it; else ApiVersions is waited for until connect_timeout, and a late answer is taken
    /// in any case.
    std::chrono::milliseconds api_version_request_timeout{500};
    /// What a broker is taken for that does not say. Nothing: found out by how it fails to answer.
    std::optional<OldRelease> broker_version_fallback;  ///< broker.version.fallback
    /// False: a broker that does not answer ApiVersions is an error, never one of 0.8 or 0.9. For
    /// connections whose security must not be negotiated away.
    bool version_guess = true;
    /// Seed of the jitter in waits. Nothing: a random one.
    std::optional<std::uint64_t> jitter_seed;
};

struct RefreshOptions {
    /// Lets the broker create topics that do not exist, if its auto.create.topics.enable allows
    /// that: what Java's producer does. Never for reading. Brokers that speak only Metadata 0 to 3
    /// do so whenever a topic is named; without this flag none is named there.
    bool allow_auto_topic_creation = false;
};

struct CallOptions {
    std::optional<std::chrono::milliseconds> timeout = {};  ///< Default: request_timeout.
    std::int16_t version_min = 0;                           ///< Refuse to go lower.
    std::int16_t version_max = INT16_MAX;  ///< Do not go higher, whatever the broker offers.
    /// Calls of different lanes use connections of their own. A broker works off the requests of a
    /// connection one after the other, so what is sent behind a Fetch that waits for data waits
    /// with it.
    std::int8_t lane = 0;
    /// The broker does not answer this request (Produce with acks 0): call returns a default answer
    /// once it is sent.
    bool no_answer = false;
};

/// What happened since the cluster was created; for reports and tests.
struct ClusterStats {
    std::uint64_t metadata_answers = 0;    ///< That were taken into the view.
    std::uint64_t metadata_refreshes = 0;  ///< Because the view was older than metadata_max_age.
    std::uint64_t metadata_refresh_failures = 0;  ///< Of these: no broker gave an answer.
    std::uint64_t throttled_answers = 0;          ///< With a throttle_time_ms above 0.
    std::chrono::milliseconds throttle_time{0};   ///< Their sum, whoever does the waiting.
};

/// A request without its type, as Cluster::call passes it on; not for programs.
struct AnyRequest {
    const protocol::Schema* request = nullptr;
    const protocol::Schema* response = nullptr;
    std::shared_ptr<const void> message;  ///< Null: made by make.
    std::function<std::shared_ptr<const void>(std::int16_t version)> make;
    /// Whether an answer says that the broker asked is not the controller.
    bool (*not_controller)(const void* answer) = nullptr;
    /// The throttle_time_ms of an answer; 0 if it has none.
    std::int32_t (*throttle_time_ms)(const void* answer) = nullptr;

    template <class Request>
    static AnyRequest of(Request request) {
        AnyRequest any = described<Request>();
        any.message = std::make_shared<const Request>(std::move(request));
        return any;
    }

    template <class Request, class MakeRequest>
    static AnyRequest made_by(MakeRequest make_request) {
        AnyRequest any = described<Request>();
        any.make = [make_request = std::move(make_request)](std::int16_t version) mutable {
            return std::make_shared<const Request>(make_request(version));
        };
        return any;
    }

 private:
    template <class Request>
    static AnyRequest described() {
        using Response = typename Request::Response;
        AnyRequest any;
        any.request = &protocol::schema_of<Request>();
        any.response = &protocol::schema_of<Response>();
        any.not_controller = [](const void* answer) {
            return says_not_controller(*static_cast<const Response*>(answer));
        };
        any.throttle_time_ms = [](const void* answer) -> std::int32_t {
            const auto& typed = *static_cast<const Response*>(answer);
            if constexpr (requires { typed.throttle_time_ms; }) return typed.throttle_time_ms;
            return 0;
        };
        return any;
    }

    template <class Response>
    static bool says_not_controller(const Response& answer) {
        const auto any = [](const auto& items) {
            for (const auto& item : items) {
                if constexpr (requires { item.error_code; }) {
                    if (item.error_code == ErrorCode::not_controller) return true;
                }
            }
            return false;
        };
        if constexpr (requires { answer.error_code; }) {
            if (answer.error_code == ErrorCode::not_controller) return true;
        }
        if constexpr (requires { answer.topics; }) return any(answer.topics);
        if constexpr (requires { answer.responses; }) return any(answer.responses);
        if constexpr (requires { answer.results; }) return any(answer.results);
        return false;
    }
};

class Cluster : public std::enable_shared_from_this<Cluster> {
 public:
    using CallOptions = kwire::CallOptions;

    /// Throws errc::invalid_config.
    static std::shared_ptr<Cluster> create(std::shared_ptr<Runtime> runtime, ClusterConfig config);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    const std::shared_ptr<Runtime>& runtime() const;
    const ClusterConfig& config() const;

    /// The newest view; never null, empty before the first refresh.
    std::shared_ptr<const ClusterView> view() const;

    /// Asks for Metadata of topics (none: of all topics) and returns the view that results.
    /// Concurrent calls for the same topics share one request. A topic that does not exist is
    /// absent from the view, with its reason in topic_errors; none is created by asking, unless
    /// options say so. Throws once every known broker was tried and none gave a usable answer,
    /// naming each and why.
    template <class Token = asio::use_awaitable_t<>>
    auto refresh(TopicNames topics, RefreshOptions options = {}, Token&& token = Token()) {
        return begin(refreshed(impl_, std::move(topics), options), std::forward<Token>(token));
    }

    /// Waits until view() is another one than known, and returns it; also when deadline passes or
    /// the cluster is closed. To learn of leaders, replicas and partitions that refreshes of others
    /// or of old age brought.
    template <class Token = asio::use_awaitable_t<>>
    auto next_view(std::shared_ptr<const ClusterView> known, TimePoint deadline, Token&& token = Token()) {
        std::stop_source abandoned;
        return begin(newer_view(impl_, std::move(known), deadline, abandoned.get_token()), std::forward<Token>(token),
                     abandoned);
    }

    /// Replaces the bootstrap list, for example with what ZooKeeper lists now. From any thread.
    void set_bootstrap(std::vector<HostPort> bootstrap);

    /// Sends request to the broker of that id and returns its answer. The highest version that both
    /// know is used. Throws errc::unsupported_version, message_not_encodable, timed_out,
    /// connection_lost, cannot_connect, cannot_resolve, not_kafka, broken_frame, closed. Error
    /// codes inside the answer are the caller's to look at.
    template <class Request, class Token = asio::use_awaitable_t<>>
    auto call(std::int32_t broker, Request request, CallOptions options = {}, Token&& token = Token()) {
        return ask_for<typename Request::Response>(Target{Target::broker, broker}, AnyRequest::of(std::move(request)),
                                                   options, std::forward<Token>(token));
    }

    /// The same for a request that depends on its version: make_request(version) is called on the
    /// strand once it is known which version will be sent, at most once, and returns the request;
    /// what it throws, call throws. One step, so that the version cannot change between shaping the
    /// request and sending it.
    template <class MakeRequest, class Token = asio::use_awaitable_t<>>
        requires std::invocable<MakeRequest&, std::int16_t>
    auto call(std::int32_t broker, MakeRequest make_request, CallOptions options = {}, Token&& token = Token()) {
        using Request = std::invoke_result_t<MakeRequest&, std::int16_t>;
        return ask_for<typename Request::Response>(Target{Target::broker, broker},
                                                   AnyRequest::made_by<Request>(std::move(make_request)), options,
                                                   std::forward<Token>(token));
    }

    /// The same, to any broker that can be reached: known ones first, then the bootstrap list.
    template <class Request, class Token = asio::use_awaitable_t<>>
    auto call_any(Request request, CallOptions options = {}, Token&& token = Token()) {
        return ask_for<typename Request::Response>(Target{Target::any, -1}, AnyRequest::of(std::move(request)), options,
                                                   std::forward<Token>(token));
    }

    /// The same, to the controller (KIP-4: create and delete topics), followed when it moves or
    /// cannot be reached. A request that was sent and whose answer was lost is not sent again.
    template <class Request, class Token = asio::use_awaitable_t<>>
    auto call_controller(Request request, CallOptions options = {}, Token&& token = Token()) {
        return ask_for<typename Request::Response>(Target{Target::controller, -1}, AnyRequest::of(std::move(request)),
                                                   options, std::forward<Token>(token));
    }

    /// The broker that coordinates group: asked for (FindCoordinator), then remembered until
    /// forget_coordinator, or until it cannot be reached. Retries while the broker says that there is none yet; throws a
    /// broker_error after the request timeout.
    template <class Token = asio::use_awaitable_t<>>
    auto coordinator(std::string group, Token&& token = Token()) {
        return begin(coordinator_of(impl_, std::move(group)), std::forward<Token>(token));
    }
    void forget_coordinator(const std::string& group);

    /// The version that call() would use at this broker now; connects if need be. To shape a request
    /// by its version use the call above that takes a function.
    template <class Token = asio::use_awaitable_t<>>
    auto version_for(std::int32_t broker, ApiKey api, CallOptions options = {}, Token&& token = Token()) {
        return begin(version_of(impl_, broker, api, options), std::forward<Token>(token));
    }
    /// All that the broker offers; connects if need be.
    template <class Token = asio::use_awaitable_t<>>
    auto versions(std::int32_t broker, Token&& token = Token()) {
        return begin(versions_of(impl_, broker), std::forward<Token>(token));
    }

    /// Brokers that are not connected and to which the last attempt failed, or one under way has had no answer for
    /// patience: each with the reason. On the strand.
    std::vector<Error> unreachable(std::chrono::milliseconds patience) const;

    ClusterStats stats() const;  ///< From any thread.

    /// A new seed for the jitter of a Backoff: follows jitter_seed. From any thread.
    std::uint64_t jitter_seed();

    /// Ends all connections. From any thread; returns at once. Idempotent.
    void close();

 private:
    struct Impl;
    struct Target {
        enum Kind { broker, any, controller } kind;
        std::int32_t id;
    };

    Cluster();

    // The operations themselves, on the strand.
    using ViewPtr = std::shared_ptr<const ClusterView>;
    static Task<ViewPtr> refreshed(std::shared_ptr<Impl> impl, TopicNames topics, RefreshOptions options);
    static Task<ViewPtr> newer_view(std::shared_ptr<Impl> impl, ViewPtr known, TimePoint deadline,
                                    std::stop_token abandoned);
    static Task<std::int32_t> coordinator_of(std::shared_ptr<Impl> impl, std::string group);
    static Task<std::int16_t> version_of(std::shared_ptr<Impl> impl, std::int32_t broker, ApiKey api,
                                         CallOptions options);
    static Task<std::map<ApiKey, VersionRange>> versions_of(std::shared_ptr<Impl> impl, std::int32_t broker);
    /// Everything but the type: leaves the decoded answer in *answer, which lives until then.
    static Task<void> ask(std::shared_ptr<Impl> impl, Target target, AnyRequest request,
                          void* answer, CallOptions options);

    /// The one coroutine that is instantiated for each type of answer.
    template <class Response>
    static Task<Response> answer_of(std::shared_ptr<Impl> impl, Target target, AnyRequest request,
                                    CallOptions options) {
        Response answer;
        co_await ask(std::move(impl), target, std::move(request), &answer, options);
        co_return answer;
    }

    template <class T, class Token>
    auto begin(Task<T> task, Token&& token, std::stop_source abandoned = std::stop_source(std::nostopstate)) {
        return detail::async_operation<T>(runtime(), std::move(task), std::forward<Token>(token), std::move(abandoned));
    }
    template <class Response, class Token>
    auto ask_for(Target target, AnyRequest request, CallOptions options, Token&& token) {
        return begin(answer_of<Response>(impl_, target, std::move(request), options), std::forward<Token>(token));
    }

    std::shared_ptr<Impl> impl_;
};

}  // namespace kwire
