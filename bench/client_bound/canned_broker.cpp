#include "canned_broker.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include <kwire/net/error.h>
#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/fetch.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/record_batch_builder.h>

// By its name callgrind leaves it out of what it counts.
extern "C" void kwire_bench_broker_part(void (*part)(void*), void* argument);
__attribute__((noinline)) void kwire_bench_broker_part(void (*part)(void*), void* argument) {
    part(argument);
}

namespace kwire::bench {

bool in_broker_part = false;

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "canned broker: %s\n", why.c_str());
    std::abort();
}

void put_offset(std::string& bytes, std::size_t at, std::int64_t offset) {
    for (int i = 7; i >= 0; --i, offset >>= 8) bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(offset);
}

std::string value_of(std::int64_t number, std::int32_t size) {
    const auto mixed = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15ULL;
    std::string text = "{\"id\":" + std::to_string(number) + ",\"user\":" + std::to_string(mixed >> 47) +
                       ",\"event\":\"page_view\",\"ms\":" + std::to_string(mixed >> 20 & 0x7ffff) + "}";
    text.resize(static_cast<std::size_t>(size), ' ');
    return text;
}

struct Part {
    Uuid topic_id;
    Shape shape;
    std::shared_ptr<Served> served;
    std::shared_ptr<CannedRecords> records;
    std::map<std::int32_t, std::int64_t> wanted;  // a fetch session: all that was asked for and not forgotten
    std::string incoming;
    std::string outgoing;
    std::size_t taken = 0;

    void take(std::string_view data) {
        incoming += data;
        std::size_t at = 0;
        while (incoming.size() - at >= 4) {
            const auto size = static_cast<std::size_t>(protocol::frame_size(incoming.data() + at));
            if (incoming.size() - at - 4 < size) break;
            answer(Bytes::own(incoming.substr(at + 4, size)));
            at += 4 + size;
        }
        incoming.erase(0, at);
    }

    void answer(const Bytes& bytes) {
        protocol::RequestFrame frame;
        if (protocol::decode_request_header(bytes, frame)) die("a request does not decode");
        switch (frame.header.request_api_key) {
            case ApiKey::api_versions: {
                protocol::ApiVersionsResponse response;
                for (const auto* schema : protocol::all_messages()) {  // as many as a real one
                    if (!schema->api_key) continue;
                    response.api_keys.push_back({*schema->api_key, schema->versions.lowest, schema->versions.highest});
                }
                return reply(frame, response);
            }
            case ApiKey::metadata: {
                protocol::MetadataResponse response;
                response.brokers.push_back({1, "canned", 9092, std::nullopt});
                auto& topic = response.topics.emplace_back();
                topic.name = topic_name;
                topic.topic_id = topic_id;
                for (std::int32_t p = 0; p < shape.partitions; ++p) {
                    auto& partition = topic.partitions.emplace_back();
                    partition.partition_index = p;
                    partition.leader_id = 1;
                }
                return reply(frame, response);
            }
            case ApiKey::fetch:
                return fetch(frame);
            default:
                die("nobody answers " + to_string(frame.header.request_api_key));
        }
    }

    void fetch(const protocol::RequestFrame& frame) {
        protocol::FetchRequest request;
        if (protocol::decode(request, frame.header.request_api_version, frame.body)) die("a Fetch does not decode");
        if (request.session_epoch <= 0) wanted.clear();
        for (const auto& topic : request.forgotten_topics_data) {
            for (const std::int32_t index : topic.partitions) wanted.erase(index);
        }
        for (const auto& topic : request.topics) {
            for (const auto& partition : topic.partitions) wanted[partition.partition] = partition.fetch_offset;
        }
        protocol::FetchResponse response;
        response.session_id = 7;
        response.responses.push_back({topic_name, topic_id, {}});
        std::int64_t left = request.max_bytes;
        for (const auto& [index, offset] : wanted) {
            const std::string& bytes = records->from(offset);
            left -= static_cast<std::int64_t>(bytes.size());
            if (left < 0) break;
            auto& partition = response.responses.front().partitions.emplace_back();
            partition.partition_index = index;
            partition.high_watermark = offset + 1'000'000'000;
            partition.records = Bytes::own(bytes);
            served->batches += records->batches();
        }
        ++served->fetches;
        reply(frame, response);
    }

