// One ZooKeeper session behind an interface: the C client driven from the runtime's strand, or one in memory for
// tests.
//
// Invariants: operations on one session take effect in the order they were begun. An operation that fails with
// connection_loss may have taken effect: the caller has to find out. One begun while the session is suspended fails
// with connection_loss at once and had no effect: wait for `connected`. After `expired` or close() every operation
// answers session_expired or closing, and the session never comes back: open a new one. A change of state is reported
// before the operations that fail by it answer. Watches outlive a suspension: what they missed is reported after
// `connected`.
// Exceptions: operations throw nothing; every refusal is a Code, with the path in the Reply.
// Executor and threads: the runtime's strand; watches and listeners are called there too. kwire/zk/async.h is for
// other threads and completion tokens.
// Cancellation: a Task is not to be cancelled.
// Lifetimes: an operation that waits does not keep the session alive; if the last owner drops it, it answers
// `closing`.
// Names: codes, events and semantics are ZooKeeper's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <kwire/net/async.h>
#include <kwire/net/error.h>
#include <kwire/net/runtime.h>
#include <kwire/zk/acl.h>

namespace kwire::zk {

/// ZooKeeper's return codes, those that callers tell apart.
enum class Code {
    ok = 0,
    runtime_inconsistency = -2,  ///< In a multi: not tried, since an earlier operation failed.
    connection_loss = -4,
    marshalling_error = -5,
    operation_timeout = -7,
    bad_arguments = -8,
    no_node = -101,
    no_auth = -102,
    bad_version = -103,
    no_children_for_ephemerals = -108,
    node_exists = -110,
    not_empty = -111,
    session_expired = -112,
    invalid_acl = -114,
    auth_failed = -115,
    closing = -116,
    session_moved = -118,
    other = -1000,
    too_large = -1001,  ///< kwire's own: the request exceeds SessionConfig::request_bytes_max and was not sent.
};
std::string_view name(Code code);  ///< `no node`, ...

/// True if the same operation is refused again as long as nobody changes a node, an ACL, the credentials or the
/// request: no_auth, invalid_acl, auth_failed, marshalling_error, bad_arguments, no_children_for_ephemerals,
/// too_large. False for answers that a retry may change, and for the outcomes of a race (no_node, node_exists,
/// bad_version).
bool permanent(Code code);

enum class SessionState { connecting, connected, suspended, expired, auth_failed, closed };
std::string_view name(SessionState state);

struct Stat {
    std::int64_t czxid = 0;
    std::int64_t mzxid = 0;
    std::int64_t ctime = 0;  ///< Milliseconds since 1970.
    std::int64_t mtime = 0;
    std::int32_t version = 0;
    std::int32_t cversion = 0;
    std::int64_t ephemeral_owner = 0;  ///< The session id; 0 for a persistent node.
    std::int32_t data_length = 0;
    std::int32_t children_count = 0;
};

enum class CreateMode {
    persistent,
    ephemeral,
    persistent_open,  ///< Persistent, and open to all whatever SessionConfig::acl says: for parents that others share.
};

struct WatchEvent {
    enum class Type { created, deleted, data_changed, children_changed, session } type;
    std::string path;  ///< As the caller named it, without the chroot.
};
/// Called once. Type session: the watch is gone with its session.
using Watch = std::function<void(const WatchEvent&)>;

/// How an operation went. Compares with a Code, so that a caller who asks for no more needs no more.
struct Outcome {
    Code code = Code::ok;
    std::string path = {};    ///< Of the node that code is about; empty if ok.
    std::string detail = {};  ///< What code does not say, such as the size of a request; often empty.
    bool ok() const { return code == Code::ok; }
    operator Code() const { return code; }
};

/// What an operation answered. value is meaningful only if code is ok.
template <class T>
struct Reply {
    Code code = Code::ok;
    T value{};
    std::string path = {};    ///< As Outcome::path.
    std::string detail = {};  ///< As Outcome::detail.
    bool ok() const { return code == Code::ok; }
    Outcome outcome() const { return {code, path, detail}; }
};
struct Node {
    std::string data;
    Stat stat;
};
struct Children {
    std::vector<std::string> names;  ///< Sorted.
    Stat stat;
};

struct CreateOp {
    std::string path;
    std::string data;
    CreateMode mode = CreateMode::persistent;
};
struct DeleteOp {
    std::string path;
    std::int32_t version = -1;
};
struct SetOp {
    std::string path;
    std::string data;
    std::int32_t version = -1;
};
struct CheckOp {
    std::string path;
    std::int32_t version = -1;
};
using Op = std::variant<CreateOp, DeleteOp, SetOp, CheckOp>;
struct OpResult {
    Code code = Code::ok;
    Stat stat;  ///< Of SetOp.
};

class Session {
 public:
    virtual ~Session() = default;

