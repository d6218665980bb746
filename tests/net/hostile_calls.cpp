// Calls that answer once: looking up offsets, keeping them in Kafka, creating and deleting topics.
#include <algorithm>

#include <kwire/net/admin.h>
#include <kwire/net/consumer.h>
#include <kwire/offsets/kafka_offset_store.h>
#include <kwire/protocol/create_topics.h>
#include <kwire/protocol/delete_topics.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>

#include "hostile_world.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;

constexpr int healing_tries_max = 60;
constexpr Duration flush_patience = 33s;  // the manager's own is 30 s
const TopicPartition bad{"bad", 0};
const TopicPartition good{"good", 1};

/// What a call came to. Not done: it still ran when patience was over.
enum class Outcome { done, failed, unfinished };

Outcome run(HostileWorld& world, const std::string& what, Task<void> task, Duration limit = HostileWorld::patience) {
    const auto running = world.loop.start(std::move(task));
    const TimePoint end = world.loop.now() + limit;
    while (!running->done() && world.loop.now() < end) world.step();
    if (!running->done()) {
        world.object("silent: " + what + " did not end within " + std::to_string(limit / 1s) + " s");
        return Outcome::unfinished;
    }
    try {
        running->take();
        return Outcome::done;
    } catch (const Error& error) {
        world.tell(error);
        return Outcome::failed;
    }
}

/// The answer that is spoiled does not say what it should any more: what was asked for cannot have been done.
bool says_something_else(const Case& played) {
    const auto& mutation = played.trouble.mutation;
    if (!mutation) return false;
    using Kind = Mutation::Kind;
    const std::string& field = mutation->path.back();
    if (mutation->is_refusal()) return true;
    const bool lacks_it = mutation->kind == Kind::missing || mutation->kind == Kind::instead || mutation->kind == Kind::empty;
    if (lacks_it) return field == "topics" || field == "responses" || field == "partitions";
    if (field == "name") return mutation->kind != Kind::megabyte;
    return field == "partition_index" && mutation->value != 0;
}

// ---- looking up

Task<void> look_up(HostileWorld* world) {
    std::vector<OffsetQuery> queries{{bad, -1}, {good, -1}};
    const auto answers = co_await list_offsets(world->cluster, std::move(queries));
    for (const TopicPartition& tp : {bad, good}) {
        const auto found = std::find_if(answers.begin(), answers.end(), [&](const auto& answer) { return answer.tp == tp; });
        if (found == answers.end()) {
            world->object("list_offsets leaves out " + tp.to_string());
        } else if (found->offset != world->logs.of(tp).end) {
            const auto& mutation = world->played.trouble.mutation;
            const bool is_their_word = tp == bad && mutation && mutation->path.back().find("offset") != std::string::npos;
            if (!is_their_word) world->object("list_offsets says " + std::to_string(found->offset) + " of " + tp.to_string());
        }
    }
}

// ---- offsets in Kafka

class Coordinator {
 public:
    explicit Coordinator(HostileWorld& world) {
        world.kafka.on<protocol::OffsetFetchRequest>(
            [this](const protocol::OffsetFetchRequest& request, const Exchange& exchange, std::int32_t) {
                exchange.reply(fetched(request, exchange.version()));
            });
        world.kafka.on<protocol::OffsetCommitRequest>(
            [this](const protocol::OffsetCommitRequest& request, const Exchange& exchange, std::int32_t) {
                exchange.reply(committed(request));
            });
    }

    std::map<TopicPartition, std::int64_t> stored{{bad, 42}, {good, 7}};

 private:
    template <class Topic, class Partitions>
    void fill(Topic& out, const std::string& name, const Partitions& indexes) {
        out.name = name;
        for (const std::int32_t index : indexes) {
            auto& one = out.partitions.emplace_back();
            one.partition_index = index;
            const auto found = stored.find({name, index});
            one.committed_offset = found == stored.end() ? -1 : found->second;
        }
    }

    protocol::OffsetFetchResponse fetched(const protocol::OffsetFetchRequest& request, std::int16_t version) {
        protocol::OffsetFetchResponse response;
        if (version < 8) {
            for (const auto& topic : *request.topics) {
                fill(response.topics.emplace_back(), topic.name, topic.partition_indexes);
            }
            return response;
        }
        for (const auto& group : request.groups) {
            auto& out = response.groups.emplace_back();
            out.group_id = group.group_id;
            for (const auto& topic : *group.topics) fill(out.topics.emplace_back(), topic.name, topic.partition_indexes);
        }
        return response;
    }

    protocol::OffsetCommitResponse committed(const protocol::OffsetCommitRequest& request) {
        protocol::OffsetCommitResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions) {
                stored[{topic.name, partition.partition_index}] = partition.committed_offset;
                out.partitions.emplace_back().partition_index = partition.partition_index;
            }
        }
        return response;
    }
};

struct Offsets {
    explicit Offsets(HostileWorld& world) : coordinator(world) {}
    Coordinator coordinator;
    std::shared_ptr<OffsetManager> manager;
    std::int64_t mark = 100;
};

Task<void> read_stored(HostileWorld* world, std::shared_ptr<Offsets> offsets, TopicPartition tp) {
    const std::int64_t is_stored = offsets->coordinator.stored.at(tp);
    const std::int64_t next = co_await offsets->manager->initialize_partition(tp);
    const auto& mutation = world->played.trouble.mutation;
    if (tp == bad && mutation && mutation->path.back() == "committed_offset" && next == std::max<std::int64_t>(mutation->value, -1)) {
        if (mutation->value < -1) world->object("an offset of " + std::to_string(mutation->value) + " is taken for none");
        co_return;
    }
    if (next != is_stored) {
        world->object(std::to_string(next) + " was read for " + tp.to_string() + ", stored is " + std::to_string(is_stored));
    }
}

