#include "socket_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace kwire::tools::test {

bool Peer::read(char* into, std::size_t size) const {
    while (size > 0) {
        const auto count = ::recv(descriptor_, into, size, 0);
        if (count <= 0) return false;
        into += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

std::string Peer::read_frame() const {
    unsigned char size[4];
    if (!read(reinterpret_cast<char*>(size), sizeof size)) return {};
    std::string frame((std::size_t{size[0]} << 24) + (std::size_t{size[1]} << 16) + (std::size_t{size[2]} << 8) + size[3], '\0');
    return read(frame.data(), frame.size()) ? frame : std::string();
}

void Peer::write(const std::string& bytes) const {
    for (std::size_t done = 0; done < bytes.size();) {
        const auto count = ::send(descriptor_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (count <= 0) return;
        done += static_cast<std::size_t>(count);
    }
}

SocketServer::SocketServer(std::function<void(const Peer&)> serve) : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 || ::getsockname(listener_, any, &size) != 0) {
        throw std::runtime_error("no port to listen on");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

SocketServer::~SocketServer() { stop(); }

void SocketServer::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        stopped_ = true;
        for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (auto& thread : threads_) thread.join();
}

void SocketServer::accept_all() {
    for (;;) {
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (descriptor < 0 || stopped_) {
            if (descriptor >= 0) ::close(descriptor);
            if (stopped_ || errno != EINTR) return;
            continue;
        }
        open_.push_back(descriptor);
        threads_.emplace_back([this, descriptor] {
            serve_(Peer(descriptor));
            const std::lock_guard closing(mutex_);
            std::erase(open_, descriptor);
            ::close(descriptor);
        });
    }
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}

}  // namespace kwire::tools::test
