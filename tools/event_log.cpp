#include "event_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "command_line.h"
#include "report.h"

namespace kwire::tools {
namespace {

nlohmann::ordered_json event(std::string_view what) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {{"time_us", std::chrono::duration_cast<std::chrono::microseconds>(now).count()},
            {"pid", getpid()},
            {"event", what}};
}

}  // namespace

EventLog::EventLog(const std::string& path)
    : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ >= 0) return;
    throw UsageError("cannot write to " + path + ": " + std::generic_category().message(errno));
}

EventLog::~EventLog() {
    ::close(descriptor_);
}

void EventLog::partitions(std::string_view what, const std::vector<TopicPartition>& partitions) {
    for (const TopicPartition& tp : partitions) {
        auto line = event(what);
        line["topic"] = tp.topic;
        line["partition"] = tp.partition;
        write(line.dump());
    }
}

void EventLog::committed(const std::map<TopicPartition, std::int64_t>& offsets) {
    for (const auto& [tp, next] : offsets) {
        auto line = event("committed");
        line["topic"] = tp.topic;
        line["partition"] = tp.partition;
        line["offset"] = next;
        write(line.dump());
    }
}

void EventLog::happened(std::string_view what) {
    write(event(what).dump());
}

void EventLog::write(std::string line) {
    line += '\n';
    const std::lock_guard lock(mutex_);
    if (::write(descriptor_, line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
    if (std::exchange(failed_, true)) return;
    report("cannot write to the file of events: " + std::generic_category().message(errno));
}

bool EventLog::failed() {
    const std::lock_guard lock(mutex_);
    return failed_;
}

}  // namespace kwire::tools
