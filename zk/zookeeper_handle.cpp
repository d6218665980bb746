#include "zookeeper_handle.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include <kwire/net/error.h>

namespace kwire::zk {

namespace {

thread_local const std::function<void(std::string_view)>* current_log = nullptr;

/// Between two rounds through servers none of which can be reached.
constexpr std::chrono::milliseconds pause_min{50};
/// Packets taken from the socket before others on the strand get their turn.
constexpr int packets_per_turn = 256;

}  // namespace

ZooKeeperHandle::LogTo::LogTo(const std::function<void(std::string_view)>& log)
    : before_(std::exchange(current_log, log ? &log : nullptr)) {}

ZooKeeperHandle::LogTo::~LogTo() {
    current_log = before_;
}

void ZooKeeperHandle::log_line(const char* line) {
    if (current_log != nullptr) (*current_log)(line);
}

ZooKeeperHandle::ZooKeeperHandle(std::shared_ptr<Runtime> runtime, Callbacks callbacks)
    : runtime_(std::move(runtime)),
      callbacks_(std::move(callbacks)),
      descriptor_(runtime_->executor()),
      timer_(runtime_->executor()) {}

ZooKeeperHandle::~ZooKeeperHandle() {
    if (zh_ == nullptr) return;
    shut_ = true;
    if (connected() && send_close_request()) {
        // What lies unread would make the kernel reset the connection, and the server might never
        // see the request.
        char unread[4096];
        while (::recv(descriptor_.native_handle(), unread, sizeof unread, MSG_DONTWAIT) > 0) {
        }
        sever();
    }
    destroy();
}

void ZooKeeperHandle::start(const std::string& addresses, std::chrono::milliseconds timeout,
                            const std::optional<std::pair<std::int64_t, std::string>>& reopen) {
    static std::once_flag quiet;
    std::call_once(quiet, [] { zoo_set_debug_level(static_cast<ZooLogLevel>(0)); });
    if (callbacks_.log) zoo_set_debug_level(ZOO_LOG_LEVEL_INFO);
    const LogTo log(callbacks_.log);
    clientid_t client{};
    if (reopen) {
        client.client_id = reopen->first;
        std::memcpy(client.passwd, reopen->second.data(),
                    std::min(sizeof client.passwd, reopen->second.size()));
    }
    zh_ = zookeeper_init2(addresses.c_str(), session_watcher, static_cast<int>(timeout.count()),
                          reopen ? &client : nullptr, this, ZOO_NO_LOG_CLIENTENV, log_line);
    if (zh_ == nullptr) {
        throw Error(errc::invalid_config, "the ZooKeeper client does not take the servers `" +
                                              addresses + "`: " + std::strerror(errno));
    }
    zoo_set_servers_resolution_delay(zh_, -1);
    kick();
}

void ZooKeeperHandle::set_servers(const std::string& addresses) {
    with([&](zhandle_t* zh) { return zoo_set_servers(zh, addresses.c_str()); });
}

void ZooKeeperHandle::add_auth(const std::string& scheme, const std::string& credentials) {
    // What the server says of it is told by the session's state.
    with([&](zhandle_t* zh) {
        return zoo_add_auth(zh, scheme.c_str(), credentials.data(),
                            static_cast<int>(credentials.size()), nullptr, nullptr);
    });
}

std::int64_t ZooKeeperHandle::id() const {
    return zoo_client_id(zh_)->client_id;
}

std::string ZooKeeperHandle::password() const {
    const clientid_t* client = zoo_client_id(zh_);
    return {client->passwd, sizeof client->passwd};
}

std::chrono::milliseconds ZooKeeperHandle::timeout() const {
    return std::chrono::milliseconds(zoo_recv_timeout(zh_));
}

bool ZooKeeperHandle::connected() const {
    return zoo_state(zh_) == ZOO_CONNECTED_STATE;
}

bool ZooKeeperHandle::unrecoverable() const {
    return is_unrecoverable(zh_) != ZOK;
}

void ZooKeeperHandle::session_watcher(zhandle_t* zh, int type, int state, const char*, void*) {
    auto* self = static_cast<ZooKeeperHandle*>(const_cast<void*>(zoo_get_context(zh)));
    if (self == nullptr || self->shut_ || type != ZOO_SESSION_EVENT) return;
    self->was_connected_ = state == ZOO_CONNECTED_STATE;
    self->callbacks_.session_event(state);
}

void ZooKeeperHandle::watcher(zhandle_t* zh, int type, int, const char* path, void* context) {
    auto* self = static_cast<ZooKeeperHandle*>(const_cast<void*>(zoo_get_context(zh)));
    if (self == nullptr || self->shut_ || type == ZOO_SESSION_EVENT) return;
    self->callbacks_.watch_event(type, path, reinterpret_cast<std::uintptr_t>(context));
}

void ZooKeeperHandle::forget_watch(const std::string& path, bool of_children, std::uintptr_t watch) {
    if (shut_ || zh_ == nullptr) return;
    const LogTo log(callbacks_.log);
    constexpr int only_here = 1;
    zoo_aremove_watches(zh_, path.c_str(), of_children ? ZWATCHTYPE_CHILD : ZWATCHTYPE_DATA, watcher,
                        reinterpret_cast<void*>(watch), only_here, nullptr, nullptr);
}

/// Any function of the C client may have found the connection dead, or have left something to send.
void ZooKeeperHandle::after_call() {
    if (shut_) return;
    if (was_connected_ && !connected() && !unrecoverable()) {
        was_connected_ = false;
        callbacks_.lost();
    }
    kick();
}

void ZooKeeperHandle::kick() {
    if (std::exchange(kicked_, true)) return;
    asio::post(runtime_->executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->kicked_ = false;
        self->arm();
    });
}

