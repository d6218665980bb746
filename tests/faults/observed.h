// What a group of `kwire consume` processes did, by one clock: the lines that each of them printed and when they were
// seen, and the events that each wrote.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "real_cluster.h"

namespace kwire::faults {

using Clock = std::chrono::system_clock;  // of the events, too

struct Delivery {
    int partition;
    std::int64_t offset;
    std::string value;
    Clock::time_point seen;
};

/// One member process.
class Member {
 public:
    Member(const real::RealCluster& cluster, const std::string& group, const std::string& topic, std::string name,
           const std::string& events, const std::vector<std::string>& more);

    /// Stops it and lets it go on after duration.
    void pause(std::chrono::milliseconds duration);
    /// Kills it: from now on it owns nothing.
    void kill();
    /// Waits for its end after SIGTERM; nothing if it is gone already.
    void leave();
    /// Takes note of what it printed since the last look.
    void look();

    const std::string& name() const { return name_; }
    const std::vector<Delivery>& deliveries() const { return deliveries_; }
    std::string events_text() const;
    std::optional<Clock::time_point> killed_at() const { return killed_at_; }
    /// Promised: of what it lost while it was stopped it hands out at most what it had in its hands.
    bool stopped_at(Clock::time_point when) const;

 private:
    std::string name_;
    std::string events_;
    std::unique_ptr<real::Process> process_;
    std::size_t read_ = 0;
    bool gone_ = false;
    std::vector<Delivery> deliveries_;
    std::optional<Clock::time_point> killed_at_;
    std::vector<std::pair<Clock::time_point, Clock::time_point>> pauses_;
};

/// What came of one run of one fault.
struct Verdict {
    std::size_t written = 0;
    std::size_t lost = 0;        // messages nobody was handed
    std::size_t duplicates = 0;  // deliveries beyond the first of each message
    std::size_t disorder = 0;    // offsets that do not rise within a claim
    std::size_t overlaps = 0;    // claims of one partition by two members at a time
    std::size_t commits_back = 0;
    std::size_t commits_ahead = 0;  // of what nobody had been handed
    std::chrono::milliseconds recovery{0};
    std::string what;  // the first thing that is wrong, in words
};

/// Compares what the members did with what is in the log.
Verdict judge(const std::vector<real::Record>& log, const std::vector<std::unique_ptr<Member>>& members);

}  // namespace kwire::faults
