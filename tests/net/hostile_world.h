// What the scenes of hostile_cluster share: the cluster with its spoiled answers, a record of what was asked and told.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <kwire/net/error.h>

#include "fake_log.h"
#include "hostile_cluster.h"

namespace kwire::test {

/// Topic "bad" (leader: broker 1) is the one that answers go wrong about; "good" has partition 0 on broker 1 and
/// partition 1 on broker 2, whose answers are right but for those that concern the whole cluster.
class HostileWorld {
 public:
    explicit HostileWorld(const Case& played);
    ~HostileWorld();

    static constexpr Duration patience = std::chrono::seconds(10);

    static constexpr Duration step_length = std::chrono::milliseconds(500);

    /// Half a second goes by.
    void step();
    /// From now on answers are wrong.
    void begin_trouble();
    void end_trouble();
    /// Some answer was spoiled.
    bool was_spoiled() const { return was_spoiled_; }
    /// Writes the next message of tp: its value names partition and offset.
    void write(const TopicPartition& tp);
    static std::string value_of(const TopicPartition& tp, std::int64_t offset);

    void tell(const Error& error);
    /// Something was told since, about topic or about no topic.
    bool was_told(TimePoint since, const std::string& topic) const;
    /// Some error said that topic is not read on.
    bool said_it_is_over(const std::string& topic) const;
    /// Some error names what the answers refuse with.
    bool named_the_refusal() const;
    std::string last_words() const { return told_.empty() ? "nothing" : told_.back().error.what(); }

    /// The judge objects. Each sentence once.
    void object(const std::string& sentence);
    /// What is left to say at the end: whether it was calm, and small.
    std::string verdict();

    const Case& played;
    VirtualLoop loop;
    FakeCluster kafka{loop};
    FakeLogs logs;
    std::shared_ptr<Cluster> cluster;

 private:
    struct Told {
        TimePoint when;
        Error error;
    };
    struct Asked {
        TimePoint when;
        ApiKey api;
        std::int32_t broker;
        bool spoiled;
    };
    bool spoil(const Exchange& exchange, std::int32_t broker);
    std::string rewritten(std::int16_t version, std::string frame);
    void judge_calm();

    bool in_trouble_ = false;
    bool was_spoiled_ = false;
    Spared spared_;
    std::vector<Told> told_;
    std::vector<Asked> asked_;
    std::map<std::string, std::deque<std::size_t>> connects_;
    std::vector<std::string> objections_;
    Compressor compressor_;
};

void play_reading(HostileWorld& world);
void play_producing(HostileWorld& world);
void play_calls(HostileWorld& world);

}  // namespace kwire::test
