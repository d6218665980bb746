// What `decode` and `encode` make of a frame and of a line, and whom `apis` takes a broker for.
#include "frame_text.h"

#include <cstdio>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kwire/protocol/messages.h>

#include "release_guess.h"

namespace kwire::tools {
namespace {

using protocol::RecordsAs;
using testing::HasSubstr;
using testing::StartsWith;

std::string decoded(const std::string& line, bool header = false) {
    FrameDecoder decoder(header, RecordsAs::base64);
    std::string out;
    const bool sound = decoder.append_line(out, line);
    EXPECT_EQ(sound, !out.starts_with("{\"error\"")) << out;
    EXPECT_EQ(out.find('\n'), out.size() - 1) << out;
    out.pop_back();
    return out;
}

std::string encoded(const std::string& line, std::optional<EncodedHeader> header = {}) {
    const FrameEncoder encoder(std::move(header));
    std::string out;
    const bool sound = encoder.append_line(out, line);
    EXPECT_EQ(sound, !out.starts_with("{\"error\"")) << out;
    EXPECT_EQ(out.find('\n'), out.size() - 1) << out;
    out.pop_back();
    return out;
}

/// Among these are messages with tagged fields that kwire does not know.
TEST(FrameText, every_golden_message_comes_back_the_same) {
    std::ifstream file(KWIRE_ORACLE_DATA "/messages.txt");
    std::size_t messages = 0;
    std::size_t with_unknown_tags = 0;
    for (std::string line; std::getline(file, line); ++messages) {
        const auto name_end = line.find(' ');
        const auto version_end = line.find(' ', name_end + 1);
        const auto hex_end = line.find(' ', version_end + 1);
        const std::string which = line.substr(0, version_end);
        const std::string hex = line.substr(version_end + 1, hex_end - version_end - 1);
        const std::string json = decoded(line.substr(0, hex_end));
        with_unknown_tags += json.find("\"unknownTaggedFields\"") != std::string::npos ? 1 : 0;
        EXPECT_EQ(encoded(which + ' ' + json), hex) << which << ' ' << json;
    }
    EXPECT_GT(messages, 2'000U);
    EXPECT_GT(with_unknown_tags, 300U);
}

TEST(FrameText, a_header_before_every_request_and_response) {
    const EncodedHeader header{7, "tester"};
    for (const protocol::Schema* schema : protocol::all_messages()) {
        if (!schema->api_key) continue;
        for (auto v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
            const std::string which = std::string(schema->name) + ' ' + std::to_string(v) + ' ';
            const std::string plain = encoded(which + "{}");
            if (plain.starts_with("{\"error\"")) continue;  // the defaults are not for this version
            const std::string frame = encoded(which + "{}", header);
            const std::string json = decoded(which + frame, true);
            EXPECT_THAT(json, StartsWith("{\"header\":{")) << which;
            EXPECT_THAT(json, HasSubstr(":7")) << which;
            const auto body = json.find(",\"body\":");
            ASSERT_NE(body, std::string::npos) << which << json;
            const std::string inner = json.substr(body + 8, json.size() - body - 9);
            EXPECT_EQ(encoded(which + inner), plain) << which << json;
        }
    }
}

TEST(FrameText, what_a_header_shows_is_encoded_again) {
    const EncodedHeader other{7, "other"};
    const std::string asked = encoded("MetadataRequest 12 {}");
    // Correlation id 9, client id "me", an unknown tagged field 99 of two bytes.
    const std::string request = "0003000c0000000900026d65016302abcd" + asked;
    const std::string json = decoded(request, true);
    EXPECT_THAT(json, HasSubstr(R"("unknownTaggedFields":[{"path":"RequestHeader","tag":99,"data":"q80="}])"));
    EXPECT_EQ(encoded("MetadataRequest 12 " + json, other), request);
    const std::string answer = "00000009016301ff" + encoded("MetadataResponse 12 {}");
    EXPECT_EQ(encoded("MetadataResponse 12 " + decoded("MetadataResponse 12 " + answer, true), other), answer);

    EXPECT_THAT(encoded("MetadataRequest 11 " + json, other), HasSubstr("another API or version"));
    EXPECT_THAT(encoded("FetchRequest 12 " + json, other), HasSubstr("\"error\""));
    EXPECT_THAT(encoded(R"(MetadataRequest 12 {"header":{"correlation":1},"body":{}})", other),
                HasSubstr("RequestHeader.correlation"));
    EXPECT_EQ(encoded(R"(MetadataRequest 12 {"header":{},"body":{}})", other),
              encoded("MetadataRequest 12 {}", other));
    // No version that is not flexible has a place for one.
    EXPECT_THAT(encoded(R"(MetadataRequest 5 {"header":{"unknownTaggedFields":[{"path":"RequestHeader","tag":9,)"
                        R"("data":""}]},"body":{}})",
                        other),
                HasSubstr("has no room"));
}

TEST(FrameText, a_request_with_its_header_says_itself_what_it_is) {
    const std::string frame = encoded("MetadataRequest 5 {}", EncodedHeader{1, "me"});
    EXPECT_EQ(decoded(frame, true), decoded("MetadataRequest 5 " + frame, true));
    EXPECT_THAT(decoded("FetchRequest 5 " + frame, true), HasSubstr("is a request of Metadata"));
}

TEST(FrameText, what_a_line_can_have_wrong_is_told) {
    const std::string form = R"({"error":"is not `Message version hex`","path":"line","offset":0})";
    EXPECT_EQ(decoded(""), form);
    EXPECT_EQ(decoded("MetadataRequest"), form);
    EXPECT_EQ(decoded("MetadataRequest five 00"), form);
    const std::string frame = encoded("MetadataRequest 5 {}", EncodedHeader{1, "me"});
    EXPECT_EQ(decoded(" 5 " + frame), form) << "without --header none is looked for";
    EXPECT_EQ(decoded(" 5 " + frame, true), form);
    EXPECT_THAT(decoded("Metadata 5 00"), HasSubstr("MetadataRequest and MetadataResponse"));
    EXPECT_THAT(decoded("Nothing 5 00"), HasSubstr("is no message that kwire knows"));
    EXPECT_THAT(decoded("MetadataRequest 5 0"), HasSubstr("\"path\":\"hex\",\"offset\":0"));
    EXPECT_THAT(decoded("MetadataRequest 5 00zz"), HasSubstr("\"path\":\"hex\",\"offset\":1"));
    EXPECT_THAT(decoded("MetadataRequest 5 0000"), HasSubstr("\"path\":\"MetadataRequest.topics"));
    EXPECT_EQ(decoded("MetadataRequest 99 00ff"),
              R"({"hex":"00ff","note":"kwire knows MetadataRequest 0 to 13, not 99"})");
    EXPECT_THAT(decoded("OffsetCommitValue 3 00", true), HasSubstr("has no header"));
    EXPECT_THAT(encoded(""), HasSubstr("is not `Message version json`"));
    EXPECT_THAT(encoded("MetadataRequest 5 {\"topic\":[]}"), HasSubstr("\"path\":\"MetadataRequest"));
    EXPECT_THAT(encoded("OffsetCommitValue 3 {}", EncodedHeader{}), HasSubstr("has no header"));
}

TEST(FrameText, an_unknown_api_shows_its_header) {
    const std::string json = decoded(
        "03e7000000000007000161"
        "0001ff",
        true);
    EXPECT_THAT(json, HasSubstr("\"requestApiKey\":999"));
    EXPECT_THAT(json, HasSubstr("\"error\":\"kwire does not know API 999\""));
}

/// KIP-511: whoever does not know the version of an ApiVersionsRequest answers in version 0.
TEST(FrameText, a_refused_apiversions_is_read_in_version_0) {
    EXPECT_EQ(decoded("ApiVersionsResponse 3 00000001002300000000", true),
              R"({"header":{"correlationId":1},"body":{"errorCode":35,"apiKeys":[]}})");
    EXPECT_THAT(decoded("ApiVersionsResponse 3 00000001000000000000", true), HasSubstr("\"error\""));
}

TEST(FrameText, unknown_tagged_fields_that_cannot_be_kept_are_refused) {
    const auto with = [](const std::string& entry) {
        return encoded("MetadataRequest 12 {\"unknownTaggedFields\":[" + entry + "]}");
    };
    EXPECT_THAT(with(R"({"path":"MetadataRequest","tag":99,"data":"AAE="})"), testing::EndsWith("0163020001"));
    EXPECT_THAT(with(R"({"path":"MetadataRequest.topics[4]","tag":99,"data":""})"),
                HasSubstr("has no room for the unknown tagged field 99"));
    EXPECT_THAT(with(R"({"path":"MetadataRequest","tag":99,"data":"?"})"), HasSubstr("not base64"));
    EXPECT_THAT(with(R"({"tag":99})"), HasSubstr("path, tag and data"));
    EXPECT_THAT(encoded(R"(MetadataRequest 5 {"unknownTaggedFields":[{"path":"MetadataRequest","tag":9,"data":""}]})"),
                HasSubstr("has no room"));
}

struct Outcome {
    int code = -1;
    std::string out;
};

Outcome kwire(const std::string& arguments, const std::string& input) {
    const std::string name = testing::TempDir() + "kwire-lines-" + std::to_string(getpid());
    std::ofstream(name, std::ios::binary) << input;
    const std::string command = std::string(KWIRE_COMMAND) + " " + arguments + " < " + name + " 2> /dev/null";
    Outcome outcome;
    FILE* const pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (std::size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        outcome.out.append(buffer, size);
    }
    const int status = pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::remove(name.c_str());
    return outcome;
}

TEST(Lines, each_is_answered_and_one_that_is_wrong_fails_the_whole) {
    const std::string line = "MetadataRequest 0 00000000\n";
    const std::string answer = "{\"topics\":[]}\n";
    std::string many;
    std::string answers;
    for (int i = 0; i < 20'000; ++i) {
        many += line;
        answers += answer;
    }
    Outcome outcome = kwire("decode --lines", many);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, answers);
    outcome = kwire("decode --lines", line + "\n" + line.substr(0, line.size() - 1));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out,
                testing::MatchesRegex("\\{\"topics\":\\[\\]\\}\n\\{\"error\":[^\n]*\n\\{\"topics\":\\[\\]\\}\n"));
    outcome = kwire("encode --lines", "MetadataRequest 0 {}\nMetadataRequest 1 {\"topics\":null}\n");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "00000000\nffffffff\n");
    EXPECT_EQ(kwire("encode --lines", "MetadataRequest 0 {\n").code, 1);
    EXPECT_EQ(kwire("decode --lines", "").code, 0);
}

