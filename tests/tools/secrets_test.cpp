// What the command shows of passwords, tokens and keys: nothing, unless it is asked to.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/codec.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/json_text.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/record_batch_builder.h>

#include "frame_text.h"
#include "kept_capture.h"

namespace kwire::tools {
namespace {

using namespace std::string_literals;
using namespace protocol;
using testing::HasSubstr;
using testing::Not;
using From = CaptureWriter::From;

const std::string password = "hunter2secret";
const std::string plain_token = "\0alice\0"s + password;

std::string hex(const std::string& bytes) {
    std::string out;
    append_hex(out, bytes);
    return out;
}

std::string base64(const std::string& bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

/// A frame with its size, of a message given as JSON. `version`: what the header says, if it is another.
std::string frame(const std::string& name, std::int16_t version, const std::string& json, std::int32_t id,
                  std::optional<std::int16_t> said = {}) {
    const Schema* const schema = find_message(name);
    const auto message = schema->make();
    EXPECT_FALSE(from_json(*schema, message.get(), version, json)) << name;
    std::string bytes;
    if (name.ends_with("Request")) {
        EXPECT_FALSE(encode_request(*schema, message.get(), version, id, "tester", bytes));
    } else {
        EXPECT_FALSE(encode_response(*schema, message.get(), version, id, bytes));
    }
    if (said) bytes[7] = static_cast<char>(*said);
    return bytes;
}

class SecretsOfTheCommand : public testing::Test {
 protected:
    SecretsOfTheCommand() {
        std::string name = (std::filesystem::temp_directory_path() / "kwire-secrets.XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~SecretsOfTheCommand() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const std::string& bytes) const {
        const std::string path = folder_ / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }

    /// Of one connection, in turns.
    std::string capture(const std::vector<std::pair<From, std::string>>& said) const {
        std::string bytes;
        CaptureWriter::append_header(bytes);
        const std::string loopback("\x7f\0\0\x01", 4);
        CaptureWriter::Connection connection{{loopback, 4000}, {loopback, 9092}};
        CaptureWriter::append_opening(bytes, connection, {});
        for (const auto& [from, what] : said) CaptureWriter::append_bytes(bytes, connection, from, what, {});
        return file("packets", bytes);
    }

    /// What it prints, on stderr too.
    static std::string kwire(const std::string& arguments) {
        FILE* const pipe = popen((std::string(KWIRE_COMMAND) + " " + arguments + " 2>&1").c_str(), "r");
        std::string out;
        std::array<char, 4096> buffer;
        for (std::size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
            out.append(buffer.data(), size);
        }
        out += "exit code " + std::to_string(WEXITSTATUS(pclose(pipe)));
        return out;
    }

    static void expect_hidden(const std::string& printed) {
        EXPECT_THAT(printed, Not(HasSubstr(password)));
        EXPECT_THAT(printed, Not(HasSubstr(base64(plain_token))));
        EXPECT_THAT(printed, Not(HasSubstr(base64(password))));
        EXPECT_THAT(printed, Not(HasSubstr(hex(password).substr(0, 12))));
        EXPECT_THAT(printed, HasSubstr("hidden"));
    }

    std::filesystem::path folder_;
};

TEST_F(SecretsOfTheCommand, a_frame_and_a_line_hide_them_and_encode_says_so) {
    const std::string auth = R"({"authBytes":")" + base64(plain_token) + "\"}";
    const std::string bytes = frame("SaslAuthenticateRequest", 2, auth, 1).substr(4);
    const std::string one = "decode --header --hex " + hex(bytes);
    for (const char* format : {"", " --format json"}) expect_hidden(kwire(one + format));
    EXPECT_THAT(kwire(one + " --show-secrets"), HasSubstr(base64(plain_token)));

    const std::string body = "\0\0\0\x14"s + plain_token;
    const std::string lines = file("lines", "SaslAuthenticateRequest 0 " + hex(body) + "\n");
    const std::string printed = kwire("decode --lines < " + lines);
    EXPECT_EQ(printed, "{\"authBytes\":{\"hidden\":true}}\nexit code 0");
    EXPECT_THAT(kwire("decode --lines --show-secrets < " + lines), HasSubstr(base64(plain_token)));
    // A version that kwire does not know, and an API.
    expect_hidden(kwire("decode --lines < " + file("newer", "SaslAuthenticateRequest 9 " + hex(body) + "\n")));
    expect_hidden(kwire("decode --header --hex 03e70000000000070000" + hex(plain_token)));

    const std::string again =
        kwire(R"(encode --api SaslAuthenticateRequest --version 0 --json '{"authBytes":{"hidden":true}}')");
    EXPECT_THAT(again, HasSubstr("SaslAuthenticateRequest.auth_bytes: is hidden"));
    EXPECT_THAT(again, HasSubstr("--show-secrets"));
    EXPECT_THAT(again, HasSubstr("exit code 1"));
}

TEST_F(SecretsOfTheCommand, captures_hide_them_in_every_form) {
    const std::string auth = R"({"authBytes":")" + base64(plain_token) + "\"}";
    const std::string told = R"({"authBytes":")" + base64(password) + "\"}";
    const std::string token = R"({"hmac":")" + base64(password) + "\"}";
    const std::string packets = capture({
        {From::client, frame("SaslAuthenticateRequest", 0, auth, 1)},
        {From::broker, frame("SaslAuthenticateResponse", 0, told, 1)},
        {From::client, frame("CreateDelegationTokenRequest", 1, "{}", 2)},
        {From::broker, frame("CreateDelegationTokenResponse", 1, token, 2)},
        // Of a version that kwire does not know, and an answer to nothing that was seen.
        {From::client, frame("SaslAuthenticateRequest", 0, auth, 3, 77)},
        {From::broker, frame("SaslAuthenticateResponse", 0, told, 3)},
        {From::broker, frame("CreateDelegationTokenResponse", 1, token, 99)},
    });
    for (const char* more : {" --bodies", " --format json", ""}) {
        const std::string printed = kwire("decode --port 9092 --pcap " + packets + more);
        expect_hidden(printed);
        EXPECT_THAT(printed, HasSubstr("CreateDelegationToken"));
    }
    const std::string shown = kwire("decode --port 9092 --show-secrets --format json --pcap " + packets);
    EXPECT_THAT(shown, HasSubstr(base64(plain_token)));
    EXPECT_THAT(shown, HasSubstr(base64(password)));
}

