// What the members of a group did, by one clock, and what of it must not be.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "real_cluster.h"

namespace kwire::faults {

using Clock = std::chrono::system_clock;  // of the members, too

/// A line of member.cpp.
struct Event {
    std::string what;
    Clock::time_point at;
    int partition = -1;
    std::int64_t offset = -1;
    std::string value;
};
std::vector<Event> parse_events(std::string_view text);

struct Observed {
    using Span = std::pair<Clock::time_point, Clock::time_point>;
    std::string member;
    std::vector<Event> events;
    /// While it could not know that another has its partitions: it stood still, or its session was ended by force.
    std::vector<Span> unknowing;
    bool leaves = true;  ///< False: it was killed.
};

/// What is promised in every case is not in it.
struct Promised {
    bool no_duplicates = true;
    bool aborted = false;  ///< There are messages that no reader is handed.
    bool waits_for_on_revoked = true;  ///< False: it takes longer than processing.timeout.ms.
    bool one_log = true;  ///< False: the topic is made again, or loses its end, and offsets begin anew.
};

/// What came of one run of one fault.
struct Verdict {
    std::size_t written = 0;
    std::size_t lost = 0;        ///< messages nobody was handed
    std::size_t skipped = 0;     ///< messages between two that one claim was handed
    std::size_t duplicates = 0;  ///< deliveries beyond the first of each message
    std::size_t disorder = 0;    ///< offsets that do not rise within a claim
    std::size_t overlaps = 0;    ///< deliveries after another member had the partition
    std::size_t late = 0;        ///< those of a member that could not know, and no more than it had in its hands
    std::size_t commits = 0;     ///< that go back, are of what nobody was handed, or not the owner's
    std::chrono::milliseconds slowest_close{0};
    std::int64_t peak_megabytes = 0;  ///< of the largest member
    int percent_of_a_core = 0;        ///< of the busiest member, from its start to its end
    std::string broken;               ///< The first promise that is, in words. Empty: all held.
};

/// log is what an independent reader finds; stored are the next offsets that the group left behind.
Verdict judge(const std::vector<real::Record>& log, const std::vector<Observed>& members,
              const std::map<int, std::int64_t>& stored, const Promised& promised);

}  // namespace kwire::faults
