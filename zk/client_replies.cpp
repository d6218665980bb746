#include "client_replies.h"

#include <algorithm>
#include <cstring>

namespace kwire::zk {

Code code_of(int rc) {
    switch (rc) {
        case ZOK:
        case ZRUNTIMEINCONSISTENCY:
        case ZCONNECTIONLOSS:
        case ZMARSHALLINGERROR:
        case ZOPERATIONTIMEOUT:
        case ZBADARGUMENTS:
        case ZNONODE:
        case ZNOAUTH:
        case ZBADVERSION:
        case ZNOCHILDRENFOREPHEMERALS:
        case ZNODEEXISTS:
        case ZNOTEMPTY:
        case ZSESSIONEXPIRED:
        case ZINVALIDACL:
        case ZAUTHFAILED:
        case ZCLOSING:
        case ZSESSIONMOVED:
            return static_cast<Code>(rc);
        case ZINVALIDSTATE:
            return Code::session_expired;
        default:
            return Code::other;
    }
}

Stat stat_of(const ::Stat& stat) {
    return {stat.czxid,    stat.mzxid,          stat.ctime,      stat.mtime,      stat.version,
            stat.cversion, stat.ephemeralOwner, stat.dataLength, stat.numChildren};
}

int flags_of(CreateMode mode) {
    return mode == CreateMode::ephemeral ? ZOO_EPHEMERAL : 0;
}

AclVector::AclVector(const std::vector<Acl>& acl) : acl_(acl) {
    for (Acl& each : acl_) {
        entries_.push_back({each.permissions, {each.scheme.data(), each.id.data()}});
    }
    vector_.count = static_cast<std::int32_t>(entries_.size());
    vector_.data = entries_.data();
}

namespace {

template <class T>
std::unique_ptr<Call<T>> take(const void* data) {
    return std::unique_ptr<Call<T>>(static_cast<Call<T>*>(const_cast<void*>(data)));
}

}  // namespace

void on_void(int rc, const void* data) {
    take<bool>(data)->finish(rc);
}

void on_string(int rc, const char*, const void* data) {
    take<std::string>(data)->finish(rc);
}

void on_stat(int rc, const ::Stat* stat, const void* data) {
    const auto call = take<Stat>(data);
    if (rc == ZOK && stat != nullptr) call->reply.value = stat_of(*stat);
    call->finish(rc);
}

void on_node(int rc, const char* value, int size, const ::Stat* stat, const void* data) {
    const auto call = take<Node>(data);
    if (rc == ZOK && stat != nullptr) {
        if (value != nullptr && size > 0) {
            call->reply.value.data.assign(value, static_cast<std::size_t>(size));
        }
        call->reply.value.stat = stat_of(*stat);
    }
    call->finish(rc);
}

void on_children(int rc, const ::String_vector* names, const ::Stat* stat, const void* data) {
    const auto call = take<Children>(data);
    if (rc == ZOK && names != nullptr && stat != nullptr) {
        call->reply.value.names.assign(names->data, names->data + names->count);
        std::ranges::sort(call->reply.value.names);
        call->reply.value.stat = stat_of(*stat);
    }
    call->finish(rc);
}

namespace {

void on_multi(int rc, const void* data) {
    const auto call = take<std::vector<OpResult>>(data);
    call->reply.value = call->results->read();
    call->finish(rc);
}

}  // namespace

int MultiResults::start(zhandle_t* zh, const std::vector<Op>& ops, const AclVector& acl,
                        Call<std::vector<OpResult>>* call) {
    for (std::size_t i = 0; i < ops.size(); ++i) {
        zoo_op_t* const out = &ops_[i];
        if (const auto* made = std::get_if<CreateOp>(&ops[i])) {
            zoo_create_op_init(out, made->path.c_str(), made->data.data(),
                               static_cast<int>(made->data.size()), acl.of(made->mode),
                               flags_of(made->mode), paths_[i].bytes, sizeof paths_[i].bytes);
        } else if (const auto* removed = std::get_if<DeleteOp>(&ops[i])) {
            zoo_delete_op_init(out, removed->path.c_str(), removed->version);
        } else if (const auto* written = std::get_if<SetOp>(&ops[i])) {
            zoo_set_op_init(out, written->path.c_str(), written->data.data(),
                            static_cast<int>(written->data.size()), written->version, &stats_[i]);
        } else {
            const auto& checked = std::get<CheckOp>(ops[i]);
            zoo_check_op_init(out, checked.path.c_str(), checked.version);
        }
    }
    return zoo_amulti(zh, static_cast<int>(ops.size()), ops_.data(), results_.data(), on_multi,
                      call);
}

std::vector<OpResult> MultiResults::read() const {
    std::vector<OpResult> read;
    for (std::size_t i = 0; i < results_.size(); ++i) {
        read.push_back({code_of(results_[i].err), stat_of(stats_[i])});
    }
    return read;
}

}  // namespace kwire::zk
