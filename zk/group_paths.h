// The nodes of a consumer group, as Kafka's own consumer names them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include <kwire/protocol/topic_partition.h>

namespace kwire::zk {

inline std::string group_path(const std::string& group) {
    return "/consumers/" + group;
}
inline std::string ids_path(const std::string& group) {
    return group_path(group) + "/ids";
}
inline std::string member_path(const std::string& group, const std::string& id) {
    return ids_path(group) + "/" + id;
}
inline std::string fences_path(const std::string& group) {
    return group_path(group) + "/fences";
}
/// Of the registration of id that this session made: the session's id as 16 hexadecimal digits, then the member's.
inline std::string fence_path(const std::string& group, const std::string& id, std::int64_t session) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(session));
    return fences_path(group) + "/" + digits + "-" + id;
}
inline std::string owners_path(const std::string& group) {
    return group_path(group) + "/owners";
}
inline std::string owner_path(const std::string& group, const TopicPartition& tp) {
    return owners_path(group) + "/" + tp.to_string();
}
inline std::string plan_path(const std::string& group) {
    return group_path(group) + "/plan";
}
inline std::string offsets_path(const std::string& group) {
    return group_path(group) + "/offsets";
}
inline std::string offset_path(const std::string& group, const TopicPartition& tp) {
    return offsets_path(group) + "/" + tp.to_string();
}

}  // namespace kwire::zk
