// Steps that the registry takes again and again, and the errors they end in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kwire/protocol/topic_partition.h>
#include <kwire/zk/registry.h>

namespace kwire::zk {

using SessionPtr = std::shared_ptr<Session>;

/// Throws what the code means for somebody who cannot go on: `<doing> <path>: <code>`.
[[noreturn]] void fail(Code code, std::string_view doing, const std::string& path);

/// Throws the refusal of doing; nothing if outcome is ok.
void throw_unless_ok(const Outcome& outcome, std::string_view doing);

/// Throws errc::invalid_config unless name can be one part of a path.
void require_path_part(std::string_view what, const std::string& name);

/// Below /consumers/G nodes get the ACL of the session. What lies above, and Kafka's own nodes, others share: open to
/// all, as Kafka keeps them.
CreateMode persistent_mode(const std::string& path);

/// Makes path and what is missing above it, persistent and empty. That somebody else makes them at
/// the same time is fine, so no order of first joins fails.
Task<Outcome> make_path(SessionPtr session, std::string path);
/// The same for a chroot, whose nodes are all open.
Task<Outcome> make_open_path(SessionPtr session, std::string path);

/// Sets the node, or creates it (and what is missing above it) with the data at once: it is never seen empty.
Task<Outcome> write_node(SessionPtr session, std::string path, std::string data);

/// The children, sorted; none where path is not there. With a watch it tells of path's coming, too.
Task<std::vector<std::string>> list(SessionPtr session, std::string path, Watch watch = nullptr);

/// The node, or nothing where there is none. With a watch it tells of path's coming, too.
Task<std::optional<Node>> read(SessionPtr session, std::string path, Watch watch = nullptr);

/// Why a node cannot be read though it is there.
std::string unreadable_node(Code code);

/// Many paths at once. A node that is not there, or that this session may not read, has its code; anything else throws.
Task<std::vector<Reply<Node>>> read_all(SessionPtr session, std::vector<std::string> paths);

/// What stands two levels below path, as topic/partition; children that are not numbers are left
/// out. Topics that this session may not read are added to unreadable.
Task<std::vector<TopicPartition>> partitions_below(SessionPtr session, std::string path,
                                                   std::vector<Warning>& unreadable);

/// Removes path and all below it; fine if it is not there, or others add and remove at the same
/// time.
Task<void> remove_tree(SessionPtr session, std::string path);

}  // namespace kwire::zk
