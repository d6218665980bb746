// When `consume --idle-timeout` ends, and whether all was read by then.
//
// That nothing comes says nothing by itself: a partition without an owner, a leader or an answer brings nothing either. Idle
// time counts only while everything was read to its end, as the group's ReadingState says.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <kwire/group/consumer_group.h>

namespace kwire::tools {

class IdleWatch {
 public:
    enum class Verdict {
        go_on,
        idle,   ///< All was read, and nothing came for so long.
        stuck,  ///< Nothing came for so long, and not all could be read.
    };

    /// idle: --idle-timeout; nothing: it never ends by itself.
    IdleWatch(std::optional<std::chrono::milliseconds> idle, TimePoint now) : idle_(idle), last_look_(now) {
        message(now);
    }

    void message(TimePoint now);
    /// To be called a few times in the idle time.
    Verdict look(const ReadingState& state, TimePoint now);
    /// Something has been wrong for longer than a rebalance or a new leader takes.
    bool in_trouble(TimePoint now) const;

 private:
    std::optional<std::chrono::milliseconds> idle_;
    TimePoint last_look_;
    TimePoint last_message_{};
    std::optional<TimePoint> all_read_since_;
    std::optional<TimePoint> troubled_since_;
    Duration stuck_for_{};  ///< Since the last message, as long as not all was read and nothing moved.
    std::int64_t progress_ = -1;
};

/// `t/0 has no leader at the moment; t/1 ...`: the first few obstacles, those that are more than a lag first.
std::string describe(const ReadingState& state);

}  // namespace kwire::tools
