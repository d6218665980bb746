#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <kwire/protocol/fetch.h>
#include <kwire/protocol/find_coordinator.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/message_walk.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/offset_commit.h>
#include <kwire/protocol/offset_fetch.h>
#include <kwire/protocol/produce.h>

#include "command_line.h"
#include "proxy_answers.h"
#include "proxy_frames.h"
#include "proxy_rules.h"

namespace kwire::tools {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Action = ProxyRule::Action;

TEST(ProxyRules, are_read_with_all_their_parts) {
    const auto rules = parse_rules(
        "# nothing here\n\n"
        "OffsetCommit topic=clicks client=billing after=2 count=3 every=4 error NOT_COORDINATOR\r\n"
        "  fetch   delay 300ms  # slow\n"
        "* cut\nProduce cut-answer\nMetadata drop\nFetch corrupt\nFetch trickle 1000\n* hang\n* reset");
    ASSERT_EQ(rules.size(), 9U);
    EXPECT_EQ(rules[0].api, ApiKey::offset_commit);
    EXPECT_EQ(rules[0].topic, "clicks");
    EXPECT_EQ(rules[0].client_id, "billing");
    EXPECT_EQ(rules[0].after, 2U);
    EXPECT_EQ(rules[0].count, 3U);
    EXPECT_EQ(rules[0].every, 4U);
    EXPECT_EQ(rules[0].action, Action::error);
    EXPECT_EQ(rules[0].error, ErrorCode::not_coordinator);
    EXPECT_EQ(rules[1].delay, std::chrono::milliseconds(300));
    EXPECT_EQ(rules[1].text, "  fetch   delay 300ms");
    EXPECT_EQ(rules[2].api, std::nullopt);
    EXPECT_EQ(rules[2].action, Action::cut);
    EXPECT_EQ(rules[3].action, Action::cut_answer);
    EXPECT_EQ(rules[4].action, Action::drop);
    EXPECT_EQ(rules[5].action, Action::corrupt);
    EXPECT_EQ(rules[6].action, Action::trickle);
    EXPECT_EQ(rules[6].bytes_per_second, 1000U);
    EXPECT_EQ(rules[7].action, Action::hang);
    EXPECT_EQ(rules[8].action, Action::reset);
}

TEST(ProxyRules, say_what_is_wrong_in_them) {
    const std::pair<const char*, const char*> wrong[] = {
        {"Fetch", "is to be an API (or *) and what is done"},
        {"Fetched drop", "`Fetched`, which is no API"},
        {"Fetch topic=a", "says not what is done"},
        {"Fetch color=red drop", "the condition `color`"},
        {"Fetch count=0 drop", "a number from 1 on"},
        {"Fetch explode", "does `explode`"},
        {"Fetch error", "an error's name"},
        {"Fetch error NONE", "`NONE`, which Kafka does not have"},
        {"Fetch error BAD_LUCK", "`BAD_LUCK`, which Kafka does not have"},
        {"Fetch delay soon", "no time such as 300ms"},
        {"Fetch trickle 0", "a number from 1 on"},
        {"Fetch drop it", "is to end with `drop`"},
    };
    for (const auto& [line, why] : wrong) {
        try {
            parse_rule(line);
            ADD_FAILURE() << line;
        } catch (const UsageError& error) {
            EXPECT_THAT(error.what(), HasSubstr(why));
            EXPECT_THAT(error.what(), HasSubstr(line));
        }
    }
}

TEST(ProxyRules, count_what_they_are_for) {
    ProxyRules rules(parse_rules("Fetch topic=a after=1 count=2 every=2 drop\nFetch client=c cut"));
    EXPECT_TRUE(rules.concerns(ApiKey::fetch));
    EXPECT_FALSE(rules.concerns(ApiKey::produce));
    std::string done;
    for (int i = 0; i < 9; ++i) {
        const ProxyRule* rule = rules.apply({ApiKey::fetch, "x", {"b", "a"}});
        done += rule ? 'd' : '-';
    }
    EXPECT_EQ(done, "--d-d----");
    EXPECT_EQ(rules.apply({ApiKey::fetch, "x", {"b"}}), nullptr);
    ASSERT_NE(rules.apply({ApiKey::fetch, "c", {}}), nullptr);
    EXPECT_EQ(rules.apply({ApiKey::fetch, "c", {}})->action, Action::cut);
    EXPECT_EQ(rules.apply({ApiKey::produce, "c", {"a"}}), nullptr);
}

std::string frame_of(std::size_t size, char content) {
    std::string frame("\0\0", 2);
    frame += static_cast<char>(size >> 8 & 0xff);
    frame += static_cast<char>(size & 0xff);
    return frame + std::string(size, content);
}

TEST(FrameCutter, passes_or_hands_out_frames_however_they_come) {
    std::string stream;
    std::vector<std::string> wanted;
    for (const std::size_t size : {8U, 9U, 2000U, 3U, 20U, 0U, 50U}) {
        const bool odd = size % 2 == 1;
        const std::string frame = frame_of(size, odd ? 'o' : 'e');
        stream += frame;
        if (odd && size >= 4) wanted.push_back(frame);
    }
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        FrameCutter cutter(8, [](std::string_view head) { return head[4] == 'o'; });
        std::string all;
        std::vector<std::string> whole;
        int ends = 0;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t size = 1 + random() % (seed < 100 ? 7 : 900);
            std::string_view data = std::string_view(stream).substr(at, size);
            at += size;
            FrameCutter::Piece piece;
            while (cutter.next(data, piece)) {
                all += piece.bytes;
                if (piece.whole) whole.emplace_back(piece.bytes);
                if (piece.ends_frame) ++ends;
            }
        }
        EXPECT_EQ(all, stream);
        EXPECT_EQ(whole, wanted);
        EXPECT_EQ(ends, 7);
    }
}

