// Which lists of owners to read when, to find partitions that nobody owns.
//
// Purpose: members do not always agree on who owns what, and a peer may give up a partition. So owners are looked at:
// soon after something changed, then once a minute, and what looks wrong every few seconds until it is settled. A
// function without I/O, clock or thread.
//
// How it works: each topic has some members that look at it, all of them in a small group and one in a large one,
// chosen by the topic's name. All members together list no more than lists_per_second, however many topics there are:
// each spaces its own lists accordingly, and begins a moment later than the one before it by id.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinators/zookeeper/group_view.h"
#include "membership_protocol.h"
#include "schedule.h"
#include "turn.h"

namespace kwire {

class OwnerSweep {
 public:
    /// Of the whole group.
    static constexpr int lists_per_second = 15;

    /// interval: between two looks after a change, and at what looks wrong.
    OwnerSweep(Duration interval, Turn& turn) : interval_(interval), turn_(turn) {}

    /// Something changed: topics are to be looked at from here on, and what was counted is void. always: topics that
    /// this member looks at, whoever else does.
    void begin(const GroupView& view, const std::string& member_id, const std::vector<std::string>& always);
    void stop();
    void list_if_due(SessionNumber session);
    std::optional<TimePoint> next_timer() const;

    /// One more look found partition so; how many in a row that is now.
    int count(const TopicPartition& tp, bool suspicious);
    /// Look at topic again soon, until this is called with false.
    void suspect(const std::string& topic, bool suspicious);
    /// How many members look at topic, this one among them.
    std::size_t lookers() const { return lookers_; }

 private:
    void choose_topics(const GroupView& view, const std::string& member_id, const std::vector<std::string>& always);

    const Duration interval_;
    Turn& turn_;
    std::vector<std::string> topics_;  // ours to look at, in the order in which it is done
    std::size_t next_topic_ = 0;
    std::size_t lookers_ = 1;
    TimePoint round_began_{};
    TimePoint fresh_until_{};          // rounds follow each other quickly until then
    std::optional<TimePoint> next_round_topic_;
    Duration spacing_{};
    TimePoint not_before_{};           // of the next list
    Schedule<std::string> suspects_;
    std::map<TopicPartition, int> counts_;
};

}  // namespace kwire
