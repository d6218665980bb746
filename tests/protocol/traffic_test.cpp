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

TEST(Conversation, metadata_1_is_answered_in_version_0_by_the_oldest_brokers) {
    for (const std::int16_t answered : {0, 1}) {
        Talk talk;
        std::string frame;
        encode_request(protocol::MetadataRequest{}, 1, 9, "tester", frame);
        talk.client(frame);
        protocol::MetadataResponse response;
        response.brokers.push_back({.node_id = 1, .host = "b1", .port = 9092});
        response.topics.emplace_back().name = "t";
        frame.clear();
        encode_response(response, answered, 9, frame);
        talk.broker(frame);
        ASSERT_EQ(talk.seen.size(), 1U);
        EXPECT_EQ(talk.seen[0].response_version, answered);
        EXPECT_FALSE(decode(response, answered, talk.seen[0].response_body));
    }
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

std::string sized(const std::string& content) {
    const auto size = static_cast<std::uint32_t>(content.size());
    std::string frame;
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(size >> shift & 0xff);
    return frame + content;
}

/// By name, for messages that have no header of their own.
std::string frame_of(const char* message, std::int16_t version, std::int32_t id) {
    const protocol::Schema* const schema = protocol::find_message(message);
    const auto value = schema->make();
    std::string frame;
    if (std::string_view(message).ends_with("Request")) {
        encode_request(*schema, value.get(), version, id, "tester", frame);
    } else {
        encode_response(*schema, value.get(), version, id, frame);
    }
    return frame;
}

/// After SaslHandshake 0 tokens are bare, and the answer to one of PLAIN is empty.
TEST(Conversation, bare_tokens_of_sasl_may_be_empty_or_short_and_begin_like_anything) {
    using namespace std::string_literals;
    const std::vector<std::vector<std::pair<std::string, std::string>>> exchanges{
        {{"\0alice\0secret"s, ""}},                                                     // PLAIN
        {{"\0Admin\0secret"s, ""}},                                                     // begins like API 65
        {{"n,,n=alice,r=abc", "r=abcdef,s=QQ==,i=4096"}, {"c=biws,r=abcdef,p=x", "v="}},  // SCRAM
        {{"", "\1"s}, {"a", "bc"}, {"", ""}},
    };
    for (const auto& tokens : exchanges) {
        Talk talk;
        talk.client(frame_of("SaslHandshakeRequest", 0, 2));
        talk.broker(frame_of("SaslHandshakeResponse", 0, 2));
        for (const auto& [asked, answered] : tokens) {
            talk.client(sized(asked));
            talk.broker(sized(answered));
        }
        talk.client(metadata_request(3, "a"));
        talk.broker(metadata_response(3, "a"));
        ASSERT_EQ(talk.seen.size(), tokens.size() + 2);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            EXPECT_TRUE(talk.seen[i + 1].is_sasl_token);
            EXPECT_EQ(talk.seen[i + 1].answer, Exchange::Answer::came);
            EXPECT_EQ(talk.seen[i + 1].request->bytes.view(), tokens[i].first);
            EXPECT_EQ(talk.seen[i + 1].response->bytes.view(), tokens[i].second);
        }
        EXPECT_EQ(talk.seen.back().header.correlation_id, 3);
        EXPECT_EQ(talk.seen.back().answer, Exchange::Answer::came);
        EXPECT_EQ(talk.conversation.skipped_bytes(), 0U);
    }
}

/// GSSAPI ends with a token of the client, to which the broker says nothing.
TEST(Conversation, a_token_without_an_answer_does_not_take_that_of_the_next_request) {
    Talk talk;
    talk.client(frame_of("SaslHandshakeRequest", 0, 2));
    talk.broker(frame_of("SaslHandshakeResponse", 0, 2));
    talk.client(sized("\x60\x82\x01\x02"));
    talk.broker(sized("\x60\x81\x01\x02"));
    talk.client(sized("\x05\x04\x04\xff the last"));
    talk.client(metadata_request(3, "a"));
    talk.broker(metadata_response(3, "a"));
    ASSERT_EQ(talk.seen.size(), 4U);
    EXPECT_EQ(talk.seen[1].answer, Exchange::Answer::came);
    EXPECT_EQ(talk.seen[2].answer, Exchange::Answer::none_asked);
    EXPECT_EQ(talk.seen[3].answer, Exchange::Answer::came);
    EXPECT_EQ(talk.conversation.skipped_bytes(), 0U);
}

TEST(Conversation, an_empty_answer_may_stand_before_its_token_or_behind_the_next_request) {
    for (const bool early : {true, false}) {
        Talk talk;
        talk.client(frame_of("SaslHandshakeRequest", 0, 2));
        talk.broker(frame_of("SaslHandshakeResponse", 0, 2));
        if (early) talk.broker(sized(""));
        talk.client(sized(std::string("\0a\0b", 4)));
        talk.client(metadata_request(3, "a"));
        if (!early) talk.broker(sized(""));
        talk.broker(metadata_response(3, "a"));
        ASSERT_EQ(talk.seen.size(), 3U);
        for (const Exchange& exchange : talk.seen) EXPECT_EQ(exchange.answer, Exchange::Answer::came);
        EXPECT_EQ(talk.conversation.skipped_bytes(), 0U);
    }
}

