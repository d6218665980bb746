// A partition as fetching sees it: where it is read, and from which position on.
//
// Threads: the strand, but for what is atomic and what the queue guards.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include <kwire/net/runtime.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/uuid.h>

#include "fetch_queue.h"
#include "fetch_session.h"

namespace kwire {

class Fetcher;

/// A partition as fetching sees it. Without a word: the strand's own.
struct FetchPartition : QueuedPartition {
    using QueuedPartition::QueuedPartition;

    const TopicPartition& tp() const { return cursor->topic_partition(); }
    bool over() const { return removed.load() || failed.load(); }

    const Fetcher* home = nullptr;  ///< Who reads it now; null: its leader is being looked up.
    FetchSession::Member* member = nullptr;  ///< Its place in what its leader was told last.
    Uuid topic_id{};                         ///< As the view said last; zero: it does not know.
    bool just_fed = false;          ///< The answer being taken apart brought something of it.
    std::int64_t fetch_offset = 0;  ///< The next offset to ask for.
    bool resetting = false;         ///< A new position is being looked up.
    bool stuck = false;             ///< What came last cannot be walked; its reader will say so.
    std::int32_t bytes_max = 0;     ///< Grows where a message does not fit (Fetch v2 and below).
    std::int32_t leader_epoch = -1;     ///< Of the leader asked now.
    std::int32_t fetched_epoch = -1;    ///< Of the last batch that was fetched.
    std::int32_t validated_epoch = -1;  ///< Under this leader epoch the position is known to be in the log.
    std::int32_t follower = -1;         ///< KIP-392: the replica to read from; -1: the leader.
    TimePoint retry_at{};
    int failures = 0;  ///< In a row; the backoff grows with them.
    std::optional<ErrorCode> reported;  ///< Told already, not to be told again until it works.
    std::int64_t log_end = -1;  ///< How far it can be read, as the last answer said; -1: none came yet.
    TimePoint answered_at = TimePoint::min();  ///< When a Fetch of it was last answered; min: the last try failed.
    std::optional<Error> trouble;  ///< Why the last try to read it failed; an answer clears it.

    void read_failed(Error why) {
        trouble = std::move(why);
        answered_at = TimePoint::min();
    }
    std::atomic<std::int64_t> high_watermark{-1};  ///< Any thread.
};

}  // namespace kwire
