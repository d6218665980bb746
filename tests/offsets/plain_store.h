// The smallest OffsetStore there is, as a program may bring one; and what can go wrong with it.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <kwire/offsets/offset_store.h>

namespace kwire::test {

class PlainStore : public OffsetStore {
 public:
    std::map<TopicPartition, Position> stored;
    std::optional<Error> failure;        ///< Of everything.
    std::optional<Error> write_failure;  ///< Of every write.
    bool try_again = false;              ///< With these.
    Duration refresh{};
    Duration patience_{};
    int reads = 0;   ///< Calls.
    int writes = 0;  ///< Calls.

    Task<Outcomes> read(std::vector<TopicPartition> which, CommitIdentity) override {
        ++reads;
        Outcomes outcomes;
        for (const TopicPartition& tp : which) {
            Outcome& outcome = outcomes[tp];
            if (failure) {
                outcome.error = failure;
                outcome.try_again = try_again;
                continue;
            }
            const auto found = stored.find(tp);
            if (found != stored.end()) outcome.stored = found->second;
        }
        co_return outcomes;
    }
    Task<Outcomes> write(std::vector<Write> changes, CommitIdentity, TimePoint) override {
        ++writes;
        const std::optional<Error> error = failure ? failure : write_failure;
        Outcomes outcomes;
        for (const Write& write : changes) {
            Outcome& outcome = outcomes[write.tp];
            if (error) {
                outcome.error = error;
                outcome.try_again = try_again;
                continue;
            }
            outcome.stored = {.next = write.next, .leader_epoch = write.leader_epoch};
            stored[write.tp] = outcome.stored;
        }
        co_return outcomes;
    }
    Task<void> reset(OffsetReset) override {
        stored.clear();
        co_return;
    }
    Duration patience() const override { return patience_; }
    Duration refresh_interval() const override { return refresh; }
};

}  // namespace kwire::test
