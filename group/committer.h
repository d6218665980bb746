// Commits: on the interval, on flush, and where a partition goes; and tells on_committed what is stored.
//
// Invariants: no commit begins while the lease is over; one flush of the store at a time.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <kwire/offsets/offset_manager.h>

#include "engine.h"

namespace kwire {

class Committer {
 public:
    struct Source {
        std::function<bool()> lease_holds;
        std::function<void()> pass_on_marks;                            ///< To the store, before a flush.
        std::function<void(std::function<void(const TopicPartition&)>)> each_read;  ///< Every partition that is read.
    };

    explicit Committer(Engine& engine);
    void use(std::shared_ptr<OffsetManager> offsets, Source source);
    /// Commits every auto.commit.interval.ms, unless that is 0.
    void begin();
    void stop() { timer_.cancel(); }

    /// Commits what is acknowledged. Returns what could not be written; throws if there is no lease.
    static Task<std::vector<CommitFailure>> commit(std::shared_ptr<Committer> self);
    /// The same, and throws the first failure.
    static Task<void> flush(std::shared_ptr<Committer> self);

    /// What is stored of tp as of now is no news.
    void note_stored(const TopicPartition& tp, std::int64_t next) { told_[tp] = next; }
    void forget(const TopicPartition& tp) { told_.erase(tp); }
    /// Tells on_committed if the store holds more of tp than when it was last told.
    void tell(const TopicPartition& tp);

 private:
    static Task<void> run(std::shared_ptr<Committer> self);
    void tell_all();
    void note(const TopicPartition& tp);
    void call_back(bool is_queued);

    Engine& engine_;
    std::shared_ptr<OffsetManager> offsets_;
    Source source_;
    Timer timer_;
    bool committing_ = false;
    std::map<TopicPartition, std::int64_t> told_;
    std::map<TopicPartition, std::int64_t> news_;  // not reported by on_committed yet
};

}  // namespace kwire