TEST_F(SecretsOfTheCommand, bare_tokens_are_hidden) {
    const auto with_size = [](const std::string& token) {
        return std::string{0, 0, 0, static_cast<char>(token.size())} + token;
    };
    const std::string packets = capture({
        {From::client, frame("SaslHandshakeRequest", 0, R"({"mechanism":"PLAIN"})", 1)},
        {From::broker, frame("SaslHandshakeResponse", 0, R"({"mechanisms":["PLAIN"]})", 1)},
        {From::client, with_size(plain_token)},
        {From::broker, with_size("")},
    });
    for (const char* more : {" --bodies", " --format json", ""}) {
        expect_hidden(kwire("decode --port 9092 --pcap " + packets + more));
    }
    EXPECT_THAT(kwire("decode --port 9092 --show-secrets --pcap " + packets), HasSubstr(hex(plain_token)));
}

TEST_F(SecretsOfTheCommand, a_log_of_the_clusters_metadata_hides_them_under_any_name) {
    const Schema* const schema = find_message("UserScramCredentialRecord");
    const auto message = schema->make();
    const std::string key = base64(password);
    ASSERT_FALSE(from_json(*schema, message.get(), 0,
                           R"({"name":"alice","salt":")" + key + R"(","storedKey":")" + key +
                               R"(","serverKey":")" + key + R"(","iterations":4096})"));
    std::string value{'\1', 11, '\0'};
    ASSERT_FALSE(encode(*schema, message.get(), 0, value));
    Compressor compressor;
    RecordBatchBuilder builder({});
    builder.append(0, std::nullopt, value);
    const std::string batch = builder.build(compressor);
    const std::string name = "00000000000000000000.log";
    const std::string known = file("__cluster_metadata-0/" + name, batch);
    const std::string copied = file("copies/" + name, batch);
    for (const std::string& arguments :
         {known, "--format json " + known, "--records " + copied, "--records --format json " + copied,
          "--records --as plain " + known, "--as __cluster_metadata " + copied}) {
        const std::string printed = kwire("log " + arguments);
        expect_hidden(printed);
        EXPECT_THAT(printed, HasSubstr("exit code 0"));
    }
    EXPECT_THAT(kwire("log --show-secrets " + known), HasSubstr(base64(password)));
}

TEST_F(SecretsOfTheCommand, a_kept_capture_is_its_owners_alone_and_the_help_says_what_is_in_it) {
    const std::string path = folder_ / "kept";
    { KeptCapture kept(path); }
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_THAT(kwire("proxy --help"), HasSubstr("passwords"));
    for (const char* command : {"decode", "proxy", "raw", "log"}) {
        EXPECT_THAT(kwire(command + " --help"s), HasSubstr("--show-secrets")) << command;
    }
}

}  // namespace
}  // namespace kwire::tools
