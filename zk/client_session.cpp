// The session that ZooKeeper's C client keeps, as a Session.
#include <algorithm>
#include <list>
#include <utility>

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <zookeeper/zookeeper.h>

#include <kwire/net/port_probe.h>
#include <kwire/zk/gather.h>
#include <kwire/zk/session.h>

#include "client_replies.h"
#include "node_operations.h"
#include "paths.h"
#include "requests.h"
#include "server_addresses.h"
#include "state_listeners.h"
#include "watch_table.h"
#include "zookeeper_handle.h"

namespace kwire::zk {

namespace {

/// How long close() waits for the server, and for what was begun before.
constexpr std::chrono::seconds close_patience{1};

/// The first watches, which the C client leaves again in one request after a new connection. Java's client does so in
/// pieces of this size.
constexpr std::size_t set_watches_bytes_max = 128 * 1024;
/// So many of the others are asked for before the first answer is awaited.
constexpr std::size_t restored_at_once = 256;

/// How long an error may be held up to find out what answers in place of ZooKeeper.
constexpr std::chrono::milliseconds probe_patience{500};

struct Request {
    std::string path;  ///< Without the chroot; in a transaction the one to blame before it is sent.
    std::size_t bytes = 0;
};

class ClientSession : public Session, public std::enable_shared_from_this<ClientSession> {
 public:
    using Self = std::shared_ptr<ClientSession>;

    ClientSession(std::shared_ptr<Runtime> runtime, SessionConfig config)
        : runtime_(std::move(runtime)),
          config_(std::move(config)),
          timeout_(config_.timeout),
          acl_(config_.acl),
          changed_(*runtime_) {}
    ~ClientSession() override {
        // What is under way answers `closing` when the handle goes; it must not look for us.
        if (handle_) fail_in_flight(ZCLOSING);
    }

    SessionState state() const override { return state_; }
    std::int64_t id() const override { return id_; }
    std::string password() const override { return password_; }
    std::chrono::milliseconds timeout() const override { return timeout_; }
    const std::shared_ptr<Runtime>& runtime() const override { return runtime_; }
    std::shared_ptr<void> on_state(std::function<void(SessionState)> listener) override {
        return listeners_.add(std::move(listener));
    }

    Task<Reply<std::string>> create(std::string path, std::string data, CreateMode mode) override;
    Task<Code> remove(std::string path, std::int32_t version) override;
    Task<Reply<Node>> get(std::string path, Watch watch) override;
    Task<Reply<Stat>> set(std::string path, std::string data, std::int32_t version) override;
    Task<Reply<Stat>> exists(std::string path, Watch watch) override;
    Task<Reply<Children>> children(std::string path, Watch watch) override;
    Task<Reply<std::vector<OpResult>>> multi(std::vector<Op> ops) override;
    Task<Code> sync(std::string path) override;
    Task<void> close() override { return do_close(shared_from_this()); }
    Task<void> abandon() override { return do_abandon(shared_from_this()); }

    /// Connects and sees to the chroot.
    static Task<void> open(Self self);

 private:
    static Task<Outcome> ensure_chroot(Self self, std::string chroot);
    template <class T>
    static Task<Reply<T>> operate(Self self, Request request, Watch watch,
                                  std::function<int(zhandle_t*, Call<T>&)> start);
    static Task<void> do_close(Self self);
    static Task<void> do_abandon(Self self);
    static Task<void> finish_closing(Self self);
    static Task<void> resolve_again(Self self);

    Outcome refusal(const Request& request) const;
    /// As it goes to the server.
    std::string full(const std::string& path) const { return below(chroot_, path); }
    Request about(std::string path) const { return {path, request_bytes(full(path))}; }
    template <class T>
    void begin(std::unique_ptr<Call<T>> call, const Request& request, Watch watch,
               const std::function<int(zhandle_t*, Call<T>&)>& start);
    void session_event(int state);
    void watch_event(int type, const char* path, std::uintptr_t number);
    void tell(SessionState state);
    void lose_connection();
    void end(SessionState state);
    void fail_in_flight(int rc);
    void drop_watches();
    void call_watch(Watch watch, WatchEvent event);
    static Task<void> restore_watches(Self self);
    static Task<bool> restore_watch(Self self, std::uintptr_t number);
    Task<Outcome> ask_again(std::uintptr_t number, const WatchTable::Entry& entry, std::shared_ptr<Stat> stat);
    template <class Then>
    void later(Then then) {
        asio::post(runtime_->executor(), [weak = weak_from_this(), then = std::move(then)] {
            if (const auto self = weak.lock()) then(*self);
        });
    }

