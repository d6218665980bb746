#include "event_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

#include <kwire/protocol/json_text.h>

#include "command_line.h"
#include "report.h"

namespace kwire::tools {
namespace {

/// A JSON object that is not closed yet.
std::string event(std::string_view what) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::string line = "{\"time_us\":";
    line += std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    line.append(",\"pid\":").append(std::to_string(getpid())).append(",\"event\":");
    protocol::append_json_string(line, what);
    return line;
}

std::string event(std::string_view what, const TopicPartition& tp) {
    std::string line = event(what) + ",\"topic\":";
    protocol::append_json_string(line, tp.topic);
    return line + ",\"partition\":" + std::to_string(tp.partition);
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
    for (const TopicPartition& tp : partitions) write(event(what, tp) + '}');
}

void EventLog::committed(const std::map<TopicPartition, std::int64_t>& offsets) {
    for (const auto& [tp, next] : offsets) {
        write(event("committed", tp) + ",\"offset\":" + std::to_string(next) + '}');
    }
}

void EventLog::happened(std::string_view what) {
    write(event(what) + '}');
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
