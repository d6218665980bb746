#include "socket_zookeeper.h"

#include <stdexcept>

namespace kwire::tools::test {
namespace {

using namespace zk;

// The numbers of ZooKeeper's own protocol.
enum Operation : std::int32_t {
    op_create = 1,
    op_delete = 2,
    op_exists = 3,
    op_get = 4,
    op_set = 5,
    op_children = 8,
    op_sync = 9,
    op_ping = 11,
    op_children2 = 12,
    op_check = 13,
    op_multi = 14,
    op_auth = 100,
    op_set_watches = 101,
    op_close = -11,
    op_error = -1,
};

class Reader {
 public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    std::int64_t number(std::size_t size) {
        std::int64_t value = static_cast<signed char>(take(1).front()) < 0 ? -1 : 0;
        --at_;
        for (const char c : take(size)) value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 | static_cast<unsigned char>(c));
        return value;
    }
    std::int32_t int32() { return static_cast<std::int32_t>(number(4)); }
    bool flag() { return number(1) != 0; }
    std::string text() {
        const std::int32_t size = int32();
        return size <= 0 ? std::string() : std::string(take(static_cast<std::size_t>(size)));
    }
    void skip_acl() {
        for (std::int32_t left = int32(); left > 0; --left) {
            int32();
            text();
            text();
        }
    }

 private:
    std::string_view take(std::size_t size) {
        if (size > bytes_.size() - at_) throw std::runtime_error("a request to ZooKeeper ends too early");
        at_ += size;
        return bytes_.substr(at_ - size, size);
    }
    std::string_view bytes_;
    std::size_t at_ = 0;
};

std::string int32(std::int64_t value) { return big_endian(static_cast<std::uint64_t>(value), 4); }
std::string int64(std::int64_t value) { return big_endian(static_cast<std::uint64_t>(value), 8); }
std::string text(const std::string& value) { return int32(static_cast<std::int64_t>(value.size())) + value; }

std::string stat(const Stat& s) {
    return int64(s.czxid) + int64(s.mzxid) + int64(s.ctime) + int64(s.mtime) + int32(s.version) + int32(s.cversion) + int32(0) +
           int64(s.ephemeral_owner) + int32(s.data_length) + int32(s.children_count) + int64(s.czxid);
}

std::string multi_header(std::int32_t type, bool done, std::int32_t error) {
    return int32(type) + std::string(1, done ? '\1' : '\0') + int32(error);
}

}  // namespace

/// One connection, which is one session: there is no coming back to it.
class SocketZookeeper::Session {
 public:
    Session(SocketZookeeper& zookeeper, const Peer& peer) : zookeeper_(zookeeper), peer_(peer) {}
    ~Session() {
        const std::lock_guard lock(zookeeper_.mutex_);
        zookeeper_.tree_.remove_ephemerals(id_);
    }

    void run() {
        if (!greet()) return;
        for (;;) {
            const std::string frame = peer_.read_frame();
            if (frame.empty()) return;
            Reader request(frame);
            const std::int32_t xid = request.int32();
            const std::int32_t type = request.int32();
            std::string body;
            Code code = Code::ok;
            std::int64_t zxid = 0;
            {
                const std::lock_guard lock(zookeeper_.mutex_);
                code = answer(type, request, body);
                zxid = zookeeper_.tree_.zxid();
            }
            const std::string reply = int32(xid) + int64(zxid) + int32(static_cast<std::int32_t>(code)) +
                                      (code == Code::ok ? body : std::string());
            peer_.write(int32(static_cast<std::int64_t>(reply.size())) + reply);
            if (type == op_close) return;
        }
    }

 private:
    bool greet() {
        const std::string frame = peer_.read_frame();
        if (frame.empty()) return false;
        Reader request(frame);
        request.int32();
        request.number(8);
        const std::int32_t timeout = request.int32();
        {
            const std::lock_guard lock(zookeeper_.mutex_);
            id_ = zookeeper_.next_session_++;
        }
        const std::string reply = int32(0) + int32(timeout) + int64(id_) + text(std::string(16, 'p')) + std::string(1, '\0');
        peer_.write(int32(static_cast<std::int64_t>(reply.size())) + reply);
        return true;
    }

