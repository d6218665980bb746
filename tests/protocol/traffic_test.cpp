#include <algorithm>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/traffic.h>

#include "capture_support.h"

namespace kwire {
namespace {

using From = CaptureWriter::From;
using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr int requests = 60;

/// A connection with `requests` pairs, some small, some of many packets, cut into packets at odd
/// places.
std::string long_conversation(bool with_opening) {
    std::string file;
    CaptureWriter::append_header(file);
    auto connection = connection_from(4000);
    if (with_opening) CaptureWriter::append_opening(file, connection, {});
    std::mt19937 random(7);
    milliseconds now{1000};
    const auto send = [&](From from, const std::string& bytes) {
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t size = 1 + random() % 1448;
            CaptureWriter::append_bytes(file, connection, from, bytes.substr(at, size), now);
            at += size;
        }
        now += milliseconds(1);
    };
    for (int i = 0; i < requests; ++i) {
        if (i % 4 == 3) {
            send(From::client, produce_request(i, -1, 9000));
            send(From::broker, produce_response(i));
        } else {
            send(From::client, metadata_request(i, "topic-" + std::to_string(i)));
            send(From::broker, metadata_response(i, "topic-" + std::to_string(i)));
        }
    }
    CaptureWriter::append_end(file, connection, From::client, now);
    CaptureWriter::append_end(file, connection, From::broker, now);
    return file;
}

void expect_all_in_order(const Seen& seen) {
    ASSERT_EQ(seen.exchanges.size(), static_cast<std::size_t>(requests));
    EXPECT_EQ(seen.matched(), static_cast<std::size_t>(requests));
    for (int i = 0; i < requests; ++i) {
        const Exchange& exchange = seen.exchanges[static_cast<std::size_t>(i)];
        EXPECT_EQ(exchange.header.correlation_id, i);
        EXPECT_EQ(exchange.header.client_id, "tester");
        EXPECT_FALSE(exchange.error);
        for (const bool is_request : {true, false}) {
            const auto* schema = is_request ? protocol::request_schema(exchange.header.request_api_key)
                                            : protocol::response_schema(exchange.header.request_api_key);
            const auto message = schema->make();
            EXPECT_FALSE(decode(*schema, message.get(), exchange.header.request_api_version,
                                is_request ? exchange.request_body : exchange.response_body));
        }
    }
    EXPECT_EQ(seen.counts.connections, 1U);
    EXPECT_EQ(seen.counts.frames, 2U * requests);
    EXPECT_EQ(seen.counts.skipped_bytes, 0U);
}

TEST(Traffic, every_request_finds_its_answer) {
    const std::string file = long_conversation(true);
    for (const auto& ports : {std::vector<std::uint16_t>{9092}, std::vector<std::uint16_t>{}}) {
        const Seen seen = run(packets_of(file), ports);
        expect_all_in_order(seen);
        ASSERT_FALSE(seen.exchanges.empty());
        EXPECT_EQ(seen.exchanges[0].latency(), milliseconds(1));
    }
    EXPECT_EQ(run(packets_of(file), {1234}).exchanges.size(), 0U);
}

TEST(Traffic, packets_out_of_order_make_no_difference) {
    const std::string file = long_conversation(true);
    for (unsigned seed = 0; seed < 20; ++seed) {
        auto packets = packets_of(file);
        std::mt19937 random(seed);
        // Not the opening, which tells who the client is.
        for (std::size_t i = 3; i + 10 < packets.size(); i += 8) {
            const auto first = packets.begin() + static_cast<std::ptrdiff_t>(i);
            std::shuffle(first, first + 8, random);
        }
        expect_all_in_order(run(packets, {9092}));
    }
}

TEST(Traffic, packets_sent_again_make_no_difference) {
    const std::string file = long_conversation(true);
    auto packets = packets_of(file);
    std::vector<CapturedPacket> twice;
    std::mt19937 random(3);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        twice.push_back(packets[i]);
        if (i > 10 && i + 2 < packets.size()) twice.push_back(packets[i - random() % 8]);
    }
    expect_all_in_order(run(twice, {9092}));
}