Task<void> write(HostileWorld* world, std::shared_ptr<Offsets> offsets) {
    const std::int64_t mark = ++offsets->mark;
    std::vector<TopicPartition> kept;
    for (const TopicPartition& tp : {bad, good}) {
        if (offsets->manager->mark_as_processed(tp, mark)) kept.push_back(tp);
    }
    const auto failures = co_await offsets->manager->flush();
    if (!failures.empty()) throw failures.front().error;
    if (kept.empty()) throw Error(errc::closed, "no offset could be read before");
    for (const TopicPartition& tp : kept) {
        if (offsets->coordinator.stored[tp] != mark) world->object("a flush without failures stored nothing");
    }
}

Task<void> fetch_all(HostileWorld* world, std::shared_ptr<Offsets> offsets) {
    std::vector<TopicPartition> which{bad, good};
    const auto found = co_await fetch_offsets(world->cluster, "g", std::move(which));
    const auto& mutation = world->played.trouble.mutation;
    const bool is_their_word = mutation && mutation->path.back() == "committed_offset";
    for (const TopicPartition& tp : {bad, good}) {
        const auto one = found.find(tp);
        if (tp == bad && is_their_word) continue;
        if (one == found.end()) {
            world->object("fetch_offsets leaves out " + tp.to_string());
        } else if (one->second != offsets->coordinator.stored.at(tp)) {
            world->object("fetch_offsets says " + std::to_string(one->second) + " of " + tp.to_string());
        }
    }
}

// Everything once; true if all was done.
bool use_offsets(HostileWorld& world, const std::shared_ptr<Offsets>& offsets, bool spoiled) {
    const bool writes = world.played.api != ApiKey::offset_fetch;
    const bool reads = world.played.api != ApiKey::offset_commit;
    world.cluster->forget_coordinator("g");
    offsets->manager = make_offset_manager(world.loop.runtime(), kafka_offset_store(world.cluster, "g"));
    std::vector<Outcome> all;
    all.push_back(run(world, "initialize_partition", read_stored(&world, offsets, bad)));
    all.push_back(run(world, "initialize_partition", read_stored(&world, offsets, good)));
    if (reads) all.push_back(run(world, "fetch_offsets", fetch_all(&world, offsets)));
    if (writes) {
        all.push_back(run(world, "flush", write(&world, offsets), flush_patience));
        if (spoiled && all.back() == Outcome::done && world.played.api == ApiKey::offset_commit &&
            world.was_spoiled() && says_something_else(world.played)) {
            world.object("a commit counts as stored though the answer does not say so");
        }
    }
    world.loop.run(offsets->manager->close(world.loop.now() + 1s));
    return std::all_of(all.begin(), all.end(), [](Outcome outcome) { return outcome == Outcome::done; });
}

// ---- topics

void answer_topics(HostileWorld& world) {
    world.kafka.on<protocol::CreateTopicsRequest>(
        [](const protocol::CreateTopicsRequest& request, const Exchange& exchange, std::int32_t) {
            protocol::CreateTopicsResponse response;
            for (const auto& topic : request.topics) response.topics.emplace_back().name = topic.name;
            exchange.reply(response);
        });
    world.kafka.on<protocol::DeleteTopicsRequest>(
        [](const protocol::DeleteTopicsRequest& request, const Exchange& exchange, std::int32_t) {
            protocol::DeleteTopicsResponse response;
            for (const auto& name : request.topic_names) response.responses.emplace_back().name = name;
            exchange.reply(response);
        });
}

bool use_topics(HostileWorld& world, bool spoiled) {
    const bool creates = world.played.api != ApiKey::delete_topics;
    const Outcome outcome = creates ? run(world, "create_topic", create_topic(world.cluster, "bad", 1, 1, {}))
                                    : run(world, "delete_topic", delete_topic(world.cluster, "bad"));
    if (spoiled && outcome == Outcome::done && world.played.api != ApiKey::metadata && world.was_spoiled() &&
        says_something_else(world.played)) {
        world.object("a topic counts as created or deleted though the answer does not say so");
    }
    return outcome == Outcome::done;
}

}  // namespace

void play_calls(HostileWorld& world) {
    const auto offsets = world.played.scene == Scene::offsets ? std::make_shared<Offsets>(world) : nullptr;
    answer_topics(world);
    for (int i = 0; i < 3; ++i) {
        world.write(bad);
        world.write(good);
    }
    const auto use = [&](bool spoiled) {
        if (offsets) return use_offsets(world, offsets, spoiled);
        if (world.played.scene == Scene::topics) return use_topics(world, spoiled);
        return run(world, "list_offsets", look_up(&world)) == Outcome::done;
    };
    if (!world.played.from_the_start && !use(false)) world.object("it failed before the trouble: " + world.last_words());
    world.begin_trouble();
    const bool done = use(true);
    if (!done && !world.named_the_refusal()) world.object("the code is lost: " + world.last_words());
    world.end_trouble();
    int tries = 0;
    while (!use(false) && tries < healing_tries_max) {
        world.step();
        ++tries;
    }
    if (tries == healing_tries_max) world.object("it fails for ever: " + world.last_words());
}

}  // namespace kwire::test
