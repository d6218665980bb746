// A ZooKeeper ensemble in memory, for tests: of kwire itself and of programs that embed it.
//
// Purpose: sessions that answer as a real server's do (codes, versions, ephemeral nodes, watches,
// transactions, chroot), and that can be suspended, expired and made to fail at any single
// operation, without a process, a socket or a clock.
// Invariants: an operation takes effect when it is begun and answers in a later turn of the strand,
// so that the order of everything follows from the order in which things were begun: the same test
// does the same each time. What a session is told (answers, watches, changes of state) arrives in
// the order it came about.
// Not modelled: ACLs are accepted and not checked (deny() stands in for them); sessions do not end by time, only on
// command.
// Threads: only on the runtime's strand.
// Lifetimes: sessions keep the ensemble's contents alive; the ensemble object itself may go first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

/// What happens to one operation instead of its going well.
enum class Fault {
    none,
    connection_loss_before,  ///< It never reached the server. The session is suspended, then
                             ///< connected again.
    connection_loss_after,   ///< It took effect, the answer is lost. The session is suspended, then
                             ///< connected again.
    expire_before,           ///< The session expires before it.
    expire_after,            ///< It took effect, then the session expired.
    no_auth,                 ///< The node's ACL refuses it.
};

struct MemoryOperation {
    enum class Kind { create, remove, get, set, exists, children, multi, sync } kind;
    std::string path;  ///< With the chroot; of a multi its first operation's.
    std::int64_t session_id;
    std::uint64_t number;                ///< Counted over all sessions of the ensemble, from 0.
    std::vector<std::string> paths{};    ///< Of a multi: of all its operations, with the chroot.
    bool is_about(std::string_view part) const;  ///< Whether a path of it contains part.
};

class MemoryEnsemble {
 public:
    explicit MemoryEnsemble(std::shared_ptr<Runtime> runtime);
    ~MemoryEnsemble();

    /// Of config, hosts gives only the chroot (made if it is missing); timeout and reopen are
    /// heeded. Throws session_expired where reopen names a session that is gone.
    std::shared_ptr<Session> open(const SessionConfig& config = {});
    SessionFactory factory(SessionConfig config = {});

    /// Called as each operation begins; decides what becomes of it. Null: all goes well.
    void on_operation(std::function<Fault(const MemoryOperation&)> hook);
    /// The number that the next operation gets.
    std::uint64_t operations() const;

    /// While false, open() through factory() throws zookeeper_unavailable. Sessions there are stay
    /// as they are.
    void set_available(bool available);

    /// As jute.maxbuffer of the servers: a larger request loses its connection, each time it is sent. By default what
    /// SessionConfig::request_bytes_max says by default, so that a session refuses before.
    void set_request_bytes_max(std::size_t bytes);

    /// Takes all permissions on path and what is below it from a session, 0: from all sessions. As with ACLs, creating
    /// and deleting a node needs a permission on its parent, and exists() needs none.
    void deny(const std::string& path, std::int64_t session_id = 0);
    /// Takes back a deny() of the same arguments.
    void allow(const std::string& path, std::int64_t session_id = 0);

    /// Cuts the session off: suspended until reconnect or expire.
    void disconnect(std::int64_t session_id);
    void reconnect(std::int64_t session_id);
    /// Ends the session on the server: its ephemeral nodes go at once. Its client hears of it if it
    /// is connected, else when it reconnects.
    void expire(std::int64_t session_id);

    /// That were opened and neither closed nor expired.
    std::size_t open_sessions() const;

    // ---- the tree as the server has it, and changes by somebody else
    std::optional<Node> peek(const std::string& path) const;
    std::vector<std::string> children_of(const std::string& path) const;
    /// Creates path (and its parents) or sets it.
    void put(const std::string& path, const std::string& data);
    /// Replaces the node by a persistent one with the same data, as a tool may that restores a backup.
    void make_persistent(const std::string& path);
    /// Removes path and what is below it.
    void erase(const std::string& path);

    struct Server;

 private:
    std::shared_ptr<Server> server_;
};

}  // namespace kwire::zk