    Code answer(std::int32_t type, Reader& request, std::string& body) {
        if (type == op_ping || type == op_auth || type == op_set_watches || type == op_close) return Code::ok;
        if (type == op_multi) return multi(request, body);
        const std::string path = request.text();
        if (zookeeper_.denied_.contains(path)) return Code::no_auth;
        MemoryTree& tree = zookeeper_.tree_;
        switch (type) {
            case op_create: {
                const std::string data = request.text();
                request.skip_acl();
                body = text(path);
                return tree.create(path, data, request.int32() == 1 ? id_ : 0);
            }
            case op_delete: return tree.remove(path, request.int32());
            case op_exists:
            case op_get: {
                const auto node = tree.get(path);
                body = (type == op_get ? text(node.value.data) : "") + stat(node.value.stat);
                return node.code;
            }
            case op_set: {
                const std::string data = request.text();
                const auto set = tree.set(path, data, request.int32());
                body = stat(set.value);
                return set.code;
            }
            case op_children:
            case op_children2: {
                const auto children = tree.children(path);
                body = int32(static_cast<std::int64_t>(children.value.names.size()));
                for (const auto& name : children.value.names) body += text(name);
                if (type == op_children2) body += stat(children.value.stat);
                return children.code;
            }
            case op_sync: body = text(path); return Code::ok;
            default: return Code{-6};  // unimplemented
        }
    }

    Code multi(Reader& request, std::string& body) {
        std::vector<Op> ops;
        for (;;) {
            const std::int32_t type = request.int32();
            const bool done = request.flag();
            request.int32();
            if (done) break;
            const std::string path = request.text();
            if (type == op_create) {
                const std::string data = request.text();
                request.skip_acl();
                ops.push_back(CreateOp{path, data, request.int32() == 1 ? CreateMode::ephemeral : CreateMode::persistent});
            } else if (type == op_delete) {
                ops.push_back(DeleteOp{path, request.int32()});
            } else if (type == op_set) {
                const std::string data = request.text();
                ops.push_back(SetOp{path, data, request.int32()});
            } else {
                ops.push_back(CheckOp{path, request.int32()});
            }
        }
        const auto results = zookeeper_.tree_.multi(ops, id_);
        for (std::size_t i = 0; i < results.value.size(); ++i) {
            const auto code = static_cast<std::int32_t>(results.value[i].code);
            if (!results.ok()) {
                body += multi_header(op_error, false, code) + int32(code);
            } else if (const auto* create = std::get_if<CreateOp>(&ops[i])) {
                body += multi_header(op_create, false, 0) + text(create->path);
            } else if (std::holds_alternative<SetOp>(ops[i])) {
                body += multi_header(op_set, false, 0) + stat(results.value[i].stat);
            } else {
                body += multi_header(std::holds_alternative<DeleteOp>(ops[i]) ? op_delete : op_check, false, 0);
            }
        }
        body += multi_header(-1, true, -1);
        return Code::ok;
    }

    SocketZookeeper& zookeeper_;
    const Peer& peer_;
    std::int64_t id_ = 0;
};

SocketZookeeper::SocketZookeeper()
    : tree_([](WatchEvent::Type, const std::string&) {}), server_([this](const Peer& peer) { Session(*this, peer).run(); }) {}

void SocketZookeeper::put(const std::string& path, const std::string& data) {
    const std::lock_guard lock(mutex_);
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        tree_.create(path.substr(0, slash), "", 0);
    }
    if (tree_.create(path, data, 0) == Code::node_exists) tree_.set(path, data, -1);
}

std::string SocketZookeeper::get(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return tree_.get(path).value.data;
}

void SocketZookeeper::deny(const std::string& path) {
    const std::lock_guard lock(mutex_);
    denied_.insert(path);
}

void SocketZookeeper::put_broker(std::int32_t id, std::uint16_t port) {
    put("/brokers/ids/" + std::to_string(id), R"({"version":1,"host":"127.0.0.1","port":)" + std::to_string(port) + "}");
}

void SocketZookeeper::put_topic(const std::string& topic, int partitions, std::int32_t leader) {
    const std::string id = std::to_string(leader);
    std::string list;
    for (int p = 0; p < partitions; ++p) {
        list += (p > 0 ? "," : "") + ('"' + std::to_string(p)) + "\":[" + id + "]";
        put("/brokers/topics/" + topic + "/partitions/" + std::to_string(p) + "/state",
            R"({"controller_epoch":1,"leader":)" + id + R"(,"version":1,"leader_epoch":0,"isr":[)" + id + "]}");
    }
    put("/brokers/topics/" + topic, R"({"version":1,"partitions":{)" + list + "}}");
}

}  // namespace kwire::tools::test
