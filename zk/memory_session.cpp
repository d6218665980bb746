#include <algorithm>
#include <map>
#include <utility>

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <kwire/zk/memory_session.h>

#include "memory_tree.h"
#include "paths.h"
#include "requests.h"
#include "state_listeners.h"

namespace kwire::zk {

namespace {
class MemoryClient;
using Watches = std::map<std::string, std::vector<Watch>>;
}  // namespace

struct MemoryEnsemble::Server : std::enable_shared_from_this<Server> {
    struct ServerSession {
        bool alive = true;
        std::weak_ptr<MemoryClient> client;  ///< The newest that opened it.
        std::vector<std::weak_ptr<MemoryClient>> moved_from;
    };

    explicit Server(std::shared_ptr<Runtime> on)
        : runtime(std::move(on)),
          tree([this](WatchEvent::Type type, const std::string& path) { trip(type, path); }) {}

    void trip(WatchEvent::Type type, const std::string& path);
    void end(std::int64_t session_id);
    std::shared_ptr<MemoryClient> client(std::int64_t session_id) const;
    void make(const std::string& path);
    void tick() {
        tree.set_time(
            std::chrono::duration_cast<std::chrono::milliseconds>(runtime->now().time_since_epoch())
                .count());
    }

    std::shared_ptr<Runtime> runtime;
    std::map<std::int64_t, ServerSession> sessions;
    MemoryTree tree;
    std::function<Fault(const MemoryOperation&)> hook;
    std::uint64_t operations = 0;
    std::size_t request_bytes_max = SessionConfig{}.request_bytes_max;
    std::int64_t next_session = (std::int64_t{1} << 56) + 1;
    bool available = true;
};

namespace {

using Server = MemoryEnsemble::Server;
using Kind = MemoryOperation::Kind;

/// The server's view of the connection (link_) changes at once, the client's (state_) in a later
/// turn, so that a caller meets what a network shows: operations that fail before the loss was
/// noticed.
class MemoryClient : public Session, public std::enable_shared_from_this<MemoryClient> {
 public:
    MemoryClient(std::shared_ptr<Server> server, std::int64_t id, std::string chroot, const SessionConfig& config)
        : server_(std::move(server)),
          id_(id),
          chroot_(std::move(chroot)),
          timeout_(config.timeout),
          acl_(config.acl),
          request_bytes_max_(config.request_bytes_max) {}
    ~MemoryClient() override {
        if (link_ && alive()) server_->end(id_);
    }

    SessionState state() const override { return state_; }
    std::int64_t id() const override { return id_; }
    std::string password() const override { return password_of(id_); }
    std::chrono::milliseconds timeout() const override { return timeout_; }
    const std::shared_ptr<Runtime>& runtime() const override { return server_->runtime; }
    std::shared_ptr<void> on_state(std::function<void(SessionState)> listener) override {
        return listeners_.add(std::move(listener));
    }

    Task<Reply<std::string>> create(std::string path, std::string data, CreateMode mode) override {
        return do_create(shared_from_this(), std::move(path), std::move(data), mode);
    }
    Task<Code> remove(std::string path, std::int32_t version) override {
        return do_remove(shared_from_this(), std::move(path), version);
    }
    Task<Reply<Node>> get(std::string path, Watch watch) override {
        return do_get(shared_from_this(), std::move(path), std::move(watch));
    }
    Task<Reply<Stat>> set(std::string path, std::string data, std::int32_t version) override {
        return do_set(shared_from_this(), std::move(path), std::move(data), version);
    }
    Task<Reply<Stat>> exists(std::string path, Watch watch) override {
        return do_exists(shared_from_this(), std::move(path), std::move(watch));
    }
    Task<Reply<Children>> children(std::string path, Watch watch) override {
        return do_children(shared_from_this(), std::move(path), std::move(watch));
    }
    Task<Reply<std::vector<OpResult>>> multi(std::vector<Op> ops) override {
        return do_multi(shared_from_this(), std::move(ops));
    }
    Task<Code> sync(std::string path) override {
        return do_sync(shared_from_this(), std::move(path));
    }
    Task<void> close() override { return do_close(shared_from_this()); }
    Task<void> abandon() override { return do_abandon(shared_from_this()); }

    static std::string password_of(std::int64_t id) {
        std::string password = std::to_string(id);
        password.resize(16, '.');
        return password;
    }

    void trip(WatchEvent::Type type, const std::string& path);
    void cut();
    void join();
    void told_expired();
    bool linked() const { return link_; }

 private:
    using Self = std::shared_ptr<MemoryClient>;

