// How large a request is on the wire, and which node it is about: what both kinds of session ask before they send one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

const std::string& path_of(const Op& op);

/// Bytes as a server counts them against jute.maxbuffer, with a reserve for what it adds when it logs the request and
/// sends it to its followers.
std::size_t request_bytes(const Op& op, const std::vector<Acl>& acl);
std::size_t request_bytes(const std::vector<Op>& ops, const std::vector<Acl>& acl);
/// Of a request that holds nothing but a path.
std::size_t request_bytes(const std::string& path);

/// too_large, with the size and the limit in words; ok if the request fits.
Outcome check_size(std::size_t bytes, std::size_t bytes_max, const std::string& path);
/// The path of the largest operation: the one to blame if the whole is too large.
std::string largest_of(const std::vector<Op>& ops);
/// The path of the operation that a transaction failed by, that of the first one if the server did not answer.
std::string culprit_of(const std::vector<OpResult>& results, const std::vector<std::string>& paths);

}  // namespace kwire::zk
