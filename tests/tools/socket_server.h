// Servers on sockets of this machine, for the command as a process: threads that take connections until the object goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kwire::tools::test {

/// One connection as its thread sees it.
class Peer {
 public:
    explicit Peer(int descriptor) : descriptor_(descriptor) {}
    /// False at the end of the connection.
    bool read(char* into, std::size_t size) const;
    /// A frame behind its size of four bytes; empty at the end.
    std::string read_frame() const;
    void write(const std::string& bytes) const;

 private:
    int descriptor_;
};

class SocketServer {
 public:
    /// serve runs on a thread of each connection, and closes it by returning.
    explicit SocketServer(std::function<void(const Peer&)> serve);
    ~SocketServer();
    SocketServer(const SocketServer&) = delete;
    SocketServer& operator=(const SocketServer&) = delete;

    std::uint16_t port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// Refuses and breaks connections from now on.
    void stop();

 private:
    void accept_all();

    const std::function<void(const Peer&)> serve_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    bool stopped_ = false;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// Bytes in network order.
std::string big_endian(std::uint64_t value, int bytes);

}  // namespace kwire::tools::test