    bool alive() const { return server_->sessions.at(id_).alive; }
    template <class Then>
    void later(Then then) {
        asio::post(server_->runtime->executor(),
                   [weak = weak_from_this(), then = std::move(then)]() mutable {
                       if (const auto self = weak.lock()) then(*self);
                   });
    }
    void tell(SessionState state);
    void call_later(Watches& watches, const std::string& path, WatchEvent::Type type);
    void drop_watches();
    Code refusal() const;
    template <class T, class Effect>
    Reply<T> begin(Kind kind, const std::string& path, std::size_t bytes, Effect effect,
                   std::vector<std::string> paths = {});
    template <class T, class Effect>
    Reply<T> send(MemoryOperation operation, std::size_t bytes, Effect effect);
    /// Of a request that holds only a path.
    std::size_t bytes_of(const std::string& path) const { return request_bytes(full(path)); }
    MemoryTree& tree() { return server_->tree; }
    std::string full(const std::string& path) const { return below(chroot_, path); }

    static Task<void> turn(Self self) {
        co_await asio::post(self->server_->runtime->executor(), asio::use_awaitable);
    }
    static Task<Reply<std::string>> do_create(Self self, std::string path, std::string data,
                                              CreateMode mode);
    static Task<Code> do_remove(Self self, std::string path, std::int32_t version);
    static Task<Reply<Node>> do_get(Self self, std::string path, Watch watch);
    static Task<Reply<Stat>> do_set(Self self, std::string path, std::string data,
                                    std::int32_t version);
    static Task<Reply<Stat>> do_exists(Self self, std::string path, Watch watch);
    static Task<Reply<Children>> do_children(Self self, std::string path, Watch watch);
    static Task<Reply<std::vector<OpResult>>> do_multi(Self self, std::vector<Op> ops);
    static Task<Code> do_sync(Self self, std::string path);
    static Task<void> do_close(Self self);
    static Task<void> do_abandon(Self self);