/// As a sender does that puts what it sends again into larger packets.
TEST(Traffic, overlapping_packets_make_no_difference) {
    std::string file;
    CaptureWriter::append_header(file);
    auto connection = connection_from(4000);
    CaptureWriter::append_opening(file, connection, {});
    const std::string stream = metadata_request(1, "a") + metadata_request(2, "b");
    const auto first = connection;
    const auto piece = [&](std::size_t begin, std::size_t end) {
        auto at = first;
        at.client_sequence += static_cast<std::uint32_t>(begin);
        CaptureWriter::append_bytes(file, at, From::client, stream.substr(begin, end - begin), {});
    };
    piece(0, 10);
    piece(20, 40);
    piece(30, 50);
    piece(5, 25);
    piece(0, 45);
    piece(50, stream.size());
    CaptureWriter::append_bytes(file, connection, From::broker, metadata_response(1, "a") + metadata_response(2, "b"),
                                {});
    const Seen seen = run(packets_of(file), {9092});
    EXPECT_EQ(seen.matched(), 2U);
    EXPECT_EQ(seen.counts.skipped_bytes, 0U);
}

TEST(Traffic, goes_on_after_any_lost_packet) {
    const std::string file = long_conversation(true);
    const auto all = packets_of(file);
    for (std::size_t lost = 3; lost + 2 < all.size(); lost += 5) {
        auto packets = all;
        packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(lost));
        const Seen seen = run(packets, {9092});
        // One packet holds a piece of one frame, and a request without its answer is still one.
        EXPECT_GE(seen.matched(), requests - 2U) << "packet " << lost;
        for (const Exchange& exchange : seen.exchanges) {
            if (!exchange.request || !exchange.response) continue;
            EXPECT_EQ(exchange.request->begun + milliseconds(1), exchange.response->begun);
        }
    }
}

TEST(Traffic, a_capture_that_begins_in_the_middle_is_read_from_the_next_request_on) {
    const std::string file = long_conversation(true);
    const auto all = packets_of(file);
    for (const auto& ports : {std::vector<std::uint16_t>{9092}, std::vector<std::uint16_t>{}}) {
        for (std::size_t begin = 4; begin + 200 < all.size(); begin += 7) {
            const std::vector<CapturedPacket> packets(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end());
            const Seen seen = run(packets, ports);
            // What came before the cut is counted by the last request that began before it.
            ASSERT_FALSE(seen.exchanges.empty()) << begin;
            const auto first = std::find_if(seen.exchanges.begin(), seen.exchanges.end(),
                                            [](const Exchange& e) { return e.request && e.response; });
            ASSERT_NE(first, seen.exchanges.end()) << begin;
            const auto expected = static_cast<std::size_t>(requests - first->header.correlation_id);
            EXPECT_EQ(seen.matched(), expected) << begin;
        }
    }
}

TEST(Traffic, a_capture_with_short_packets_says_what_it_could_not_see) {
    const std::string file = long_conversation(true);
    auto packets = packets_of(file);
    for (auto& packet : packets) {
        packet.original_size = packet.data.size();
        packet.data = packet.data.substr(0, 400);
    }
    const Seen seen = run(packets, {9092});
    EXPECT_GT(seen.matched(), 10U);
    EXPECT_GT(seen.counts.skipped_bytes, 0U);
}

/// Bytes as they come: any split of a stream gives the same frames.
TEST(Conversation, is_the_same_byte_by_byte) {
    std::vector<Exchange> seen;
    Conversation conversation([&seen](Exchange&& e) { seen.push_back(std::move(e)); }, true);
    for (const char c : metadata_request(1, "a") + metadata_request(2, "b")) {
        conversation.client().bytes({&c, 1}, {});
    }
    for (const char c : metadata_response(1, "a") + metadata_response(2, "b")) {
        conversation.broker().bytes({&c, 1}, {});
    }
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[1].header.correlation_id, 2);
    EXPECT_EQ(conversation.skipped_bytes(), 0U);
}

struct Talk {
    std::vector<Exchange> seen;
    Conversation conversation{[this](Exchange&& e) { seen.push_back(std::move(e)); }, true};

    void client(const std::string& bytes) { conversation.client().bytes(bytes, {}); }
    void broker(const std::string& bytes) { conversation.broker().bytes(bytes, {}); }
};

TEST(Conversation, produce_without_acks_has_no_answer) {
    Talk talk;
    talk.client(produce_request(1, 0, 10) + produce_request(2, 1, 10));
    talk.broker(produce_response(2));
    ASSERT_EQ(talk.seen.size(), 2U);
    EXPECT_EQ(talk.seen[0].answer, Exchange::Answer::none_asked);
    EXPECT_EQ(talk.seen[1].answer, Exchange::Answer::came);
}

