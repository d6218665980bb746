// kwire raw and apis against a broker that says too little.
#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/metadata.h>

namespace kwire::tools {
namespace {

using namespace protocol;
using testing::HasSubstr;

/// Answers ApiVersions and Metadata, and nothing else ever.
class TaciturnBroker {
 public:
    explicit TaciturnBroker(bool lists_itself) : lists_itself_(lists_itself) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const end = reinterpret_cast<sockaddr*>(&address);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(listener_, end, sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 8), 0);
        socklen_t size = sizeof address;
        ::getsockname(listener_, end, &size);
        port_ = ntohs(address.sin_port);
        accepting_ = std::thread([this] { accept(); });
    }
    ~TaciturnBroker() {
        ::shutdown(listener_, SHUT_RDWR);
        accepting_.join();
        ::close(listener_);
        for (std::thread& serving : serving_) serving.join();
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
    void accept() {
        for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0;) {
            serving_.emplace_back([this, client] {
                serve(client);
                ::close(client);
            });
        }
    }
    static bool read(int from, std::string& bytes) {
        return ::recv(from, bytes.data(), bytes.size(), MSG_WAITALL) == static_cast<ssize_t>(bytes.size());
    }
    void serve(int client) const {
        for (std::string size(4, '\0'); read(client, size);) {
            std::string bytes(static_cast<std::size_t>(frame_size(size.data())), '\0');
            RequestFrame request;
            if (!read(client, bytes) || decode_request_header(Bytes::copy_of(bytes), request)) return;
            const std::string answer = answer_to(request.header);
            ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }
    std::string answer_to(const RequestHeader& request) const {
        std::string frame;
        if (request.request_api_key == ApiKey::api_versions) {
            ApiVersionsResponse answer;
            for (const ApiKey key : {ApiKey::api_versions, ApiKey::metadata, ApiKey::list_groups}) {
                answer.api_keys.push_back({key, 0, 0});
            }
            encode_response(answer, request.request_api_version, request.correlation_id, frame);
        } else if (request.request_api_key == ApiKey::metadata) {
            MetadataResponse answer;
            if (lists_itself_) {
                answer.brokers.emplace_back() = {1, "127.0.0.1", port_, std::nullopt};
            }
            encode_response(answer, request.request_api_version, request.correlation_id, frame);
        }
        return frame;
    }

    const bool lists_itself_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread accepting_;
    std::vector<std::thread> serving_;
};

struct Outcome {
    int code = -1;
    std::string out;  // with stderr
};

Outcome kwire(const std::string& arguments) {
    Outcome outcome;
    FILE* const pipe = popen((std::string(KWIRE_COMMAND) + " " + arguments + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer;
    for (std::size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        outcome.out.append(buffer.data(), size);
    }
    const int status = pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

TEST(Raw, a_cluster_without_brokers_is_an_error_in_words) {
    const TaciturnBroker broker(false);
    for (const char* command : {"apis -b ", "raw Metadata -b "}) {
        const Outcome outcome = kwire(command + broker.address());
        EXPECT_EQ(outcome.code, 1) << command;
        EXPECT_THAT(outcome.out, HasSubstr("the cluster lists no brokers")) << command;
    }
}

/// What others wrote has no power over the terminal, in what goes to stderr either.
TEST(Raw, errors_show_control_characters_as_what_they_are) {
    const Outcome outcome = kwire(R"(encode --api MetadataRequest --version 0 --json '{"\u001b[2J\u009b2J":1}')");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("\\x1b[2J\\xc2\\x9b2J"));
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
    EXPECT_EQ(kwire("decode --header --hex '00 12\t00:00\r\n00 00 00 07 ff ff'").code, 0);
}

TEST(Raw, an_answer_that_does_not_come_is_no_refusal) {
    const TaciturnBroker broker(true);
    // Time enough for what is answered, on a busy machine too.
    const Outcome outcome = kwire("raw ListGroups -X request.timeout.ms=4000 -b " + broker.address());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("no answer within request.timeout.ms=4000"));
    EXPECT_EQ(outcome.out.find("cannot read a request"), std::string::npos);
}

}  // namespace
}  // namespace kwire::tools
