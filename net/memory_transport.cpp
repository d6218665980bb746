#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <kwire/net/error.h>
#include <kwire/net/memory_transport.h>

namespace kwire {
namespace {

/// One direction of a connection.
struct Pipe {
    explicit Pipe(Runtime& runtime) : changed(runtime) {}

    void close() {
        closed = true;
        changed.notify_all();
    }

    std::string data;
    std::size_t read = 0;  // how much of data was taken already
    std::size_t passed = 0;
    std::optional<std::size_t> cut_after_bytes;
    std::size_t read_bytes_max = SIZE_MAX;
    bool closed = false;
    Event changed;
};

[[noreturn]] void throw_lost(const std::string& target, const char* what) {
    throw Error(errc::connection_lost, what, {.target = target});
}

class MemoryStream final : public Stream {
 public:
    MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, std::string target)
        : in_(std::move(in)), out_(std::move(out)), target_(std::move(target)) {}
    ~MemoryStream() override { hang_up(); }

    Task<std::size_t> read_some(std::span<char> buffer) override {
        return read(in_, buffer, target_);
    }

    Task<void> write(std::string_view data) override {
        if (out_->closed) throw_lost(target_, "the other side closed the connection");
        out_->data += data;
        out_->changed.notify_all();
        co_return;
    }

    void close() override { hang_up(); }

 private:
    void hang_up() {
        std::string().swap(in_->data);  // what arrived is for nobody now; what was sent still arrives
        in_->read = 0;
        in_->close();
        out_->close();
    }

    static Task<std::size_t> read(std::shared_ptr<Pipe> pipe, std::span<char> buffer,
                                  std::string target) {
        while (pipe->read == pipe->data.size() && !pipe->closed) co_await pipe->changed.wait();
        std::size_t size =
            std::min({buffer.size(), pipe->data.size() - pipe->read, pipe->read_bytes_max});
        if (pipe->cut_after_bytes) {
            size = std::min(size, *pipe->cut_after_bytes - pipe->passed);
            if (size == 0) pipe->close();
        }
        if (size == 0) throw_lost(target, "the other side closed the connection");
        std::memcpy(buffer.data(), pipe->data.data() + pipe->read, size);
        pipe->passed += size;
        pipe->read += size;
        if (pipe->read == pipe->data.size()) {
            pipe->data.clear();
            pipe->read = 0;
        }
        co_return size;
    }

    std::shared_ptr<Pipe> in_;
    std::shared_ptr<Pipe> out_;
    std::string target_;
};

}  // namespace

MemoryNetwork::MemoryNetwork(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}

void MemoryNetwork::listen(HostPort address, Acceptor acceptor) {
    acceptors_[std::move(address)] = std::move(acceptor);
}

void MemoryNetwork::unlisten(const HostPort& address) {
    acceptors_.erase(address);
}

void MemoryNetwork::black_hole(HostPort address) {
    acceptors_[std::move(address)] = {};
}

std::size_t MemoryNetwork::connects(const HostPort& address) const {
    const auto found = connects_.find(address);
    return found == connects_.end() ? 0 : found->second;
}

Task<std::unique_ptr<Stream>> MemoryNetwork::connect(HostPort target, TimePoint deadline) {
    ++connects_[target];
    const std::string name = target.to_string();
    const auto found = acceptors_.find(target);
    if (found == acceptors_.end()) {
        throw Error(errc::cannot_connect, "cannot connect: Connection refused", {.target = name});
    }
    if (!found->second) {
        Timer timer(*runtime_);
        co_await timer.wait_until(deadline);
        throw Error(errc::timed_out, "cannot connect: no answer in time", {.target = name});
    }
    auto to_client = std::make_shared<Pipe>(*runtime_);
    auto to_server = std::make_shared<Pipe>(*runtime_);
    to_client->read_bytes_max = faults_.read_bytes_max;
    to_client->cut_after_bytes = faults_.cut_after_bytes;
    const Acceptor accept = found->second;
    accept(std::make_unique<MemoryStream>(to_server, to_client, "a client of " + name));
    co_return std::make_unique<MemoryStream>(std::move(to_client), std::move(to_server), name);
}

}  // namespace kwire
