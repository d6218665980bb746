// What a benchmark reads: looked up in the topic itself, outside of the time that is measured.
#include <set>

#include <kwire/net/consumer.h>
#include <kwire/protocol/crc32.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/record_reader.h>

#include "bench.h"
#include "group_offsets.h"

namespace kwire::tools {
namespace {

constexpr std::int32_t sample_bytes = 1024 * 1024;
constexpr int partitions_max = 4;

struct Sample {
    std::set<std::string> codecs;
    std::set<int> magics;
    std::int64_t batches = 0;
    std::int64_t batch_bytes = 0;
    std::int64_t records = 0;
    std::int64_t record_bytes = 0;
    int partitions = 0;

    void add(const Bytes& records_field) {
        RecordBatchCursor cursor(records_field);
        RecordReader reader;
        for (RecordBatch batch; cursor.next(batch);) {
            if (batch.is_control || !reader.open(batch, {})) continue;
            codecs.insert(std::string(to_string(batch.compression)));
            magics.insert(batch.magic);
            ++batches;
            batch_bytes += static_cast<std::int64_t>(batch.size_bytes());
            for (Record record; reader.next(record); ++records) {
                record_bytes += record.key().value_or("").size() + record.value().value_or("").size();
            }
        }
        ++partitions;
    }
};

/// As in a broker's configuration: `zstd`, or several with commas.
template <class Set, class Text>
std::string joined(const Set& values, Text text) {
    std::string all;
    for (const auto& value : values) all += (all.empty() ? "" : ",") + text(value);
    return all;
}

Task<Bytes> first_records(std::shared_ptr<Cluster> cluster, TopicPartition tp, std::int32_t leader,
                          std::int64_t offset) {
    CallOptions options;
    options.version_max = 12;  // the last one that names topics
    protocol::FetchRequest request;
    protocol::FetchRequest::Partition partition;
    partition.partition = tp.partition;
    partition.fetch_offset = offset;
    partition.partition_max_bytes = sample_bytes;
    request.max_bytes = sample_bytes;
    request.topics.push_back({tp.topic, {}, {}});
    request.topics.front().partitions.push_back(partition);
    auto response = co_await cluster->call(leader, std::move(request), options);
    Bytes records;
    for (auto& topic : response.responses) {
        for (auto& answer : topic.partitions) {
            if (answer.records) records = *answer.records;
        }
    }
    co_return records;
}

std::int64_t mean(std::int64_t sum, std::int64_t count) {
    return count > 0 ? (sum + count / 2) / count : 0;
}

}  // namespace

Figures describe_topic(Connections& connections, const std::string& topic) {
    const auto partitions = existing_partitions(connections, topic);
    const auto& cluster = connections.cluster();
    const auto view = cluster->view();
    Sample sample;
    std::int64_t version = -1;
    for (const auto& [tp, offset] : log_offsets(connections, partitions, StartOffset::oldest().value())) {
        const PartitionView* known = view->find(tp);
        if (sample.partitions == partitions_max) break;
        if (known == nullptr || known->leader < 0 || !offset.offset) continue;
        if (version < 0) {
            CallOptions options;
            if (view->topics.at(topic).id.is_zero()) options.version_max = 12;
            version = connections.wait(cluster->version_for(known->leader, ApiKey::fetch, options));
        }
        sample.add(connections.wait(first_records(cluster, tp, known->leader, *offset.offset)));
    }
    return {{"partitions", static_cast<std::int64_t>(partitions.size()), false},
            {"codec", joined(sample.codecs, [](const std::string& codec) { return codec; }), false},
            {"magic", joined(sample.magics, [](int magic) { return std::to_string(magic); }), false},
            {"record_bytes", mean(sample.record_bytes, sample.records), false},
            {"batch_bytes", mean(sample.batch_bytes, sample.batches), false},
            {"batch_records", mean(sample.records, sample.batches), false},
            {"fetch_version", version, false},
            {"crc32c", std::string(protocol::crc32c_implementation()), false}};
}

}  // namespace kwire::tools