void ZooKeeperHandle::drive(int events) {
    if (shut_ || zh_ == nullptr) return;
    const auto keep = shared_from_this();
    {
        const LogTo log(callbacks_.log);
        int rc = zookeeper_process(zh_, events);
        // The C client takes one packet a call.
        for (int n = 1; rc == ZOK && n < packets_per_turn && connected() && !shut_; ++n) {
            rc = zookeeper_process(zh_, ZOOKEEPER_READ);
        }
    }
    if (was_connected_ && !connected() && !unrecoverable()) {
        was_connected_ = false;
        callbacks_.lost();
    }
    arm();
}

void ZooKeeperHandle::arm() {
    if (shut_ || zh_ == nullptr || unrecoverable()) {
        timer_.cancel();
        if (zh_ != nullptr && !shut_) drop_descriptor();
        return;
    }
    int fd = -1;
    int interest = 0;
    timeval tv{};
    int rc = ZOK;
    {
        const LogTo log(callbacks_.log);
        rc = zookeeper_interest(zh_, &fd, &interest, &tv);
    }
    auto pause = std::chrono::seconds(tv.tv_sec) + std::chrono::microseconds(tv.tv_usec);
    if (rc != ZOK) fd = -1;
    if (fd == -1) pause = std::max<decltype(pause)>(pause, pause_min);
    watch_descriptor(fd);
    using Wait = asio::posix::stream_descriptor::wait_type;
    if (fd != -1 && (interest & ZOOKEEPER_READ) != 0) {
        wait_for(Wait::wait_read, read_waiting_, ZOOKEEPER_READ);
    }
    if (fd != -1 && (interest & ZOOKEEPER_WRITE) != 0) {
        wait_for(Wait::wait_write, write_waiting_, ZOOKEEPER_WRITE);
    }
    timer_.expires_after(pause);
    timer_.async_wait([weak = weak_from_this()](std::error_code cancelled) {
        if (cancelled) return;
        if (const auto self = weak.lock()) self->arm();
    });
}

void ZooKeeperHandle::wait_for(asio::posix::stream_descriptor::wait_type what, bool& waiting,
                               int events) {
    if (std::exchange(waiting, true)) return;
    descriptor_.async_wait(
        what, [weak = weak_from_this(), events, generation = generation_](std::error_code error) {
            const auto self = weak.lock();
            if (!self || generation != self->generation_) return;
            (events == ZOOKEEPER_READ ? self->read_waiting_ : self->write_waiting_) = false;
            if (!error) self->drive(events);
        });
}