    std::shared_ptr<Server> server_;
    std::int64_t id_;
    std::string chroot_;
    std::chrono::milliseconds timeout_;
    std::vector<Acl> acl_;  ///< Counts in the size of requests.
    std::size_t request_bytes_max_;
    SessionState state_ = SessionState::connected;
    bool link_ = true;
    bool expiry_told_ = false;
    bool closed_ = false;
    std::int64_t last_zxid_ = 0;  ///< What it had seen when it was cut off.
    StateListeners listeners_;
    Watches data_watches_;
    Watches exist_watches_;  ///< On nodes that were not there.
    Watches child_watches_;
};

void MemoryClient::tell(SessionState state) {
    later([state](MemoryClient& self) {
        const bool over =
            self.state_ == SessionState::closed || self.state_ == SessionState::expired;
        if (over || self.state_ == state) return;
        self.state_ = state;
        self.listeners_.call(state);
    });
}

void MemoryClient::call_later(Watches& watches, const std::string& path, WatchEvent::Type type) {
    const auto found = watches.find(path);
    if (found == watches.end()) return;
    const WatchEvent event{type, without(chroot_, path)};
    for (Watch& watch : found->second) {
        later([event, watch = std::move(watch)](MemoryClient&) { watch(event); });
    }
    watches.erase(found);
}

void MemoryClient::trip(WatchEvent::Type type, const std::string& path) {
    if (!link_) return;
    if (type != WatchEvent::Type::children_changed) {
        call_later(data_watches_, path, type);
        call_later(exist_watches_, path, type);
    }
    if (type == WatchEvent::Type::children_changed || type == WatchEvent::Type::deleted) {
        call_later(child_watches_, path, type);
    }
}

void MemoryClient::drop_watches() {
    for (Watches* watches : {&data_watches_, &exist_watches_, &child_watches_}) {
        while (!watches->empty()) {
            call_later(*watches, watches->begin()->first, WatchEvent::Type::session);
        }
    }
}

void MemoryClient::cut() {
    if (!link_) return;
    link_ = false;
    last_zxid_ = tree().zxid();
    tell(SessionState::suspended);
}

/// Connects again and tells what the watches missed, by the rules of a server that is given them
/// anew.
void MemoryClient::join() {
    if (link_ || closed_ || expiry_told_) return;
    if (!alive()) return told_expired();
    link_ = true;
    tell(SessionState::connected);
    for (const auto& [path, watches] : Watches(data_watches_)) {
        const Reply<Node> node = tree().get(path);
        if (!node.ok()) {
            call_later(data_watches_, path, WatchEvent::Type::deleted);
        } else if (node.value.stat.mzxid > last_zxid_) {
            call_later(data_watches_, path, WatchEvent::Type::data_changed);
        }
    }
    for (const auto& [path, watches] : Watches(exist_watches_)) {
        if (tree().get(path).ok()) call_later(exist_watches_, path, WatchEvent::Type::created);
    }
    for (const auto& [path, watches] : Watches(child_watches_)) {
        const std::int64_t zxid = tree().children_zxid(path);
        if (zxid == -1) {
            call_later(child_watches_, path, WatchEvent::Type::deleted);
        } else if (zxid > last_zxid_) {
            call_later(child_watches_, path, WatchEvent::Type::children_changed);
        }
    }
}

void MemoryClient::told_expired() {
    if (expiry_told_ || closed_) return;
    link_ = false;
    expiry_told_ = true;
    tell(SessionState::suspended);
    tell(SessionState::expired);
    drop_watches();
}

Code MemoryClient::refusal() const {
    if (closed_) return Code::closing;
    if (expiry_told_) return Code::session_expired;
    return link_ && state_ == SessionState::connected ? Code::ok : Code::connection_loss;
}

/// Names the node in a refusal, as every session does.
template <class T, class Effect>
Reply<T> MemoryClient::begin(Kind kind, const std::string& path, std::size_t bytes, Effect effect,
                             std::vector<std::string> paths) {
    const Outcome fits = check_size(bytes, request_bytes_max_, path);
    if (!fits.ok() && !closed_ && !expiry_told_) return {fits.code, {}, fits.path, fits.detail};
    Reply<T> reply = send<T>({kind, full(path), id_, 0, std::move(paths)}, bytes, std::move(effect));
    if (!reply.ok() && reply.path.empty()) reply.path = path;
    return reply;
}

template <class T, class Effect>
Reply<T> MemoryClient::send(MemoryOperation operation, std::size_t bytes, Effect effect) {
    if (const Code code = refusal(); code != Code::ok) return {code, {}};
    server_->tick();
    operation.number = server_->operations++;
    const auto hook = server_->hook;  // it may replace itself
    Fault fault = hook ? hook(operation) : Fault::none;
    if (bytes > server_->request_bytes_max) fault = Fault::connection_loss_before;
    const bool lost =
        fault == Fault::connection_loss_before || fault == Fault::connection_loss_after;
    const bool expires = fault == Fault::expire_before || fault == Fault::expire_after;
    if (fault == Fault::expire_before) server_->end(id_);
    // The hook itself may have cut the session off or ended it.
    if (const Code code = refusal(); code != Code::ok) return {code, {}};
    if (fault == Fault::no_auth) return {Code::no_auth, {}};
    Reply<T> reply;
    if (fault != Fault::connection_loss_before) {
        tree().act_as(id_);
        reply = effect();
        tree().act_as(0);
    }
    if (lost) {
        cut();
        // Two turns later: the failed operation answers between the loss and the new connection.
        later([](MemoryClient& self) { self.later([](MemoryClient& same) { same.join(); }); });
        return {Code::connection_loss, {}};
    }
    if (expires) {
        server_->end(id_);
        return {Code::session_expired, {}};
    }
    return reply;
}

Task<Reply<std::string>> MemoryClient::do_create(Self self, std::string path, std::string data,
                                                 CreateMode mode) {
    const std::size_t bytes = request_bytes(CreateOp{self->full(path), data, mode}, self->acl_);
    const auto reply = self->begin<std::string>(Kind::create, path, bytes, [&]() -> Reply<std::string> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        const std::int64_t owner = mode == CreateMode::ephemeral ? self->id_ : 0;
        const Code code = self->tree().create(self->full(path), data, owner);
        return {code, code == Code::ok ? path : std::string()};
    });
    co_await turn(self);
    co_return reply;
}

Task<Code> MemoryClient::do_remove(Self self, std::string path, std::int32_t version) {
    const auto reply = self->begin<bool>(Kind::remove, path, self->bytes_of(path), [&]() -> Reply<bool> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        return {self->tree().remove(self->full(path), version), {}};
    });
    co_await turn(self);
    co_return reply.code;
}

Task<Reply<Node>> MemoryClient::do_get(Self self, std::string path, Watch watch) {
    const auto reply = self->begin<Node>(Kind::get, path, self->bytes_of(path), [&]() -> Reply<Node> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        return self->tree().get(self->full(path));
    });
    if (watch && reply.ok()) self->data_watches_[self->full(path)].push_back(std::move(watch));
    co_await turn(self);
    co_return reply;
}

