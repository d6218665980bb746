// What other threads may ask of a member: its id and what it owns, as of the last time that it was published.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <kwire/protocol/topic_partition.h>

namespace kwire {

class PublishedState {
 public:
    std::string member_id() const {
        const std::lock_guard lock(mutex_);
        return member_id_;
    }
    std::vector<TopicPartition> owned() const {
        const std::lock_guard lock(mutex_);
        return owned_;
    }
    /// version: another one whenever what is owned is another.
    bool is(std::uint64_t version, const std::string& member_id) const {
        const std::lock_guard lock(mutex_);
        return version_ == version && member_id_ == member_id;
    }
    void set(std::uint64_t version, std::string member_id, std::vector<TopicPartition> owned) {
        const std::lock_guard lock(mutex_);
        version_ = version;
        member_id_ = std::move(member_id);
        owned_ = std::move(owned);
    }

 private:
    mutable std::mutex mutex_;
    std::uint64_t version_ = 0;
    std::string member_id_;
    std::vector<TopicPartition> owned_;
};

}  // namespace kwire