TEST(Lines, may_end_as_on_windows) {
    Outcome outcome = kwire("decode --lines", "MetadataRequest 0 00000000\r\nMetadataRequest 1 ffffffff\r\n");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "{\"topics\":[]}\n{\"topics\":null}\n");
    outcome = kwire("encode --lines", "MetadataRequest 0 {}\r\nMetadataRequest 1 {\"topics\":null}\r\n");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "00000000\nffffffff\n");
    EXPECT_EQ(kwire("decode --lines --header", "001200000000000700016100\r\n").code,
              kwire("decode --lines --header", "001200000000000700016100\n").code);
}

TEST(Lines, a_single_message_goes_there_and_back) {
    const Outcome bytes = kwire("encode --api MetadataRequest --version 5 --header --client-id me --format raw", "{}");
    EXPECT_EQ(bytes.code, 0);
    const Outcome json = kwire("decode --header --format json", bytes.out);
    EXPECT_EQ(json.code, 0);
    EXPECT_THAT(json.out, HasSubstr("\"clientId\":\"me\""));
    EXPECT_EQ(kwire("decode --api MetadataRequest --version 5", "x").code, 1);
    EXPECT_EQ(kwire("encode --api MetadataRequest --version 5", "x").code, 1);
}

TEST(ReleaseGuess, goes_by_the_versions_of_a_few_apis) {
    using Versions = std::map<ApiKey, VersionRange>;
    const auto fetch = [](std::int16_t highest, std::int16_t lowest = 0) {
        return Versions{{ApiKey::fetch, {lowest, highest}}};
    };
    Versions newest = fetch(18, 4);
    newest[ApiKey::describe_log_dirs] = {1, 5};
    newest[ApiKey::api_versions] = {0, 4};
    EXPECT_EQ(release_of(newest), "4.3");
    newest[ApiKey::api_versions] = {0, 5};
    EXPECT_EQ(release_of(newest), "4.4 or newer");
    EXPECT_EQ(release_of(fetch(18, 4)), "4.1 or 4.2");
    EXPECT_EQ(release_of(fetch(17, 4)), "4.0");
    const std::pair<std::int16_t, const char*> by_fetch[] = {
        {17, "3.9"}, {16, "3.7 or 3.8"},      {15, "3.5 or 3.6"}, {13, "3.1 to 3.4"}, {12, "2.7 or 2.8"},
        {11, "2.3"}, {10, "2.1 or 2.2"},      {8, "2.0"},         {7, "1.1"},         {6, "1.0"},
        {5, "0.11"}, {3, "0.10.1 or 0.10.2"}, {2, "0.10.0"},      {1, "0.9"}};
    for (const auto& [highest, release] : by_fetch) EXPECT_EQ(release_of(fetch(highest)), release);
    Versions versions = fetch(12);
    versions[ApiKey::offset_fetch] = {0, 8};
    EXPECT_EQ(release_of(versions), "3.0");
    versions = fetch(11);
    versions[ApiKey::offset_delete] = {0, 0};
    EXPECT_EQ(release_of(versions), "2.4 to 2.6");
    versions = fetch(0);
    EXPECT_EQ(release_of(versions), "0.8.1 or older");
    versions[ApiKey::find_coordinator] = {0, 0};
    EXPECT_EQ(release_of(versions), "0.8.2");
}

}  // namespace
}  // namespace kwire::tools
