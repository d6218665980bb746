// Logs behind a FakeCluster: what its brokers answer to Fetch and ListOffsets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <kwire/protocol/fetch.h>

#include "fake_cluster.h"

namespace kwire::test {

/// Logs behind a FakeCluster: answers Fetch, with long polls, and ListOffsets.
class FakeLogs {
 public:
    explicit FakeLogs(FakeCluster& kafka);
    /// Appends count messages whose value is `topic/partition@offset`.
    void append(const TopicPartition& tp, int count);
    std::int64_t end(const TopicPartition& tp) const;
    const std::map<TopicPartition, std::int64_t>& ends() const { return ends_; }
    /// As if the topic were deleted and made again.
    void begin_anew(const TopicPartition& tp) { ends_[tp] = 0; }

 private:
    struct Waiting {
        Exchange exchange;
        protocol::FetchRequest request;
    };
    static Task<void> answer_later(FakeLogs* self, std::shared_ptr<Runtime> runtime, Waiting waiting);
    protocol::FetchResponse answer(const protocol::FetchRequest& request, bool& has_data) const;
    std::string records(const TopicPartition& tp, std::int64_t from) const;
    void answer_waiting();

    FakeCluster& kafka_;
    std::map<TopicPartition, std::int64_t> ends_;
    std::vector<Waiting> waiting_;
};

}  // namespace kwire::test
