#include "group_fixture.h"

#include <algorithm>
#include <utility>

namespace kwire::test {
namespace {

using namespace std::chrono_literals;

/// A store in memory. It keeps to the contract of OffsetManager and nothing more.
class MemoryOffsets final : public OffsetManager {
 public:
    explicit MemoryOffsets(std::shared_ptr<StoredOffsets> stored) : stored_(std::move(stored)) {}

    Task<std::int64_t> initialize_partition(TopicPartition tp) override {
        const auto found = stored_->next.find(tp);
        marks_[tp] = found == stored_->next.end() ? -1 : found->second;
        co_return marks_[tp];
    }
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override {
        const auto found = marks_.find(tp);
        if (found == marks_.end()) return false;
        found->second = std::max(found->second, next);
        return true;
    }
    void restart_partition(const TopicPartition& tp, std::int64_t next) override {
        if (const auto found = marks_.find(tp); found != marks_.end()) found->second = next;
    }
    Task<std::vector<CommitFailure>> flush() override {
        std::vector<CommitFailure> failures;
        for (const auto& [tp, next] : marks_) {
            if (auto failure = write(tp, next)) failures.push_back(*failure);
        }
        co_return failures;
    }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp, TimePoint) override {
        std::optional<CommitFailure> failure;
        if (const auto found = marks_.find(tp); found != marks_.end()) {
            failure = write(tp, found->second);
            marks_.erase(found);
        }
        co_return failure;
    }
    void abandon_partition(const TopicPartition& tp) override { marks_.erase(tp); }
    Task<std::vector<CommitFailure>> close(TimePoint) override {
        auto failures = co_await flush();
        marks_.clear();
        co_return failures;
    }
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override {
        const auto found = stored_->next.find(tp);
        return found == stored_->next.end() ? std::nullopt : std::optional(found->second);
    }

 private:
    std::optional<CommitFailure> write(const TopicPartition& tp, std::int64_t next) {
        if (stored_->fails) return CommitFailure{tp, next, Error(errc::zookeeper_error, "the store is full")};
        if (next >= 0) stored_->next[tp] = next;
        return std::nullopt;
    }

    std::shared_ptr<StoredOffsets> stored_;
    std::map<TopicPartition, std::int64_t> marks_;
};

std::string broker_node(const HostPort& address) {
    return R"({"version":1,"host":")" + address.host + R"(","port":)" + std::to_string(address.port) +
           R"(,"jmx_port":-1,"timestamp":"1"})";
}

}  // namespace

// ---- GroupFixture

GroupFixture::GroupFixture() {
    kafka.add_brokers(2);
    for (int id = 1; id <= 2; ++id) {
        ensemble.put("/brokers/ids/" + std::to_string(id), broker_node(kafka.server(id).address()));
    }
}

GroupFixture::~GroupFixture() { EXPECT_EQ(kafka.complaints(), ""); }

void GroupFixture::create_topic(const std::string& topic, int partitions, int messages) {
    kafka.create_topic(topic, partitions);
    write_topic_node(topic, partitions);
    for (int p = 0; p < partitions; ++p) logs.append({topic, p}, messages);
}

void GroupFixture::move_brokers(const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        const HostPort address{"elsewhere-" + id, 9999};
        kafka.move(std::stoi(id), address);
        ensemble.put("/brokers/ids/" + id, broker_node(address));
    }
}

void GroupFixture::write_topic_node(const std::string& topic, int partitions) {
    std::string text;
    for (int p = 0; p < partitions; ++p) {
        const auto number = std::to_string(p);
        text += (p > 0 ? ",\"" : "\"") + number + "\":[1,2]";
        ensemble.put("/brokers/topics/" + topic + "/partitions/" + number + "/state",
                     R"({"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1,2]})");
    }
    ensemble.put("/brokers/topics/" + topic, R"({"version":1,"partitions":{)" + text + "}}");
}

GroupConfig GroupFixture::config() {
    GroupConfig config;
    config.runtime = loop.runtime();
    config.session_factory = ensemble.factory();
    config.cluster.transport = kafka.transport();
    config.offset_manager = std::make_shared<MemoryOffsets>(stored);
    return config;
}

std::shared_ptr<ConsumerGroup> GroupFixture::join(GroupConfig config, std::vector<std::string> topics) {
    auto group = loop.run(ConsumerGroup::async_join("g", std::move(topics), "memory", std::move(config)));
    settle();
    return group;
}

CloseReport GroupFixture::close(const std::shared_ptr<ConsumerGroup>& group) {
    return loop.run(group->async_close());
}

std::int64_t GroupFixture::session_of(const std::shared_ptr<ConsumerGroup>& group) {
    return ensemble.peek("/consumers/g/ids/" + group->member_id()).value().stat.ephemeral_owner;
}

std::vector<std::string> GroupFixture::read_all(const std::shared_ptr<ConsumerGroup>& group) {
    std::vector<std::string> values;
    while (true) {
        MessageBatch batch = loop.run(group->async_poll(20ms));
        if (batch.empty()) return values;
        for (const Message& message : batch) {
            values.emplace_back(message.value().value_or("null"));
            EXPECT_TRUE(group->commit_upto(message));
        }
    }
}

std::optional<OwnedMessage> GroupFixture::read_one(const std::shared_ptr<ConsumerGroup>& group) {
    MessageBatch batch = loop.run(group->async_poll(20ms));
    if (batch.empty()) return std::nullopt;
    const Message* message = batch.next();
    return message == nullptr ? std::nullopt : std::optional(message->own());
}

std::string GroupFixture::owner_of(const std::string& topic, int partition) {
    const auto node = ensemble.peek("/consumers/g/owners/" + topic + '/' + std::to_string(partition));
    return node ? node->data : "nobody";
}

std::string GroupFixture::offset_of(const std::string& topic, int partition) {
    const auto node = ensemble.peek("/consumers/g/offsets/" + topic + '/' + std::to_string(partition));
    return node ? node->data : "none";
}

std::vector<std::string> GroupFixture::errors_of(const std::shared_ptr<ConsumerGroup>& group) {
    std::vector<std::string> texts;
    for (const auto& error : group->errors()) texts.emplace_back(error.what());
    return texts;
}

}  // namespace kwire::test
