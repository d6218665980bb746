// A partition as fetching sees it: where it is read, and from which position on.
//
// Threads: the strand, but for what is atomic and what the queue guards.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "fetch_queue.h"
#include "fetch_session.h"
#include "trouble.h"
#include "whereabouts.h"

namespace kwire {

class Fetcher;

/// Without a word: the strand's own.
struct FetchPartition : QueuedPartition {
    FetchPartition(std::shared_ptr<PartitionCursor> its_cursor, std::uint64_t jitter_seed)
        : QueuedPartition(std::move(its_cursor)), where(jitter_seed) {}

    const TopicPartition& tp() const { return cursor->topic_partition(); }
    /// Not fetched any more. What was fetched may still wait for its reader.
    bool over() const { return removed.load() || failed.load() || where.state() == Whereabouts::State::stopped; }
    ErrorWhere place(const char* api) const {
        return {.api = api, .topic = tp().topic, .partition = tp().partition, .offset = fetch_offset};
    }

    /// A Fetch was answered.
    void read_well(TimePoint now) {
        answered_at = now;
        if (trouble.any()) [[unlikely]] trouble.over();
    }

    Whereabouts where;
    Trouble trouble;
    const Fetcher* home = nullptr;  ///< Whose list it stands in; null: nobody's.
    FetchSession::Member* member = nullptr;  ///< Its place in what its leader was told last.
    TimePoint answered_at = TimePoint::min();  ///< When a Fetch of it was last answered; min: the last try failed.
    bool just_fed = false;          ///< The answer being taken apart brought something of it.
    bool goes_back = false;         ///< It was reported that offsets go back in its log.
    std::int64_t fetch_offset = 0;  ///< The next offset to ask for.
    std::int32_t bytes_max = 0;     ///< Grows where a message does not fit (Fetch v2 and below).

    // Any thread.
    std::atomic<std::int64_t> log_end{-1};  ///< How far it can be read, as the last answer said; -1: none came yet.
    std::atomic<std::int64_t> high_watermark{-1};
};

using FetchPartitions = std::vector<std::shared_ptr<FetchPartition>>;

}  // namespace kwire