    virtual SessionState state() const = 0;
    virtual std::int64_t id() const = 0;
    virtual std::string password() const = 0;
    /// What the server granted; the asked-for value before the first connection.
    virtual std::chrono::milliseconds timeout() const = 0;
    virtual const std::shared_ptr<Runtime>& runtime() const = 0;

    /// Calls listener at each change of state, in order, from now on, until the returned handle
    /// goes.
    virtual std::shared_ptr<void> on_state(std::function<void(SessionState)> listener) = 0;

    /// Returns path. no_node: its parent does not exist.
    virtual Task<Reply<std::string>> create(std::string path, std::string data, CreateMode mode) = 0;
    /// At this version; -1: at any.
    virtual Task<Code> remove(std::string path, std::int32_t version) = 0;
    /// watch is left only if there is a node.
    virtual Task<Reply<Node>> get(std::string path, Watch watch = nullptr) = 0;
    /// At this version; -1: at any. Returns the new state.
    virtual Task<Reply<Stat>> set(std::string path, std::string data, std::int32_t version) = 0;
    /// watch is also left if there is no node, and fires when it is created. Needs no permission.
    virtual Task<Reply<Stat>> exists(std::string path, Watch watch = nullptr) = 0;
    virtual Task<Reply<Children>> children(std::string path, Watch watch = nullptr) = 0;
    /// All or nothing. The code, and the path of the Reply, are the first failing operation's. The value has one entry
    /// per operation if the server answered, none if it was not asked (no connection, an illegal path, too large).
    virtual Task<Reply<std::vector<OpResult>>> multi(std::vector<Op> ops) = 0;
    /// Waits until what this session's server knows is as new as the leader.
    virtual Task<Code> sync(std::string path) = 0;

    /// Ends the session on the server, so that its ephemeral nodes go at once; what was begun
    /// before ends first. Waits up to 1 s for each, and for a connection if there is none: without
    /// the server the session lives on there until its timeout. Idempotent.
    virtual Task<void> close() = 0;
    /// Ends this object alone: the session, and its ephemeral nodes, live on at the server until its
    /// timeout. For a member that comes back soon. What was begun and not answered may be lost.
    virtual Task<void> abandon() = 0;
};

struct SessionConfig {
    std::string hosts;                                  ///< `host:port,host:port[/chroot]`
    std::chrono::milliseconds timeout{6'000};           ///< Asked for; the server clamps it.
    std::chrono::milliseconds connect_timeout{10'000};  ///< open() gives up after that.
    /// Whether a chroot that is not there is made; if not, opening fails with errc::invalid_config.
    bool create_chroot = true;
    std::vector<Acl> acl{Acl{}};                        ///< Of every node this session creates, but persistent_open.
    /// jute.maxbuffer of the servers: a larger request is refused here with Code::too_large, since a server would
    /// answer it by closing the connection. What a server adds when it logs the request is counted in.
    std::size_t request_bytes_max = 1'048'575;
    std::optional<std::pair<std::string, std::string>>
        auth;  ///< scheme and credentials, such as digest, user:password.
    /// Hears the C client's own log, a line a call, on the runtime. Null: it is silent.
    std::function<void(std::string_view)> log;
    /// Reopens a session (tests and rescue tools): its id and password.
    std::optional<std::pair<std::int64_t, std::string>> reopen;
};

namespace detail {
Task<std::shared_ptr<Session>> opened_session(std::shared_ptr<Runtime> runtime, SessionConfig config);
Task<void> closed(std::shared_ptr<Session> session);
}  // namespace detail

/// Connects, creates the chroot if it is missing and may be. Throws errc::zookeeper_unavailable, timed_out,
/// invalid_config, session_expired (reopen), naming the servers.
/// Any thread, any completion token, by the rules of kwire/net/async.h. Cancelled: a session that is opened all the same is
/// closed at once.
template <class Token = asio::use_awaitable_t<>>
auto open_session(std::shared_ptr<Runtime> runtime, SessionConfig config, Token&& token = {}) {
    auto task = detail::opened_session(runtime, std::move(config));
    return kwire::detail::async_operation(runtime, std::move(task), std::forward<Token>(token),
                                          std::stop_source(std::nostopstate),
                                          [runtime](const std::shared_ptr<Session>& session) {
                                              runtime->spawn(detail::closed(session));
                                          });
}

/// How a new session is made where an old one was lost; in tests it makes sessions in memory.
using SessionFactory = std::function<Task<std::shared_ptr<Session>>()>;

}  // namespace kwire::zk