TEST(Conversation, a_request_that_stays_without_answer_comes_out_when_a_later_one_is_answered) {
    Talk talk;
    talk.client(metadata_request(1, "a") + metadata_request(2, "b") + metadata_request(3, "c"));
    talk.broker(metadata_response(2, "b"));
    ASSERT_EQ(talk.seen.size(), 2U);
    EXPECT_EQ(talk.seen[0].header.correlation_id, 1);
    EXPECT_EQ(talk.seen[0].answer, Exchange::Answer::missing);
    EXPECT_EQ(talk.seen[1].answer, Exchange::Answer::came);
    talk.conversation.finish();
    ASSERT_EQ(talk.seen.size(), 3U);
    EXPECT_EQ(talk.seen[2].header.correlation_id, 3);
    EXPECT_EQ(talk.seen[2].answer, Exchange::Answer::missing);
}

/// Scala's old clients number every request 0.
TEST(Conversation, correlation_ids_may_repeat) {
    Talk talk;
    talk.client(metadata_request(0, "a") + metadata_request(0, "b"));
    talk.broker(metadata_response(0, "a") + metadata_response(0, "b"));
    ASSERT_EQ(talk.seen.size(), 2U);
    protocol::MetadataResponse response;
    ASSERT_FALSE(decode(response, 5, talk.seen[1].response_body));
    EXPECT_EQ(response.topics.at(0).name, "b");
}

TEST(Conversation, an_answer_that_stands_before_its_request_is_still_its_answer) {
    Talk talk;
    talk.broker(metadata_response(4, "a"));
    talk.client(metadata_request(4, "a"));
    ASSERT_EQ(talk.seen.size(), 1U);
    EXPECT_EQ(talk.seen[0].answer, Exchange::Answer::came);
    EXPECT_TRUE(talk.seen[0].request);
}

TEST(Conversation, a_refused_apiversions_is_answered_in_version_0) {
    Talk talk;
    protocol::ApiVersionsRequest request;
    std::string frame;
    encode_request(request, 3, 9, "tester", frame);
    talk.client(frame);
    protocol::ApiVersionsResponse response;
    response.error_code = ErrorCode::unsupported_version;
    frame.clear();
    encode_response(response, 0, 9, frame);
    talk.broker(frame);
    ASSERT_EQ(talk.seen.size(), 1U);
    EXPECT_EQ(talk.seen[0].response_version, 0);
    EXPECT_FALSE(decode(response, 0, talk.seen[0].response_body));
}

TEST(Conversation, goes_on_after_bytes_that_are_no_frame) {
    Talk talk;
    talk.client(metadata_request(1, "a") + std::string(1000, '\xff') + metadata_request(2, "b"));
    talk.broker(metadata_response(1, "a") + "rubbish here" + metadata_response(2, "b"));
    ASSERT_EQ(talk.seen.size(), 2U);
    EXPECT_EQ(talk.seen[1].answer, Exchange::Answer::came);
    EXPECT_EQ(talk.conversation.skipped_bytes(), 1012U);
}

TEST(Conversation, requests_that_wait_take_no_more_than_so_many_bytes) {
    Talk talk;
    constexpr std::size_t each = 20U << 20;
    for (int i = 1; i <= 5; ++i) talk.client(produce_request(i, 1, each));
    ASSERT_EQ(talk.seen.size(), 2U) << "three of 20 MB may wait";
    EXPECT_EQ(talk.seen[0].answer, Exchange::Answer::missing);
    EXPECT_EQ(talk.seen[1].header.correlation_id, 2);
    talk.broker(produce_response(4));
    ASSERT_EQ(talk.seen.size(), 4U);
    EXPECT_EQ(talk.seen[3].answer, Exchange::Answer::came);
    talk.client(produce_request(6, 1, Conversation::waiting_bytes_max + 1));
    ASSERT_EQ(talk.seen.size(), 5U);
    talk.broker(produce_response(6));
    ASSERT_EQ(talk.seen.size(), 6U);
    EXPECT_EQ(talk.seen[5].answer, Exchange::Answer::came) << "the last one always waits";
}

/// Of a connection that is one of TLS from its middle on nothing is waited for.
TEST(Conversation, the_beginning_of_tls_is_no_size_of_a_frame) {
    Talk talk;
    talk.client(std::string("\x16\x03\x01\x02\x00", 5) + std::string(500, 'x'));
    EXPECT_GT(talk.conversation.skipped_bytes(), 400U);
}