void ZooKeeperHandle::watch_descriptor(int fd) {
    struct stat socket {};
    if (fd == -1 || ::fstat(fd, &socket) != 0) return drop_descriptor();
    // The inode names the socket for as long as it lives, and ours keeps the last one alive.
    if (descriptor_.is_open() && socket.st_ino == socket_inode_) return;
    drop_descriptor();
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy == -1) return;  // out of descriptors: the timer tries again
    std::error_code error;
    descriptor_.assign(copy, error);
    if (error) {
        ::close(copy);
        return;
    }
    socket_inode_ = socket.st_ino;
}

void ZooKeeperHandle::drop_descriptor() {
    ++generation_;
    read_waiting_ = write_waiting_ = false;
    if (!descriptor_.is_open()) return;
    // close() would leave it to the kernel to forget it, which it does only when the last duplicate
    // is gone, and the C client's own may still be open.
    ::close(descriptor_.release());
}

bool ZooKeeperHandle::send_close_request() {
    int fd = -1;
    int interest = 0;
    timeval tv{};
    const LogTo log(callbacks_.log);
    const int rc = zookeeper_interest(zh_, &fd, &interest, &tv);
    if (rc != ZOK || fd == -1 || !connected()) return false;
    client_fd_ = fd;
    watch_descriptor(fd);
    // With a request half sent nothing may be put in between.
    if ((interest & ZOOKEEPER_WRITE) != 0 || !descriptor_.is_open()) return false;
    // A frame of eight bytes: any transaction number, and the operation closeSession, -11.
    const unsigned char frame[12] = {0, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf5};
    return ::send(descriptor_.native_handle(), frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(sizeof frame);
}

/// Lets the C client find its connection gone, for else it would wait in zookeeper_close. It must
/// not read what is still to come, an answer to a request it knows nothing of: so its descriptor is
/// turned into a dead one.
void ZooKeeperHandle::sever() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return;
    ::close(pair[1]);
    ::dup2(pair[0], client_fd_);
    ::close(pair[0]);
    with([](zhandle_t* zh) { return zookeeper_process(zh, ZOOKEEPER_READ); });
}

Task<void> ZooKeeperHandle::shut(std::shared_ptr<ZooKeeperHandle> self, Duration patience) {
    if (self->shut_ || self->zh_ == nullptr) co_return;
    self->shut_ = true;
    self->timer_.cancel();
    const bool asked = self->connected() && self->send_close_request();
    if (asked) {
        ++self->generation_;
        std::error_code ignored;
        self->descriptor_.cancel(ignored);
        self->timer_.expires_after(patience);
        self->timer_.async_wait([weak = self->weak_from_this()](std::error_code cancelled) {
            const auto same = weak.lock();
            std::error_code none;
            if (same && !cancelled && same->descriptor_.is_open()) same->descriptor_.cancel(none);
        });
        // The server answers when the session's nodes are gone, and hangs up.
        for (char unread[4096];;) {
            std::error_code error;
            co_await self->descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                                                  asio::redirect_error(asio::use_awaitable, error));
            if (error) break;
            const auto got =
                ::recv(self->descriptor_.native_handle(), unread, sizeof unread, MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
        }
        self->timer_.cancel();
        self->sever();
    }
    self->destroy();
}

void ZooKeeperHandle::abandon() {
    if (shut_ || zh_ == nullptr) return;
    shut_ = true;
    timer_.cancel();
    if (connected()) {
        int fd = -1;
        int interest = 0;
        timeval tv{};
        zookeeper_interest(zh_, &fd, &interest, &tv);
        client_fd_ = fd;
        // Connected, the C client would ask the server to end the session.
        if (fd != -1) sever();
    }
    destroy();
}

void ZooKeeperHandle::destroy() {
    drop_descriptor();
    const LogTo log(callbacks_.log);
    zookeeper_close(std::exchange(zh_, nullptr));
}

}  // namespace kwire::zk