TEST(Conversation, an_unknown_api_is_a_request_with_its_answer_and_no_gap) {
    Talk talk;
    // Without tagged fields, which a header of this kind would have, and with a client id and some.
    for (const std::string& request : {std::string("\x27\x0f\0\0\0\0\0\x09\xff\xff" "abc", 13),
                                       std::string("\x27\x0f\0\0\0\0\0\x0a\0\1a\0xyz", 15)}) {
        talk.client(sized(request));
    }
    talk.client(metadata_request(11, "a"));
    talk.broker(sized(std::string("\0\0\0\x09xyz", 7)) + sized(std::string("\0\0\0\x0a\0xyz", 8)));
    talk.broker(metadata_response(11, "a"));
    ASSERT_EQ(talk.seen.size(), 3U);
    for (const Exchange& exchange : talk.seen) {
        EXPECT_EQ(exchange.answer, Exchange::Answer::came);
        EXPECT_FALSE(exchange.error);
    }
    EXPECT_EQ(talk.seen[0].request_body.view(), "abc");
    EXPECT_EQ(talk.seen[0].response_body.view(), "xyz");
    EXPECT_EQ(talk.seen[1].header.client_id, "a");
    EXPECT_EQ(talk.seen[1].request_body.view(), "xyz");
    EXPECT_EQ(talk.seen[1].response_body.view(), "xyz");
    EXPECT_EQ(talk.conversation.skipped_bytes(), 0U);
}

/// A capture of one connection: what is said in turns, the packets as pieces that can be moved.
std::string said(const std::vector<std::pair<From, std::string>>& parts, bool with_opening = true) {
    std::string file;
    CaptureWriter::append_header(file);
    auto connection = connection_from(4000);
    if (with_opening) CaptureWriter::append_opening(file, connection, {});
    milliseconds now{1};
    for (const auto& [from, bytes] : parts) CaptureWriter::append_bytes(file, connection, from, bytes, now++);
    return file;
}

TEST(Traffic, versions_newer_than_kwire_are_requests_too) {
    std::string asked = frame_of("ApiVersionsRequest", 3, 1);
    asked[7] = 9;
    protocol::ApiVersionsResponse refusal;
    refusal.error_code = ErrorCode::unsupported_version;
    std::string refused;
    encode_response(refusal, 0, 1, refused);
    std::string newer = metadata_request(2, "a");
    newer[7] = 20;
    const std::string file = said({{From::client, asked},
                                   {From::broker, refused},
                                   {From::client, newer},
                                   {From::broker, metadata_response(2, "a")},
                                   {From::client, metadata_request(3, "a")},
                                   {From::broker, metadata_response(3, "a")}});
    for (const auto& ports : {std::vector<std::uint16_t>{9092}, std::vector<std::uint16_t>{}}) {
        const Seen seen = run(packets_of(file), ports);
        ASSERT_EQ(seen.matched(), 3U);
        EXPECT_EQ(seen.exchanges[0].header.request_api_key, ApiKey::api_versions);
        EXPECT_EQ(seen.exchanges[0].response_version, 0);
        EXPECT_EQ(seen.exchanges[1].header.request_api_version, 20);
        EXPECT_EQ(seen.counts.skipped_bytes, 0U);
    }
}

TEST(Traffic, an_answer_before_its_request_in_the_file_is_found_with_and_without_ports) {
    const std::string file = said({{From::client, metadata_request(1, "a")},
                                   {From::broker, metadata_response(1, "a")},
                                   {From::client, metadata_request(2, "b")},
                                   {From::broker, metadata_response(2, "b")}});
    for (const std::size_t moved : {4U, 6U}) {
        for (const bool has_opening : {true, false}) {
            for (const auto& ports : {std::vector<std::uint16_t>{9092}, std::vector<std::uint16_t>{}}) {
                auto packets = packets_of(file);
                ASSERT_GT(packets.size(), moved);
                std::swap(packets[moved - 1], packets[moved]);
                if (!has_opening) packets.erase(packets.begin(), packets.begin() + 3);
                const Seen seen = run(packets, ports);
                EXPECT_EQ(seen.matched(), 2U) << moved << has_opening << ports.size();
                EXPECT_EQ(seen.counts.skipped_bytes, 0U);
                for (const Exchange& exchange : seen.exchanges) EXPECT_GE(exchange.latency(), milliseconds(0));
            }
        }
    }
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

/// Scala's clients number every request 0, so that only what it acknowledges says whose an answer is.
TEST(Traffic, an_answer_from_before_the_capture_is_not_that_of_its_first_request) {
    const std::string file = said({{From::client, metadata_request(0, "before")},
                                   {From::broker, metadata_response(0, "before")},
                                   {From::client, metadata_request(0, "a")},
                                   {From::broker, metadata_response(0, "a")}});
    for (const auto& ports : {std::vector<std::uint16_t>{9092}, std::vector<std::uint16_t>{}}) {
        auto packets = packets_of(file);
        packets.erase(packets.begin(), packets.begin() + 4);
        const Seen seen = run(packets, ports);
        ASSERT_EQ(seen.matched(), 1U);
        protocol::MetadataResponse response;
        ASSERT_FALSE(decode(response, 5, seen.exchanges.at(0).response_body));
        EXPECT_EQ(response.topics.at(0).name, "a");
    }
}

/// Packets of connections that never show a request.
TEST(Traffic, what_is_held_of_connections_without_a_beginning_is_bounded) {
    const auto in_use = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
    Traffic traffic({}, [](const TcpEnd&, const TcpEnd&, Exchange&&) {});
    const std::int64_t before = in_use();
    for (std::uint16_t port = 1; port <= 2000; ++port) {
        std::string file;
        CaptureWriter::append_header(file);
        auto connection = connection_from(port);
        for (int i = 0; i < 10; ++i) {
            CaptureWriter::append_bytes(file, connection, From::broker, std::string(1400, 'x'), {});
        }
        for (const CapturedPacket& packet : packets_of(file)) traffic.packet(packet);
    }
    EXPECT_LT(in_use() - before, 24 << 20);
    traffic.finish();
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