Task<Reply<Stat>> MemoryClient::do_set(Self self, std::string path, std::string data,
                                       std::int32_t version) {
    const std::size_t bytes = request_bytes(SetOp{self->full(path), data}, self->acl_);
    const auto reply = self->begin<Stat>(Kind::set, path, bytes, [&]() -> Reply<Stat> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        return self->tree().set(self->full(path), data, version);
    });
    co_await turn(self);
    co_return reply;
}

Task<Reply<Stat>> MemoryClient::do_exists(Self self, std::string path, Watch watch) {
    const auto reply = self->begin<Stat>(Kind::exists, path, self->bytes_of(path), [&]() -> Reply<Stat> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        return self->tree().stat(self->full(path));
    });
    if (watch && reply.ok()) self->data_watches_[self->full(path)].push_back(watch);
    if (watch && reply.code == Code::no_node) {
        self->exist_watches_[self->full(path)].push_back(watch);
    }
    co_await turn(self);
    co_return reply;
}

Task<Reply<Children>> MemoryClient::do_children(Self self, std::string path, Watch watch) {
    const auto reply = self->begin<Children>(Kind::children, path, self->bytes_of(path), [&]() -> Reply<Children> {
        if (!valid_path(path)) return {Code::bad_arguments, {}};
        return self->tree().children(self->full(path));
    });
    if (watch && reply.ok()) self->child_watches_[self->full(path)].push_back(std::move(watch));
    co_await turn(self);
    co_return reply;
}

Task<Reply<std::vector<OpResult>>> MemoryClient::do_multi(Self self, std::vector<Op> ops) {
    const std::string largest = largest_of(ops);
    std::vector<std::string> paths;
    bool valid = true;
    for (Op& op : ops) {
        std::string& path = std::visit([](auto& each) -> std::string& { return each.path; }, op);
        paths.push_back(path);
        valid = valid && valid_path(path);
        path = self->full(path);
    }
    const std::string first = paths.empty() ? "/" : paths.front();
    const std::size_t bytes = request_bytes(ops, self->acl_);
    using Results = std::vector<OpResult>;
    std::vector<std::string> full_paths;
    for (const Op& op : ops) full_paths.push_back(path_of(op));
    auto reply = self->begin<Results>(
        Kind::multi, first, bytes,
        [&]() -> Reply<Results> {
            if (!valid) return {Code::bad_arguments, {}};
            return self->tree().multi(ops, self->id_);
        },
        std::move(full_paths));
    if (reply.code == Code::too_large) reply.path = largest;
    if (!reply.ok() && !reply.value.empty()) reply.path = culprit_of(reply.value, paths);
    co_await turn(self);
    co_return reply;
}

Task<Code> MemoryClient::do_sync(Self self, std::string path) {
    const auto reply = self->begin<bool>(Kind::sync, path, self->bytes_of(path), []() -> Reply<bool> {
        return {Code::ok, true};
    });
    co_await turn(self);
    co_return reply.code;
}

Task<void> MemoryClient::do_close(Self self) {
    if (!self->closed_) {
        // Out of reach of the server the session lives on there, as a real one does.
        const bool reached = self->link_ && self->alive();
        self->link_ = false;
        self->closed_ = true;
        if (reached) self->server_->end(self->id_);
        self->tell(SessionState::closed);
        self->drop_watches();
    }
    co_await turn(self);
}

Task<void> MemoryClient::do_abandon(Self self) {
    self->link_ = false;  // so that closing finds no server to tell
    co_await do_close(self);
}

}  // namespace

void MemoryEnsemble::Server::trip(WatchEvent::Type type, const std::string& path) {
    for (const auto& [id, session] : sessions) {
        if (const auto client = session.client.lock()) client->trip(type, path);
    }
}

void MemoryEnsemble::Server::end(std::int64_t session_id) {
    const auto found = sessions.find(session_id);
    if (found == sessions.end() || !found->second.alive) return;
    ServerSession& session = found->second;
    session.alive = false;
    const auto newest = session.client.lock();
    session.client.reset();  // it sees nothing of its own end but the end
    tick();
    tree.remove_ephemerals(session_id);
    session.client = newest;
    if (newest && newest->linked()) newest->told_expired();
    for (const auto& weak : session.moved_from) {
        if (const auto old = weak.lock()) old->told_expired();
    }
}

std::shared_ptr<MemoryClient> MemoryEnsemble::Server::client(std::int64_t session_id) const {
    const auto found = sessions.find(session_id);
    return found == sessions.end() ? nullptr : found->second.client.lock();
}