TEST(FrameCutter, lets_pass_what_is_no_frame) {
    FrameCutter cutter(8, [](std::string_view) { return true; });
    const std::string tls = "\x16\x03\x01 hello, this is not Kafka";
    std::string all;
    for (const char& c : tls) {
        std::string_view data(&c, 1);
        FrameCutter::Piece piece;
        while (cutter.next(data, piece)) all += piece.bytes;
    }
    EXPECT_EQ(all, tls);
}

template <class M>
Bytes body_of(const M& message, std::int16_t version) {
    std::string bytes;
    EXPECT_FALSE(encode(message, version, bytes));
    return Bytes::own(bytes);
}

template <class M>
M answer_in(const std::optional<std::string>& frame, std::int16_t version, std::int32_t id) {
    M answer;
    EXPECT_TRUE(frame);
    if (!frame) return answer;
    EXPECT_EQ(frame_size(frame->data()) + 4, static_cast<std::int32_t>(frame->size()));
    ResponseFrame response;
    const auto header = response_header_version(M::api_key, version);
    EXPECT_FALSE(decode_response_header(Bytes::own(frame->substr(4)), header, response));
    EXPECT_EQ(response.header.correlation_id, id);
    EXPECT_FALSE(decode(answer, version, response.body));
    return answer;
}

TEST(FailingAnswer, names_what_was_asked_for) {
    OffsetCommitRequest commit;
    auto& topic = commit.topics.emplace_back();
    topic.name = "clicks";
    topic.partitions.emplace_back().partition_index = 7;
    const RequestId id{ApiKey::offset_commit, 8, 99};
    const auto committed = answer_in<OffsetCommitResponse>(
        failing_answer(id, body_of(commit, 8), ErrorCode::not_coordinator), 8, 99);
    ASSERT_EQ(committed.topics.size(), 1U);
    EXPECT_EQ(committed.topics[0].name, "clicks");
    ASSERT_EQ(committed.topics[0].partitions.size(), 1U);
    EXPECT_EQ(committed.topics[0].partitions[0].partition_index, 7);
    EXPECT_EQ(committed.topics[0].partitions[0].error_code, ErrorCode::not_coordinator);

    FetchRequest fetch;
    auto& fetched = fetch.topics.emplace_back();
    fetched.topic = "clicks";
    fetched.partitions.emplace_back().partition = 3;
    const auto answer =
        answer_in<FetchResponse>(failing_answer({ApiKey::fetch, 11, 5}, body_of(fetch, 11),
                                                ErrorCode::not_leader_or_follower),
                                 11, 5);
    EXPECT_EQ(answer.error_code, ErrorCode::not_leader_or_follower);
    ASSERT_EQ(answer.responses.size(), 1U);
    EXPECT_EQ(answer.responses[0].topic, "clicks");
    EXPECT_EQ(answer.responses[0].partitions.at(0).partition_index, 3);
    EXPECT_EQ(answer.responses[0].partitions.at(0).error_code, ErrorCode::not_leader_or_follower);

    FindCoordinatorRequest find;
    find.coordinator_keys = {"g1", "g2"};
    const auto found = answer_in<FindCoordinatorResponse>(
        failing_answer({ApiKey::find_coordinator, 4, 1}, body_of(find, 4),
                       ErrorCode::coordinator_not_available),
        4, 1);
    ASSERT_EQ(found.coordinators.size(), 2U);
    EXPECT_EQ(found.coordinators[1].key, "g2");
    EXPECT_EQ(found.coordinators[1].error_code, ErrorCode::coordinator_not_available);
}

TEST(FailingAnswer, can_be_made_for_every_request) {
    for (const Schema* schema : all_messages()) {
        if (!schema->api_key || request_schema(*schema->api_key) != schema) continue;
        const Schema* const answered = response_schema(*schema->api_key);
        ASSERT_TRUE(answered) << schema->name;
        for (auto version = schema->versions.lowest; version <= schema->versions.highest;
             ++version) {
            std::string body;
            if (encode(*schema, schema->make().get(), version, body)) continue;
            const auto frame = failing_answer({*schema->api_key, version, 4}, Bytes::own(body),
                                              ErrorCode::not_controller);
            ASSERT_TRUE(frame) << schema->name << ' ' << version;
        }
    }
}