/// A ZooKeeper client's first packet, read as a request: Produce 0 with an empty client id.
TEST(Traffic, connections_of_others_are_left_out) {
    std::string file;
    CaptureWriter::append_header(file);
    auto zookeeper = connection_from(5000);
    zookeeper.broker.port = 2181;
    CaptureWriter::append_opening(file, zookeeper, {});
    CaptureWriter::append_bytes(
        file, zookeeper, From::client,
        std::string("\0\0\0\x2d", 4) + std::string(14, '\0') + "\x75\x30" + std::string(29, '\0'), {});
    auto tls = connection_from(5001);
    CaptureWriter::append_opening(file, tls, {});
    CaptureWriter::append_bytes(file, tls, From::client, "\x16\x03\x01\x02" + std::string(500, 'x'), {});
    const Seen seen = run(packets_of(file), {});
    EXPECT_EQ(seen.exchanges.size(), 0U);
    EXPECT_EQ(seen.counts.other_connections, 2U);
    EXPECT_EQ(seen.counts.tls_connections, 1U);
}

TEST(Traffic, a_port_used_again_is_a_new_connection) {
    std::string file;
    CaptureWriter::append_header(file);
    for (const std::int32_t id : {1, 2}) {
        auto connection = connection_from(4000);
        connection.client_sequence = 1000U * static_cast<unsigned>(id);
        CaptureWriter::append_opening(file, connection, {});
        CaptureWriter::append_bytes(file, connection, From::client, metadata_request(id, "a"), {});
        CaptureWriter::append_bytes(file, connection, From::broker, metadata_response(id, "a"), {});
    }
    const Seen seen = run(packets_of(file), {9092});
    EXPECT_EQ(seen.matched(), 2U);
    EXPECT_EQ(seen.counts.connections, 2U);
}

TEST(MessageWalk, finds_errors_and_topics_and_changes_errors) {
    protocol::MetadataResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = "clicks";
    topic.topic_id.bytes[0] = 9;
    topic.error_code = ErrorCode::leader_not_available;
    topic.partitions.emplace_back().error_code = ErrorCode::leader_not_available;
    const auto& schema = protocol::schema_of<protocol::MetadataResponse>();
    EXPECT_THAT(errors_in(schema, &response), ElementsAre(ErrorCode::leader_not_available));
    EXPECT_THAT(topics_in(schema, &response), ElementsAre("clicks"));
    std::map<Uuid, std::string> names;
    learn_topic_ids(schema, &response, names);
    EXPECT_EQ(names.at(topic.topic_id), "clicks");

    protocol::MetadataRequest request;
    request.topics->emplace_back().topic_id = topic.topic_id;
    EXPECT_THAT(topics_in(protocol::schema_of<protocol::MetadataRequest>(), &request, names), ElementsAre("clicks"));
    set_errors(schema, &response, 5, ErrorCode::not_controller);
    EXPECT_THAT(errors_in(schema, &response), ElementsAre(ErrorCode::not_controller));
}

/// Of what a connection held nothing stays when it has ended, whether it was Kafka's or not.
TEST(Traffic, the_memory_of_connections_that_ended_is_free) {
    constexpr std::uint16_t connections = 200;
    std::string kafka;
    std::string other;
    CaptureWriter::append_header(kafka);
    CaptureWriter::append_header(other);
    for (std::uint16_t port = 1; port <= connections; ++port) {
        auto connection = connection_from(port);
        CaptureWriter::append_opening(kafka, connection, {});
        const std::string request = produce_request(1, -1, 60'000);
        // The answer never comes, and of the second request half is there.
        CaptureWriter::append_bytes(kafka, connection, From::client, request + request.substr(0, 30'000), {});
        CaptureWriter::append_end(kafka, connection, From::client, {});
        CaptureWriter::append_end(kafka, connection, From::broker, {});

        auto unread = connection_from(static_cast<std::uint16_t>(port + connections));
        CaptureWriter::append_opening(other, unread, {});
        unread.client_sequence += 1;  // a gap: what follows would be kept until it closes
        CaptureWriter::append_bytes(other, unread, From::client, "\x16\x03" + std::string(60'000, 'x'), {});
    }
    for (const auto& [file, ports] : {std::pair(kafka, std::vector<std::uint16_t>{9092}), {other, {}}}) {
        const auto packets = packets_of(file);
        Traffic traffic(ports, [](const TcpEnd&, const TcpEnd&, Exchange&&) {});
        const auto in_use = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
        const std::int64_t before = in_use();
        for (const CapturedPacket& packet : packets) traffic.packet(packet);
        // A sanitizer's allocator tells nothing, and then there is nothing to see here.
        EXPECT_LT(in_use() - before, connections * 1000);
        traffic.finish();
    }
}

}  // namespace
}  // namespace kwire
