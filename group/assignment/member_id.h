// The names that members go by in ZooKeeper.
#pragma once

#include <string>

#include <kwire/group/assignment.h>

namespace kwire {

/// An id nobody has had: `host:uuid`, as Go members write it, under `original`; `group_host-millis-8hex`, as Java's,
/// under the java rules; else `kwire:host:process id:8hex`. Its form shows peers and people what kind of member it is.
std::string new_member_id(Assignment rule, const std::string& group);

/// `host:process id`, where a person finds this member.
std::string host_and_process();

/// What the member writes into the owner node of a partition it claims.
std::string owner_text(Assignment rule, const std::string& member_id);

}  // namespace kwire
