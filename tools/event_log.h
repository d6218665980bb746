// What happens to a member's partitions, as JSON lines with time stamps in a file.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/protocol/topic_partition.h>

namespace kwire::tools {

/// Any thread. Each line is written whole by one call, so that several processes may share a file.
class EventLog {
 public:
    /// Appends to path. Throws UsageError if it cannot be opened.
    explicit EventLog(const std::string& path);
    ~EventLog();
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    void partitions(std::string_view what, const std::vector<TopicPartition>& partitions);
    /// Next offsets, as they stand in the store now.
    void committed(const std::map<TopicPartition, std::int64_t>& offsets);
    void happened(std::string_view what);
    /// A line could not be written; why was reported.
    bool failed();

 private:
    void write(std::string line);

    std::mutex mutex_;
    int descriptor_;
    bool failed_ = false;
};

}  // namespace kwire::tools