    template <class Response>
    void reply(const protocol::RequestFrame& frame, const Response& response) {
        if (protocol::encode_response(response, frame.header.request_api_version, frame.header.correlation_id,
                                      outgoing)) {
            die("an answer does not encode");
        }
    }
};

/// Runs part as the broker's own, where neither its time nor its instructions count.
template <class Work>
void as_broker(Served& served, Work work) {
    const auto begun = Clock::now();
    in_broker_part = true;
    kwire_bench_broker_part([](void* argument) { (*static_cast<Work*>(argument))(); }, &work);
    in_broker_part = false;
    served.nanoseconds += (Clock::now() - begun).count();
}

class CannedStream final : public Stream {
 public:
    CannedStream(Runtime& runtime, Part part) : part_(std::move(part)), changed_(runtime) {}

    Task<std::size_t> read_some(std::span<char> buffer) override {
        while (part_.taken == part_.outgoing.size() && !closed_) co_await changed_.wait();
        if (closed_) throw Error(errc::connection_lost, "closed");
        std::size_t size = 0;
        as_broker(*part_.served, [&] {
            size = std::min(buffer.size(), part_.outgoing.size() - part_.taken);
            std::memcpy(buffer.data(), part_.outgoing.data() + part_.taken, size);
            part_.taken += size;
            if (part_.taken < part_.outgoing.size()) return;
            part_.outgoing.clear();
            part_.taken = 0;
        });
        co_return size;
    }
    Task<void> write(std::string_view data) override {
        as_broker(*part_.served, [&] { part_.take(data); });
        changed_.notify_all();
        co_return;
    }
    void close() override {
        closed_ = true;
        changed_.notify_all();
    }

 private:
    Part part_;
    Event changed_;
    bool closed_ = false;
};

class CannedTransport final : public Transport {
 public:
    CannedTransport(std::shared_ptr<Runtime> runtime, const Shape& shape, std::shared_ptr<Served> served)
        : runtime_(std::move(runtime)), shape_(shape), served_(std::move(served)) {}

    Task<std::unique_ptr<Stream>> connect(HostPort, TimePoint) override {
        Part part;
        part.topic_id.bytes[0] = 1;
        part.shape = shape_;
        part.served = served_;
        part.records = records_;
        co_return std::make_unique<CannedStream>(*runtime_, std::move(part));
    }

 private:
    std::shared_ptr<Runtime> runtime_;
    Shape shape_;
    std::shared_ptr<Served> served_;
    std::shared_ptr<CannedRecords> records_ = std::make_shared<CannedRecords>(shape_);
};

}  // namespace

CannedRecords::CannedRecords(const Shape& shape) {
    Compressor compressor;
    std::int64_t number = 0;
    std::size_t plain_bytes = 0;
    while (plain_bytes < static_cast<std::size_t>(shape.answer_bytes)) {
        if (shape.magic < 2) {  // each message is on its own
            MessageSetBuilder messages({.magic = shape.magic});
            messages.append(1'700'000'000'000, std::nullopt, value_of(number, shape.value_bytes));
            places_.push_back({bytes_.size(), number++});
            bytes_ += messages.build(compressor);
            plain_bytes = bytes_.size();
            ++batches_;
            continue;
        }
        RecordBatchBuilder records({.compression = shape.compression});
        places_.push_back({bytes_.size(), number});
        while (records.record_count() < shape.records_in_batch &&
               records.append(1'700'000'000'000, std::nullopt, value_of(number, shape.value_bytes))) {
            ++number;
        }
        plain_bytes += records.size_bytes();
        bytes_ += records.build(compressor);
        ++batches_;
    }
}

std::string& CannedRecords::from(std::int64_t offset) {
    for (const Place& place : places_) put_offset(bytes_, place.at, offset + place.offset);
    return bytes_;
}

std::shared_ptr<Transport> canned_broker(std::shared_ptr<Runtime> runtime, const Shape& shape,
                                         std::shared_ptr<Served> served) {
    return std::make_shared<CannedTransport>(std::move(runtime), shape, std::move(served));
}

}  // namespace kwire::bench
