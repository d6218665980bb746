#include "zookeeper_relay.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kwire::faults {
namespace {

// ---- ZooKeeper's frames, with the four bytes of their length in front

constexpr std::size_t length_bytes = 4;
// Of a request: xid, operation, and then its record. Of an answer: xid, zxid, error, record.
constexpr std::size_t operation_at = length_bytes + 4;
constexpr std::size_t request_record_at = operation_at + 4;
constexpr std::size_t error_at = length_bytes + 12;
constexpr std::size_t answer_record_at = error_at + 4;

constexpr std::int32_t multi_operation = 14;
constexpr std::int32_t check_operation = 13;
constexpr std::int32_t failed = -1;  // in place of the operation, in the answer to a transaction

/// 0 where the frame is shorter.
std::int32_t number_at(std::string_view frame, std::size_t at) {
    if (at + 4 > frame.size()) return 0;
    std::uint32_t number = 0;
    for (const char byte : frame.substr(at, 4)) number = number << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int32_t>(number);
}

std::optional<std::string> take_frame(std::string& bytes) {
    if (bytes.size() < length_bytes) return std::nullopt;
    const auto size = length_bytes + static_cast<std::uint32_t>(number_at(bytes, 0));
    if (bytes.size() < size) return std::nullopt;
    auto frame = bytes.substr(0, size);
    bytes.erase(0, size);
    return frame;
}

/// Empty for one that writes nothing.
std::string name_of(std::int32_t operation) {
    switch (operation) {
        case 1:
        case 15:
        case 19:
        case 21:
            return "create";
        case 2:
        case 20:
            return "delete";
        case 5:
            return "setData";
        default:
            return {};
    }
}

std::string kind_of(std::string_view request) {
    const auto operation = number_at(request, operation_at);
    if (operation == multi_operation) {
        constexpr std::size_t header_bytes = 9;  // of each part: operation, whether it is the end, error
        auto at = request_record_at;
        while (number_at(request, at) == check_operation && at < request.size()) {
            const auto path_bytes = static_cast<std::uint32_t>(number_at(request, at + header_bytes));
            at += header_bytes + 4 + path_bytes + 4;
        }
        return "multi " + name_of(number_at(request, at));
    }
    auto name = name_of(operation);
    // The mode is the last field, and 1 in its lowest bit.
    if (name == "create" && request.back() % 2 != 0) name += " ephemeral";
    return name;
}

bool succeeded(std::string_view answer, const std::string& kind) {
    if (number_at(answer, error_at) != 0) return false;
    return !kind.starts_with("multi") || number_at(answer, answer_record_at) != failed;
}

/// The 1st, 2nd, 4th, 7th, ...: soon after one another at first, and later so seldom that things get done.
bool is_chosen(int number) {
    int chosen = 1;
    for (int step = 1; chosen < number; ++step) chosen += step;
    return chosen == number;
}

// ---- sockets

bool send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool receive(int descriptor, std::string& into) {
    char bytes[16384];
    const auto got = ::recv(descriptor, bytes, sizeof bytes, 0);
    if (got > 0) into.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
}

sockaddr_in address_of(const std::string& host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
        throw std::runtime_error("the relay wants a numeric address, not " + host);
    return address;
}

}  // namespace

/// A client and the server that it is connected to.
class ZooKeeperRelay::Link {
 public:
    Link(int client, int server) : client_(client), server_(server) {
        const int yes = 1;
        for (const int each : {client, server}) ::setsockopt(each, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    ~Link() {
        ::close(client_);
        ::close(server_);
    }
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    int client() const { return client_; }
    int server() const { return server_; }

    /// These return false when it is over.
    bool pass_requests() {
        if (!receive(client_, requests_)) return false;
        while (const auto frame = take_frame(requests_)) {
            const bool connects = !std::exchange(asked_, true);  // that frame has no operation
            auto kind = connects ? std::string() : kind_of(*frame);
            if (!kind.empty()) writes_[number_at(*frame, length_bytes)] = std::move(kind);
            if (!send_all(server_, *frame)) return false;
        }
        return true;
    }
    bool pass_answers(ZooKeeperRelay& relay) {
        if (!receive(server_, answers_)) return false;
        while (const auto frame = take_frame(answers_)) {
            const bool connects = !std::exchange(answered_, true);
            if (!connects && is_lost(*frame, relay)) return false;
            if (!send_all(client_, *frame)) return false;
        }
        return true;
    }

 private:
    bool is_lost(std::string_view answer, ZooKeeperRelay& relay) {
        const auto write = writes_.extract(number_at(answer, length_bytes));
        return !write.empty() && succeeded(answer, write.mapped()) && relay.loses(write.mapped());
    }

    const int client_;
    const int server_;
    bool asked_ = false;
    bool answered_ = false;
    std::string requests_;  // what did not make a frame yet
    std::string answers_;
    std::map<std::int32_t, std::string> writes_;  // under way, by their xid
};

ZooKeeperRelay::ZooKeeperRelay(const std::string& servers) {
    for (std::size_t begin = 0; begin < servers.size();) {
        const auto end = std::min(servers.find(',', begin), servers.size());
        const auto colon = servers.find(':', begin);
        servers_.emplace_back(servers.substr(begin, colon - begin), std::atoi(servers.c_str() + colon + 1));
        begin = end + 1;
    }
    auto address = address_of("127.0.0.1", 0);  // a port that is free
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
        ::close(listener_);
        throw std::runtime_error("the relay to ZooKeeper cannot listen");
    }
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ZooKeeperRelay::~ZooKeeperRelay() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
}

std::map<std::string, int> ZooKeeperRelay::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

bool ZooKeeperRelay::loses(const std::string& kind) {
    const std::lock_guard lock(mutex_);
    const bool chosen = is_chosen(++written_[kind]);
    if (chosen) ++lost_[kind];
    return chosen;
}

/// Null if no server can be reached: then the client is hung up on.
std::unique_ptr<ZooKeeperRelay::Link> ZooKeeperRelay::accept() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return nullptr;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const auto& [host, port] = servers_[next_server_++ % servers_.size()];
        const auto address = address_of(host, port);
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            return std::make_unique<Link>(client, server);
        }
        ::close(server);
    }
    ::close(client);
    return nullptr;
}

void ZooKeeperRelay::run(const std::stop_token& stop) {
    constexpr int look_for_stop_ms = 50;
    std::vector<std::unique_ptr<Link>> links;
    while (!stop.stop_requested()) {
        std::vector<pollfd> ready{{listener_, POLLIN, 0}};
        for (const auto& link : links) {
            ready.push_back({link->client(), POLLIN, 0});
            ready.push_back({link->server(), POLLIN, 0});
        }
        if (::poll(ready.data(), ready.size(), look_for_stop_ms) <= 0) continue;
        for (std::size_t i = 0; i < links.size(); ++i) {
            const bool goes_on = (ready[2 * i + 1].revents == 0 || links[i]->pass_requests()) &&
                                 (ready[2 * i + 2].revents == 0 || links[i]->pass_answers(*this));
            if (!goes_on) links[i].reset();
        }
        std::erase(links, nullptr);
        if (ready.front().revents == 0) continue;
        if (auto link = accept()) links.push_back(std::move(link));
    }
}

}  // namespace kwire::faults