TEST(FailingAnswer, a_produce_without_acks_has_none) {
    ProduceRequest produce;
    produce.acks = 0;
    EXPECT_FALSE(is_answered({ApiKey::produce, 7, 1}, body_of(produce, 7)));
    produce.acks = 1;
    EXPECT_TRUE(is_answered({ApiKey::produce, 7, 1}, body_of(produce, 7)));
    EXPECT_TRUE(is_answered({ApiKey::fetch, 7, 1}, {}));
}

class Rewriting : public testing::Test {
 protected:
    template <class M>
    M rewritten(const M& answer, std::int16_t version) {
        std::string frame;
        EXPECT_FALSE(encode_response(answer, version, 42, frame));
        return answer_in<M>(changes_.rewritten({M::api_key, version, 42}, frame), version, 42);
    }

    std::vector<std::string> asked_;
    std::vector<std::string> told_;
    AnswerChanges changes_{[this](const HostPort& broker) {
                               asked_.push_back(broker.to_string());
                               return HostPort{"proxy", 7000};
                           },
                           [this](const std::string& sentence) { told_.push_back(sentence); }};
};

TEST_F(Rewriting, metadata_at_every_version) {
    MetadataResponse answer;
    answer.topics.emplace_back().name = "clicks";
    auto& broker = answer.brokers.emplace_back();
    broker.node_id = 3;
    broker.host = "broker.example";
    broker.port = 9092;
    for (auto version = MetadataResponse::versions.lowest;
         version <= MetadataResponse::versions.highest; ++version) {
        const auto changed = rewritten(answer, version);
        ASSERT_EQ(changed.brokers.size(), 1U) << version;
        EXPECT_EQ(changed.brokers[0].host, "proxy");
        EXPECT_EQ(changed.brokers[0].port, 7000);
        EXPECT_EQ(changed.brokers[0].node_id, 3);
        EXPECT_EQ(changed.topics.at(0).name, "clicks");
    }
    EXPECT_EQ(asked_.front(), "broker.example:9092");
}

TEST_F(Rewriting, coordinators_and_new_leaders) {
    FindCoordinatorResponse old;
    old.host = "a";
    old.port = 1;
    EXPECT_EQ(rewritten(old, 1).host, "proxy");
    FindCoordinatorResponse found;
    found.coordinators.emplace_back().host = "b";
    found.coordinators.emplace_back().error_code = ErrorCode::coordinator_not_available;
    const auto changed = rewritten(found, 4);
    EXPECT_EQ(changed.coordinators.at(0).host, "proxy");
    EXPECT_EQ(changed.coordinators.at(1).host, "") << "there is none";
    FetchResponse fetched;
    auto& endpoint = fetched.node_endpoints.emplace_back();
    endpoint.host = "c";
    endpoint.port = 5;
    EXPECT_EQ(rewritten(fetched, 16).node_endpoints.at(0).host, "proxy");
    EXPECT_THAT(asked_, ElementsAre("a:1", "b:0", "c:5"));
}

TEST_F(Rewriting, leaves_alone_what_names_no_broker_and_tells_of_what_it_cannot_read) {
    const std::string frame = frame_of(30, 'x');
    EXPECT_EQ(changes_.rewritten({ApiKey::heartbeat, 0, 1}, frame), frame);
    EXPECT_THAT(told_, IsEmpty());
    EXPECT_EQ(changes_.rewritten({ApiKey::metadata, 99, 1}, frame), frame);
    EXPECT_EQ(changes_.rewritten({ApiKey::metadata, 99, 1}, frame), frame);
    EXPECT_THAT(told_, ElementsAre(HasSubstr("Metadata v99 cannot be read")));
}

TEST_F(Rewriting, learns_topic_ids_for_the_rules) {
    MetadataResponse answer;
    auto& topic = answer.topics.emplace_back();
    topic.name = "clicks";
    topic.topic_id.bytes[3] = 1;
    rewritten(answer, 12);
    FetchRequest fetch;
    fetch.topics.emplace_back().topic_id = topic.topic_id;
    EXPECT_THAT(changes_.topics_of({ApiKey::fetch, 13, 1}, body_of(fetch, 13)),
                ElementsAre("clicks"));
}

TEST(Corrupt, flips_one_bit_behind_the_header) {
    std::string frame = frame_of(40, 'x');
    const std::string before = frame;
    corrupt(frame);
    int different = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) different += frame[i] != before[i];
    EXPECT_EQ(different, 1);
    EXPECT_EQ(frame.substr(0, 8), before.substr(0, 8));
}

}  // namespace
}  // namespace kwire::tools
