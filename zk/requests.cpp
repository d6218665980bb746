#include "requests.h"

#include <algorithm>

namespace kwire::zk {

namespace {

// Jute, ZooKeeper's encoding: strings, buffers and vectors begin with a length of 4 bytes.
constexpr std::size_t length_bytes = 4;
constexpr std::size_t request_header_bytes = 8;
constexpr std::size_t multi_header_bytes = 9;
/// A transaction in the log, and on its way to followers, has a header, a digest and a few more fields than the
/// request: 37 bytes up to 3.9.
constexpr std::size_t server_reserve_bytes = 64;

std::size_t acl_bytes(const std::vector<Acl>& acl) {
    std::size_t bytes = length_bytes;
    for (const Acl& each : acl) bytes += 4 + 2 * length_bytes + each.scheme.size() + each.id.size();
    return bytes;
}

std::size_t record_bytes(const Op& op, const std::vector<Acl>& acl) {
    constexpr std::size_t version_or_flags = 4;
    const std::size_t common = length_bytes + path_of(op).size() + version_or_flags;
    if (const auto* made = std::get_if<CreateOp>(&op)) {
        static const std::vector<Acl> open(1);
        const bool is_open = made->mode == CreateMode::persistent_open;
        return common + length_bytes + made->data.size() + acl_bytes(is_open ? open : acl);
    }
    if (const auto* written = std::get_if<SetOp>(&op)) return common + length_bytes + written->data.size();
    return common;
}

}  // namespace

const std::string& path_of(const Op& op) {
    return std::visit([](const auto& each) -> const std::string& { return each.path; }, op);
}

std::size_t request_bytes(const Op& op, const std::vector<Acl>& acl) {
    return request_header_bytes + record_bytes(op, acl) + server_reserve_bytes;
}

std::size_t request_bytes(const std::vector<Op>& ops, const std::vector<Acl>& acl) {
    std::size_t bytes = request_header_bytes + multi_header_bytes + server_reserve_bytes;
    for (const Op& op : ops) bytes += multi_header_bytes + record_bytes(op, acl);
    return bytes;
}

std::size_t request_bytes(const std::string& path) {
    return request_bytes(CheckOp{path}, {});
}

Outcome check_size(std::size_t bytes, std::size_t bytes_max, const std::string& path) {
    if (bytes <= bytes_max) return {};
    return {Code::too_large, path,
            "a request of " + std::to_string(bytes) + " bytes, ZooKeeper accepts " + std::to_string(bytes_max)};
}

std::string largest_of(const std::vector<Op>& ops) {
    const auto largest = std::ranges::max_element(ops, {}, [](const Op& op) { return record_bytes(op, {}); });
    return largest == ops.end() ? "/" : path_of(*largest);
}

std::string culprit_of(const std::vector<OpResult>& results, const std::vector<std::string>& paths) {
    for (std::size_t i = 0; i < std::min(results.size(), paths.size()); ++i) {
        if (results[i].code != Code::ok && results[i].code != Code::runtime_inconsistency) return paths[i];
    }
    return paths.empty() ? "/" : paths.front();
}

}  // namespace kwire::zk