    std::shared_ptr<Runtime> runtime_;
    SessionConfig config_;
    std::string chroot_;  ///< Empty until it is known to exist.
    std::chrono::milliseconds timeout_;
    AclVector acl_;
    std::vector<HostPort> servers_;
    std::string addresses_;
    SessionState state_ = SessionState::connecting;  ///< As told; linked_ runs ahead of it.
    bool linked_ = false;
    bool closing_ = false;
    std::optional<SessionState> over_;  ///< Expired or refused: the handle is of no use any more.
    std::int64_t id_ = 0;
    std::string password_;
    StateListeners listeners_;
    Event changed_;
    std::list<CallBase*> in_flight_;
    WatchTable watches_;
    bool restoring_ = false;
    std::uint64_t connections_lost_ = 0;
    bool resolving_ = false;
    // Last, so that it goes first: what it calls back meanwhile finds the rest in place.
    std::shared_ptr<ZooKeeperHandle> handle_;
};

// ---- states

void ClientSession::tell(SessionState state) {
    later([state](ClientSession& self) {
        const bool over = self.state_ == SessionState::closed || self.state_ == SessionState::expired ||
                          self.state_ == SessionState::auth_failed;
        if (over || self.state_ == state) return;
        self.state_ = state;
        self.changed_.notify_all();
        self.listeners_.call(state);
    });
}

void ClientSession::session_event(int state) {
    if (over_) return;
    if (state == ZOO_CONNECTED_STATE) {
        // A server that does not know a session to be reopened answers with another one or none.
        const bool granted = handle_->id() != 0 && handle_->timeout().count() > 0;
        if (!granted || (config_.reopen && handle_->id() != config_.reopen->first)) {
            return end(SessionState::expired);
        }
        id_ = handle_->id();
        password_ = handle_->password();
        timeout_ = handle_->timeout();
        linked_ = true;
        tell(SessionState::connected);
        if (restoring_ || watches_.not_left(1).empty()) return;
        restoring_ = true;
        kwire::start(runtime_->executor(), restore_watches(shared_from_this()), [](std::exception_ptr) {});
    } else if (state == ZOO_EXPIRED_SESSION_STATE) {
        end(SessionState::expired);
    } else if (state == ZOO_AUTH_FAILED_STATE) {
        end(SessionState::auth_failed);
    } else {
        lose_connection();
    }
}

void ClientSession::lose_connection() {
    if (!linked_) return;
    linked_ = false;
    tell(SessionState::suspended);
    fail_in_flight(ZCONNECTIONLOSS);
    ++connections_lost_;
    watches_.keep_first(set_watches_bytes_max, [this](std::uintptr_t number, const WatchTable::Entry& entry) {
        handle_->forget_watch(entry.path, entry.kind == WatchTable::Kind::children, number);
    });
    if (closing_) return;
    kwire::start(runtime_->executor(), resolve_again(shared_from_this()), [](std::exception_ptr) {});
}

void ClientSession::end(SessionState state) {
    if (over_) return;
    over_ = state;
    const bool was_linked = std::exchange(linked_, false);
    if (was_linked) tell(SessionState::suspended);
    tell(state);
    fail_in_flight(state == SessionState::expired ? ZSESSIONEXPIRED : ZAUTHFAILED);
    drop_watches();
}

void ClientSession::fail_in_flight(int rc) {
    // The C client lets go of some of its calls only with its next connection; ours do not wait.
    for (CallBase* call : std::exchange(in_flight_, {})) call->give_up(rc);
}

/// Servers may have moved to other addresses while we were connected.
Task<void> ClientSession::resolve_again(Self self) {
    if (self->resolving_ || all_numeric(self->servers_)) co_return;
    self->resolving_ = true;
    while (!self->linked_ && !self->closing_ && !self->over_) {
        const std::string addresses = co_await numeric_addresses(
            self->runtime_, self->servers_, self->runtime_->now() + std::chrono::seconds(10));
        if (!addresses.empty() && addresses != self->addresses_ && !self->linked_ && !self->closing_ && !self->over_) {
            self->addresses_ = addresses;
            self->handle_->set_servers(addresses);
        }
        const std::weak_ptr<ClientSession> weak = self;
        const std::shared_ptr<Runtime> runtime = self->runtime_;
        self.reset();  // a session that nobody holds is not kept by this
        Timer pause(*runtime);
        co_await pause.wait_for(std::chrono::seconds(1));
        self = weak.lock();
        if (!self) co_return;
    }
    self->resolving_ = false;
}

// ---- watches

void ClientSession::call_watch(Watch watch, WatchEvent event) {
    later([watch = std::move(watch), event = std::move(event)](ClientSession&) { watch(event); });
}

void ClientSession::watch_event(int type, const char* path, std::uintptr_t number) {
    Watch watch = watches_.take(number);
    if (!watch) return;
    auto kind = WatchEvent::Type::session;
    if (type == ZOO_CREATED_EVENT) kind = WatchEvent::Type::created;
    if (type == ZOO_DELETED_EVENT) kind = WatchEvent::Type::deleted;
    if (type == ZOO_CHANGED_EVENT) kind = WatchEvent::Type::data_changed;
    if (type == ZOO_CHILD_EVENT) kind = WatchEvent::Type::children_changed;
    call_watch(std::move(watch), {kind, without(chroot_, path)});
}

void ClientSession::drop_watches() {
    for (Watch& watch : watches_.take_all()) {
        call_watch(std::move(watch), {WatchEvent::Type::session, {}});
    }
}

// ---- operations

Outcome ClientSession::refusal(const Request& request) const {
    if (closing_) return {Code::closing, request.path};
    if (over_) return {*over_ == SessionState::expired ? Code::session_expired : Code::auth_failed, request.path};
    if (!valid_path(request.path)) return {Code::bad_arguments, request.path};
    Outcome fits = check_size(request.bytes, config_.request_bytes_max, request.path);
    if (!fits.ok() || linked_) return fits;
    return {Code::connection_loss, request.path};
}

template <class T>
void ClientSession::begin(std::unique_ptr<Call<T>> call, const Request& request, Watch watch,
                          const std::function<int(zhandle_t*, Call<T>&)>& start) {
    if (Outcome refused = refusal(request); !refused.ok()) {
        call->reply.code = refused.code;
        call->reply.path = std::move(refused.path);
        call->reply.detail = std::move(refused.detail);
        return call->answer();
    }
    call->in_flight = &in_flight_;
    call->ended = &changed_;
    call->position = in_flight_.insert(in_flight_.end(), call.get());
    if (watch) {
        call->watch_kind = std::is_same_v<T, Children> ? WatchTable::Kind::children : WatchTable::Kind::data;
        call->watch = watches_.add(std::move(watch), full(request.path), call->watch_kind);
        call->watches = &watches_;
    }
    // From here on the C client holds it; it calls back exactly once if it took it.
    Call<T>* const held = call.release();
    const int rc = handle_->with([&](zhandle_t* zh) { return start(zh, *held); });
    if (rc == ZOK) return;
    held->finish(rc);
    delete held;
}

template <class T>
Task<Code> only_code(Task<Reply<T>> task) {
    const Reply<T> reply = co_await std::move(task);
    co_return reply.code;
}

template <class T>
Task<Outcome> outcome_and_stat(Task<Reply<T>> task, std::shared_ptr<Stat> stat) {
    const Reply<T> reply = co_await std::move(task);
    if constexpr (std::is_same_v<T, Stat>) {
        *stat = reply.value;
    } else {
        *stat = reply.value.stat;
    }
    co_return reply.outcome();
}

template <class T>
Task<Reply<T>> ClientSession::operate(Self self, Request request, Watch watch,
                                      std::function<int(zhandle_t*, Call<T>&)> start) {
    // The session is not kept alive by what waits for it: dropped, it answers `closing`.
    auto initiate = [self = std::move(self), request, watch = std::move(watch),
                     start = std::move(start)](auto handler) mutable {
        const auto runtime = self->runtime_;
        auto held = std::make_shared<decltype(handler)>(std::move(handler));
        auto call = std::make_unique<Call<T>>();
        call->done = [held, runtime](Reply<T> reply) {
            asio::post(runtime->executor(),
                       [held, reply = std::move(reply)]() mutable { (*held)(std::move(reply)); });
        };
        const auto session = std::move(self);
        session->begin(std::move(call), request, std::move(watch), start);
    };
    Reply<T> reply = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Reply<T>)>(
        std::move(initiate), asio::use_awaitable);
    if (!reply.ok() && reply.path.empty()) reply.path = std::move(request.path);
    co_return reply;
}

// ---- watches that the C client does not leave again after a new connection

/// Leaves the watch at the server, and says how its node stands.
Task<Outcome> ClientSession::ask_again(std::uintptr_t number, const WatchTable::Entry& entry,
                                       std::shared_ptr<Stat> stat) {
    void* const context = reinterpret_cast<void*>(number);
    const Request request{without(chroot_, entry.path), request_bytes(entry.path)};
    if (entry.kind == WatchTable::Kind::children) {
        return outcome_and_stat(
            operate<Children>(shared_from_this(), request, nullptr,
                              [path = entry.path, context](zhandle_t* zh, Call<Children>& call) {
                                  return zoo_awget_children2(zh, path.c_str(), ZooKeeperHandle::watcher, context,
                                                             on_children, &call);
                              }),
            std::move(stat));
    }
    return outcome_and_stat(
        operate<Stat>(shared_from_this(), request, nullptr,
                      [path = entry.path, context](zhandle_t* zh, Call<Stat>& call) {
                          return zoo_awexists(zh, path.c_str(), ZooKeeperHandle::watcher, context, on_stat, &call);
                      }),
        std::move(stat));
}

Task<bool> ClientSession::restore_watch(Self self, std::uintptr_t number) {
    const std::uint64_t connection = self->connections_lost_;
    const WatchTable::Entry* entry = self->watches_.find(number);
    if (entry == nullptr || entry->is_left) co_return true;
    const auto stat = std::make_shared<Stat>();
    const Outcome outcome = co_await self->ask_again(number, *entry, stat);
    // The node may have changed since it was asked for, and the watch been called.
    WatchTable::Entry* const now = self->watches_.find(number);
    if (now == nullptr || connection != self->connections_lost_ || !self->linked_) co_return true;
    const auto event = missed(*now, outcome, *stat);
    if (!event) {
        now->is_left = true;
        co_return true;
    }
    self->handle_->forget_watch(now->path, now->kind == WatchTable::Kind::children, number);
    const std::string path = without(self->chroot_, now->path);
    self->call_watch(self->watches_.take(number), {*event, path});
    co_return true;
}

/// Some at a time: a request of them all, or all requests at once, would keep the server from everybody else's.
Task<void> ClientSession::restore_watches(Self self) {
    while (self->linked_ && !self->closing_) {
        const std::vector<std::uintptr_t> some = self->watches_.not_left(restored_at_once);
        if (some.empty()) break;
        std::vector<Task<bool>> tasks;
        for (const std::uintptr_t number : some) tasks.push_back(restore_watch(self, number));
        co_await gather(std::move(tasks));
    }
    self->restoring_ = false;
}

// ---- operations on nodes

// These are no coroutines: the task they return holds the session until it is begun.

Task<Reply<std::string>> ClientSession::create(std::string path, std::string data, CreateMode mode) {
    CreateOp op{full(path), std::move(data), mode};
    const Request request{path, request_bytes(op, config_.acl)};
    return operate<std::string>(shared_from_this(), request, nullptr,
                                [acl = &acl_, path, op = std::move(op)](zhandle_t* zh, Call<std::string>& call) {
                                    call.reply.value = path;
                                    return zoo_acreate(zh, op.path.c_str(), op.data.data(),
                                                       static_cast<int>(op.data.size()), acl->of(op.mode),
                                                       flags_of(op.mode), on_string, &call);
                                });
}

Task<Code> ClientSession::remove(std::string path, std::int32_t version) {
    return only_code(operate<bool>(shared_from_this(), about(path), nullptr,
                                   [full = full(path), version](zhandle_t* zh, Call<bool>& call) {
                                       return zoo_adelete(zh, full.c_str(), version, on_void, &call);
                                   }));
}

Task<Reply<Node>> ClientSession::get(std::string path, Watch watch) {
    return operate<Node>(shared_from_this(), about(path), std::move(watch),
                         [full = full(path)](zhandle_t* zh, Call<Node>& call) {
                             return zoo_awget(zh, full.c_str(), call.watcher(), call.context(), on_node, &call);
                         });
}

Task<Reply<Stat>> ClientSession::set(std::string path, std::string data, std::int32_t version) {
    SetOp op{full(path), std::move(data), version};
    const Request request{path, request_bytes(op, config_.acl)};
    return operate<Stat>(shared_from_this(), request, nullptr,
                         [op = std::move(op)](zhandle_t* zh, Call<Stat>& call) {
                             return zoo_aset(zh, op.path.c_str(), op.data.data(), static_cast<int>(op.data.size()),
                                             op.version, on_stat, &call);
                         });
}

Task<Reply<Stat>> ClientSession::exists(std::string path, Watch watch) {
    return operate<Stat>(shared_from_this(), about(path), std::move(watch),
                         [full = full(path)](zhandle_t* zh, Call<Stat>& call) {
                             call.watch_stays_on_no_node = true;
                             return zoo_awexists(zh, full.c_str(), call.watcher(), call.context(), on_stat, &call);
                         });
}

Task<Reply<Children>> ClientSession::children(std::string path, Watch watch) {
    return operate<Children>(shared_from_this(), about(path), std::move(watch),
                             [full = full(path)](zhandle_t* zh, Call<Children>& call) {
                                 return zoo_awget_children2(zh, full.c_str(), call.watcher(), call.context(),
                                                            on_children, &call);
                             });
}

Task<Code> ClientSession::sync(std::string path) {
    return only_code(operate<std::string>(shared_from_this(), about(path), nullptr,
                                          [full = full(path)](zhandle_t* zh, Call<std::string>& call) {
                                              return zoo_async(zh, full.c_str(), on_string, &call);
                                          }));
}

namespace {

using Results = Reply<std::vector<OpResult>>;

Task<Results> naming_culprit(Task<Results> task, std::vector<std::string> paths) {
    Results reply = co_await std::move(task);
    if (!reply.ok() && !reply.value.empty()) reply.path = culprit_of(reply.value, paths);
    co_return reply;
}

}  // namespace

Task<Results> ClientSession::multi(std::vector<Op> ops) {
    Request request{largest_of(ops), 0};
    std::vector<std::string> paths;
    for (Op& op : ops) {
        std::string& path = std::visit([](auto& each) -> std::string& { return each.path; }, op);
        if (!valid_path(path)) request.path = path;  // operate refuses by it
        paths.push_back(path);
        path = full(path);
    }
    request.bytes = request_bytes(ops, config_.acl);
    return naming_culprit(
        operate<std::vector<OpResult>>(
            shared_from_this(), std::move(request), nullptr,
            [acl = &acl_, ops = std::move(ops)](zhandle_t* zh, Call<std::vector<OpResult>>& call) {
                call.results = std::make_unique<MultiResults>(ops.size());
                return call.results->start(zh, ops, *acl, &call);
            }),
        std::move(paths));
}

// ---- opening and closing

Task<void> ClientSession::open(Self self) {
    const TimePoint deadline = self->runtime_->now() + self->config_.connect_timeout;
    ConnectString parts = split_hosts(self->config_.hosts);
    self->servers_ = HostPort::parse_list(parts.servers, 2181);
    self->addresses_ = co_await numeric_addresses(self->runtime_, self->servers_, deadline);
    if (self->addresses_.empty()) {
        throw Error(errc::zookeeper_unavailable,
                    "no ZooKeeper server of `" + parts.servers + "` has an address; check the names");
    }
    ClientSession* const raw = self.get();
    ZooKeeperHandle::Callbacks callbacks{
        [raw](int state) { raw->session_event(state); },
        [raw](int type, const char* path, std::uintptr_t n) { raw->watch_event(type, path, n); },
        [raw] { raw->lose_connection(); }, self->config_.log};
    self->handle_ = std::make_shared<ZooKeeperHandle>(self->runtime_, std::move(callbacks));
    self->handle_->start(self->addresses_, self->config_.timeout, self->config_.reopen);
    if (self->config_.auth) {
        self->handle_->add_auth(self->config_.auth->first, self->config_.auth->second);
    }
    while (self->state_ == SessionState::connecting) {
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (in_time) continue;
        const HostPort& first = self->servers_.front();
        const auto service =
            co_await probe_port(self->runtime_, tcp_transport(self->runtime_), first, deadline + probe_patience);
        const std::string advice = service ? "what answers at " + first.to_string() +
                                                 " looks like " + *service
                                           : "check that it runs and that this is its client port";
        throw Error(errc::zookeeper_unavailable,
                    "no ZooKeeper server of `" + parts.servers + "` answered within " +
                        std::to_string(self->config_.connect_timeout.count()) + " ms; " + advice);
    }
    if (self->state_ == SessionState::expired) {
        throw Error(errc::session_expired, "the ZooKeeper session to be reopened is gone");
    }
    if (self->state_ == SessionState::auth_failed) {
        throw Error(errc::zookeeper_error,
                    "ZooKeeper at `" + parts.servers + "` refused the credentials of the scheme " +
                        self->config_.auth.value_or(std::pair("?", "")).first);
    }
    if (parts.chroot.empty()) co_return;
    Outcome made = co_await ensure_chroot(self, parts.chroot);
    while (made.code == Code::connection_loss) {  // it may be back in time
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (!in_time) break;
        if (self->linked_) made = co_await ensure_chroot(self, parts.chroot);
    }
    if (made.code == Code::no_node) throw missing_chroot(parts);
    throw_unless_ok(made, "creating the chroot,");
    self->chroot_ = std::move(parts.chroot);
}

Task<Outcome> ClientSession::ensure_chroot(Self self, std::string chroot) {
    if (self->config_.create_chroot) {
        Outcome made = co_await make_open_path(self, std::move(chroot));
        co_return made;
    }
    const Reply<Stat> found = co_await self->exists(std::move(chroot), nullptr);
    co_return found.outcome();
}

Task<void> ClientSession::do_close(Self self) {
    if (std::exchange(self->closing_, true)) {
        while (self->handle_ && self->state_ != SessionState::closed && !self->over_) {
            co_await self->changed_.wait();
        }
        co_return;
    }
    const TimePoint deadline = self->runtime_->now() + close_patience;
    // Nothing new is begun; what was is let end, and a connection that was lost is let come back.
    while (self->handle_ && !self->over_ && self->id_ != 0 &&
           (!self->linked_ || !self->in_flight_.empty())) {
        const bool in_time = co_await self->changed_.wait_until(deadline);
        if (!in_time) break;
    }
    self->linked_ = false;
    if (self->handle_) co_await ZooKeeperHandle::shut(self->handle_, close_patience);
    co_await finish_closing(self);
}

Task<void> ClientSession::do_abandon(Self self) {
    if (std::exchange(self->closing_, true)) co_return;
    self->linked_ = false;
    if (self->handle_) self->handle_->abandon();
    co_await finish_closing(self);
}

Task<void> ClientSession::finish_closing(Self self) {
    self->fail_in_flight(ZCLOSING);
    self->tell(SessionState::closed);
    self->drop_watches();
    co_await asio::post(self->runtime_->executor(), asio::use_awaitable);
    self->changed_.notify_all();
}

}  // namespace

Task<void> detail::closed(std::shared_ptr<Session> session) { co_await session->close(); }

Task<std::shared_ptr<Session>> detail::opened_session(std::shared_ptr<Runtime> runtime, SessionConfig config) {
    if (config.timeout.count() <= 0 || config.connect_timeout.count() <= 0) {
        throw Error(errc::invalid_config, "ZooKeeper's timeouts must be more than 0 ms");
    }
    if (config.acl.empty()) {
        throw Error(errc::invalid_config, "the ACL of new ZooKeeper nodes must not be empty");
    }
    auto session = std::make_shared<ClientSession>(std::move(runtime), std::move(config));
    std::exception_ptr failure;
    try {
        co_await ClientSession::open(session);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        co_await session->close();  // a session that was made is not left to expire
        std::rethrow_exception(failure);
    }
    co_return session;
}

}  // namespace kwire::zk
