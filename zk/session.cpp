#include <kwire/zk/session.h>

#include "paths.h"
#include "state_listeners.h"

namespace kwire::zk {

std::string_view name(Code code) {
    switch (code) {
        case Code::ok:
            return "ok";
        case Code::runtime_inconsistency:
            return "not tried";
        case Code::connection_loss:
            return "connection loss";
        case Code::marshalling_error:
            return "marshalling error";
        case Code::operation_timeout:
            return "operation timeout";
        case Code::bad_arguments:
            return "bad arguments";
        case Code::no_node:
            return "no node";
        case Code::no_auth:
            return "no auth";
        case Code::bad_version:
            return "bad version";
        case Code::no_children_for_ephemerals:
            return "no children for ephemerals";
        case Code::node_exists:
            return "node exists";
        case Code::not_empty:
            return "not empty";
        case Code::session_expired:
            return "session expired";
        case Code::invalid_acl:
            return "invalid ACL";
        case Code::auth_failed:
            return "auth failed";
        case Code::closing:
            return "closing";
        case Code::session_moved:
            return "session moved";
        case Code::too_large:
            return "too large";
        case Code::other:
            break;
    }
    return "other error";
}

bool permanent(Code code) {
    switch (code) {
        case Code::no_auth:
        case Code::invalid_acl:
        case Code::auth_failed:
        case Code::marshalling_error:
        case Code::bad_arguments:
        case Code::no_children_for_ephemerals:
        case Code::too_large:
            return true;
        default:
            return false;
    }
}

std::string_view name(SessionState state) {
    switch (state) {
        case SessionState::connecting:
            return "connecting";
        case SessionState::connected:
            return "connected";
        case SessionState::suspended:
            return "suspended";
        case SessionState::expired:
            return "expired";
        case SessionState::auth_failed:
            return "auth failed";
        case SessionState::closed:
            break;
    }
    return "closed";
}

bool valid_path(std::string_view path) {
    if (path.empty() || path.front() != '/') return false;
    if (path.size() == 1) return true;
    for (std::size_t begin = 1; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") return false;
        for (const char c : part) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
        }
        begin = end + 1;
    }
    return true;
}

std::string parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

namespace {

void trim_slashes(std::string& path) {
    while (!path.empty() && path.back() == '/') path.pop_back();
}

}  // namespace

ConnectString split_hosts(const std::string& hosts) {
    const std::size_t slash = hosts.find('/');
    if (slash == std::string::npos) return {hosts, {}};
    std::string chroot = hosts.substr(slash);
    std::string servers = hosts.substr(0, slash);
    if (const auto comma = chroot.find(','); comma != std::string::npos) {
        // `a:1/kafka,b:1/kafka`, as people write it though ZooKeeper wants the chroot once, at the end.
        const ConnectString rest = split_hosts(chroot.substr(comma + 1));
        chroot.resize(comma);
        trim_slashes(chroot);
        if (rest.chroot != chroot) {
            throw Error(errc::invalid_config, "the ZooKeeper servers `" + hosts + "` have different chroots, `" + chroot +
                                                  "` and `" + rest.chroot +
                                                  "`; write it once, after the last server: a:2181,b:2181/kafka");
        }
        servers += "," + rest.servers;
    }
    trim_slashes(chroot);
    if (!chroot.empty() && !valid_path(chroot)) {
        throw Error(errc::invalid_config,
                    "the ZooKeeper chroot `" + chroot + "` is not a path such as /kafka");
    }
    return {std::move(servers), std::move(chroot)};
}

Error missing_chroot(const ConnectString& connect) {
    return Error(errc::invalid_config,
                 "ZooKeeper at `" + connect.servers + "` has no node " + connect.chroot +
                     "; is the chroot spelt as in the brokers' zookeeper.connect?");
}

std::string below(const std::string& chroot, const std::string& path) {
    if (chroot.empty()) return path;
    return path == "/" ? chroot : chroot + path;
}

std::string without(const std::string& chroot, std::string path) {
    if (chroot.empty() || !path.starts_with(chroot)) return path;
    path.erase(0, chroot.size());
    return path.empty() ? "/" : path;
}

void StateListeners::call(SessionState state) {
    // A listener may add or drop listeners, also itself.
    const auto now = listeners_;
    for (const auto& weak : now) {
        if (const auto listener = weak.lock()) (*listener)(state);
    }
    std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
}

std::shared_ptr<void> StateListeners::add(std::function<void(SessionState)> listener) {
    auto held = std::make_shared<std::function<void(SessionState)>>(std::move(listener));
    listeners_.push_back(held);
    return held;
}

}  // namespace kwire::zk