void MemoryEnsemble::Server::make(const std::string& path) {
    if (path == "/" || tree.get(path).ok()) return;
    make(parent_of(path));
    tree.create(path, {}, 0);
}

bool MemoryOperation::is_about(std::string_view part) const {
    if (path.find(part) != std::string::npos) return true;
    return std::ranges::any_of(paths, [&](const std::string& each) { return each.find(part) != std::string::npos; });
}

MemoryEnsemble::MemoryEnsemble(std::shared_ptr<Runtime> runtime)
    : server_(std::make_shared<Server>(std::move(runtime))) {}

MemoryEnsemble::~MemoryEnsemble() = default;

namespace {

std::shared_ptr<Session> open_now(const std::shared_ptr<Server>& server,
                                  const SessionConfig& config) {
    const ConnectString connect = split_hosts(config.hosts);
    const std::string& chroot = connect.chroot;
    server->tick();
    std::int64_t id = 0;
    if (config.reopen) {
        id = config.reopen->first;
        const auto found = server->sessions.find(id);
        if (found == server->sessions.end() || !found->second.alive ||
            config.reopen->second != MemoryClient::password_of(id)) {
            throw Error(errc::session_expired,
                        "ZooKeeper session " + std::to_string(id) + " cannot be reopened");
        }
        if (const auto before = found->second.client.lock()) {
            before->cut();
            found->second.moved_from.push_back(before);
        }
    } else {
        id = server->next_session++;
    }
    if (!chroot.empty() && !config.create_chroot && !server->tree.get(chroot).ok()) {
        throw missing_chroot(connect);
    }
    auto client = std::make_shared<MemoryClient>(server, id, chroot, config);
    server->sessions[id].client = client;
    if (!chroot.empty()) server->make(chroot);
    return client;
}

Task<std::shared_ptr<Session>> open_in(std::shared_ptr<Server> server, SessionConfig config) {
    co_await asio::post(server->runtime->executor(), asio::use_awaitable);
    if (!server->available) {
        throw Error(errc::zookeeper_unavailable, "the ensemble in memory was made unavailable");
    }
    co_return open_now(server, config);
}

}  // namespace

std::shared_ptr<Session> MemoryEnsemble::open(const SessionConfig& config) {
    return open_now(server_, config);
}

SessionFactory MemoryEnsemble::factory(SessionConfig config) {
    return [server = server_, config = std::move(config)] { return open_in(server, config); };
}

void MemoryEnsemble::on_operation(std::function<Fault(const MemoryOperation&)> hook) {
    server_->hook = std::move(hook);
}

std::uint64_t MemoryEnsemble::operations() const {
    return server_->operations;
}

std::size_t MemoryEnsemble::open_sessions() const {
    const auto& all = server_->sessions;
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& one) { return one.second.alive; }));
}

void MemoryEnsemble::set_available(bool available) {
    server_->available = available;
}

void MemoryEnsemble::set_request_bytes_max(std::size_t bytes) {
    server_->request_bytes_max = bytes;
}

void MemoryEnsemble::deny(const std::string& path, std::int64_t session_id) {
    server_->tree.deny(path, session_id);
}

void MemoryEnsemble::allow(const std::string& path, std::int64_t session_id) {
    server_->tree.allow(path, session_id);
}

void MemoryEnsemble::disconnect(std::int64_t session_id) {
    if (const auto client = server_->client(session_id)) client->cut();
}

void MemoryEnsemble::reconnect(std::int64_t session_id) {
    if (const auto client = server_->client(session_id)) client->join();
}

void MemoryEnsemble::expire(std::int64_t session_id) {
    server_->end(session_id);
}

std::optional<Node> MemoryEnsemble::peek(const std::string& path) const {
    Reply<Node> reply = server_->tree.get(path);
    return reply.ok() ? std::optional(std::move(reply.value)) : std::nullopt;
}

std::vector<std::string> MemoryEnsemble::children_of(const std::string& path) const {
    return server_->tree.children(path).value.names;
}

void MemoryEnsemble::put(const std::string& path, const std::string& data) {
    server_->tick();
    if (server_->tree.set(path, data, -1).ok()) return;
    server_->make(parent_of(path));
    server_->tree.create(path, data, 0);
}

void MemoryEnsemble::make_persistent(const std::string& path) {
    const auto node = peek(path);
    if (!node) return;
    erase(path);
    put(path, node->data);
}

void MemoryEnsemble::erase(const std::string& path) {
    server_->tick();
    for (const std::string& child : children_of(path)) erase(below(path, "/" + child));
    server_->tree.remove(path, -1);
}

}  // namespace kwire::zk
