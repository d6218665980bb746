// ZooKeeper's C client, driven from an Asio strand: it gives a descriptor to watch and a time to
// come back by, and this class watches and comes back. Nothing here knows of paths or nodes;
// client_session.cpp does.
//
// What is not obvious:
// - The C client closes its socket and opens another one inside any of its functions, mostly under the same number, which
//   the poller has then silently lost. So a duplicate is watched, and taken anew whenever the number stands for another
//   socket than before.
// - It resolves names, blocking: it is given numeric addresses only, and its own refreshing of them is turned off.
// - Its zookeeper_close waits up to 1.5 s for the server. shut() sends the closing request itself and waits without
//   blocking.
// - It notices the loss of a connection while sending without telling anybody. lost() is then called from here.
// Threads: only on the runtime's strand. Lifetimes: callbacks stop when it is destroyed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <kwire/net/runtime.h>

struct _zhandle;

namespace kwire::zk {

class ZooKeeperHandle : public std::enable_shared_from_this<ZooKeeperHandle> {
 public:
    struct Callbacks {
        /// The C client's event types and states. Called inside a function of the C client.
        std::function<void(int state)> session_event;
        std::function<void(int type, const char* path, std::uintptr_t watch)> watch_event;
        /// The connection went away unnoticed by the C client's own event.
        std::function<void()> lost;
        std::function<void(std::string_view line)> log;  ///< Null: nothing is logged.
    };

    ZooKeeperHandle(std::shared_ptr<Runtime> runtime, Callbacks callbacks);
    ~ZooKeeperHandle();
    ZooKeeperHandle(const ZooKeeperHandle&) = delete;
    ZooKeeperHandle& operator=(const ZooKeeperHandle&) = delete;

    /// Begins to connect. addresses are numeric, `1.2.3.4:2181,::1:2181`. Throws
    /// errc::invalid_config if the C client refuses them.
    void start(const std::string& addresses, std::chrono::milliseconds timeout,
               const std::optional<std::pair<std::int64_t, std::string>>& reopen);
    void set_servers(const std::string& addresses);
    void add_auth(const std::string& scheme, const std::string& credentials);

    /// Runs call(zhandle*) with the log in place, and sees to it that what it queued is sent.
    template <class Call>
    int with(Call call) {
        const LogTo log(callbacks_.log);
        const int rc = call(zh_);
        after_call();
        return rc;
    }
    std::int64_t id() const;
    std::string password() const;
    std::chrono::milliseconds timeout() const;
    bool connected() const;
    bool unrecoverable() const;

    /// Ends the session on the server, waiting until it did so, at most for patience. Operations
    /// still under way answer ZCLOSING. No callback but theirs comes after this was begun.
    static Task<void> shut(std::shared_ptr<ZooKeeperHandle> self, Duration patience);

    /// Lets go of the connection and leaves the session to its timeout. No callback comes after it.
    void abandon();

    /// The watcher function to give with a watch, its number as the context.
    static void watcher(_zhandle* zh, int type, int state, const char* path, void* context);
    /// Makes the C client forget a watch that was given with watcher; the server is not asked. path as the server
    /// knows it.
    void forget_watch(const std::string& path, bool of_children, std::uintptr_t watch);

 private:
    /// The C client's log callback has no context: whose call it is in is kept per thread.
    class LogTo {
     public:
        explicit LogTo(const std::function<void(std::string_view)>& log);
        ~LogTo();

     private:
        const std::function<void(std::string_view)>* before_;
    };
    static void log_line(const char* line);
    static void session_watcher(_zhandle* zh, int type, int state, const char* path, void* context);

    void after_call();
    void kick();
    void drive(int events);
    void arm();
    void watch_descriptor(int fd);
    void drop_descriptor();
    void wait_for(asio::posix::stream_descriptor::wait_type what, bool& waiting, int events);
    bool send_close_request();
    void sever();
    void destroy();

    std::shared_ptr<Runtime> runtime_;
    Callbacks callbacks_;
    _zhandle* zh_ = nullptr;
    asio::posix::stream_descriptor descriptor_;  ///< A duplicate of the C client's.
    std::uint64_t socket_inode_ = 0;             ///< Which socket it duplicates.
    int client_fd_ = -1;                         ///< The C client's, as of the last look.
    std::uint64_t generation_ = 0;  ///< Of the duplicate; older waits are of no interest.
    bool read_waiting_ = false;
    bool write_waiting_ = false;
    bool kicked_ = false;
    bool was_connected_ = false;
    bool shut_ = false;
    asio::steady_timer timer_;
};

}  // namespace kwire::zk
