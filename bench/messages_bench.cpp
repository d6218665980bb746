// Encoding and decoding messages: each that kwire knows, at its defaults and its newest version; then the
// large ones of every day. `items` are messages, `bytes` those on the wire.
#include <cstdint>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>

namespace {

using namespace kwire;
using namespace kwire::protocol;

void encode_message(benchmark::State& state, const Schema& schema, const void* message) {
    std::string bytes;
    for (auto _ : state) {
        bytes.clear();
        if (encode(schema, message, schema.versions.highest, bytes)) {
            state.SkipWithError("does not encode");
            break;
        }
        benchmark::DoNotOptimize(bytes.data());
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void decode_message(benchmark::State& state, const Schema& schema, const void* message) {
    std::string encoded;
    if (encode(schema, message, schema.versions.highest, encoded)) return state.SkipWithError("does not encode");
    const Bytes bytes = Bytes::own(std::move(encoded));
    for (auto _ : state) {
        const auto out = schema.make();
        if (decode(schema, out.get(), schema.versions.highest, bytes)) {
            state.SkipWithError("does not decode");
            break;
        }
        benchmark::DoNotOptimize(out.get());
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

template <class Message>
void measure(const std::string& name, std::shared_ptr<Message> message) {
    const Schema& schema = schema_of<Message>();
    benchmark::RegisterBenchmark(("encode/" + name).c_str(), [&schema, message](benchmark::State& state) {
        encode_message(state, schema, message.get());
    });
    benchmark::RegisterBenchmark(("decode/" + name).c_str(), [&schema, message](benchmark::State& state) {
        decode_message(state, schema, message.get());
    });
}

constexpr std::int32_t many = 1000;

std::shared_ptr<FetchRequest> large_fetch_request() {
    auto request = std::make_shared<FetchRequest>();
    auto& topic = request->topics.emplace_back();
    topic.topic_id.bytes[0] = 1;
    for (std::int32_t p = 0; p < many; ++p) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition = p;
        partition.fetch_offset = std::int64_t{1'000'000} * p;
        partition.partition_max_bytes = 1 << 20;
    }
    return request;
}

std::shared_ptr<FetchResponse> large_fetch_response() {
    auto response = std::make_shared<FetchResponse>();
    auto& topic = response->responses.emplace_back();
    topic.topic_id.bytes[0] = 1;
    const Bytes records = Bytes::own(std::string(100, 'x'));
    for (std::int32_t p = 0; p < many; ++p) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = p;
        partition.high_watermark = std::int64_t{1'000'000} * p;
        partition.records = records;
    }
    return response;
}

std::shared_ptr<MetadataResponse> large_metadata_response() {
    auto response = std::make_shared<MetadataResponse>();
    for (std::int32_t b = 0; b < 3; ++b) response->brokers.push_back({b, "broker-" + std::to_string(b), 9092, "rack"});
    auto& topic = response->topics.emplace_back();
    topic.name = "page-views";
    for (std::int32_t p = 0; p < many; ++p) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = p;
        partition.leader_id = p % 3;
        partition.replica_nodes = {0, 1, 2};
        partition.isr_nodes = {0, 1, 2};
    }
    return response;
}

}  // namespace

int main(int argc, char** argv) {
    for (const Schema* schema : all_messages()) {
        const std::shared_ptr<void> message = schema->make();
        const std::string name(schema->name);
        benchmark::RegisterBenchmark(("encode/" + name).c_str(), [schema, message](benchmark::State& state) {
            encode_message(state, *schema, message.get());
        });
        benchmark::RegisterBenchmark(("decode/" + name).c_str(), [schema, message](benchmark::State& state) {
            decode_message(state, *schema, message.get());
        });
    }
    measure("FetchRequest_1000_partitions", large_fetch_request());
    measure("FetchResponse_1000_partitions", large_fetch_response());
    measure("MetadataResponse_1000_partitions", large_metadata_response());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
