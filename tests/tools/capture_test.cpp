// kwire decode --pcap, as it is called.
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <kwire/protocol/capture_file.h>
#include <kwire/protocol/frame.h>
#include <kwire/protocol/metadata.h>
#include <kwire/protocol/produce.h>

namespace kwire::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace protocol;
using From = CaptureWriter::From;
using std::chrono::milliseconds;

/// A capture of one client: Metadata of two topics, the second with an error, and a request that
/// stays without an answer.
std::string capture() {
    std::string file;
    CaptureWriter::append_header(file);
    const std::string loopback("\x7f\0\0\x01", 4);
    CaptureWriter::Connection connection{{loopback, 4000}, {loopback, 9092}};
    CaptureWriter::append_opening(file, connection, milliseconds(1000));
    std::int32_t id = 0;
    for (const std::string topic : {"clicks", "views"}) {
        MetadataRequest request;
        request.topics->emplace_back().name = topic;
        MetadataResponse response;
        response.topics.emplace_back().name = topic;
        if (topic == "views") response.topics[0].error_code = ErrorCode::leader_not_available;
        std::string asked;
        std::string answered;
        encode_request(request, 5, ++id, "tester", asked);
        encode_response(response, 5, id, answered);
        CaptureWriter::append_bytes(file, connection, From::client, asked, milliseconds(1000 * id));
        CaptureWriter::append_bytes(file, connection, From::broker, answered, milliseconds(1000 * id + 30));
    }
    std::string last;
    encode_request(MetadataRequest{}, 5, 3, "other", last);
    CaptureWriter::append_bytes(file, connection, From::client, last, milliseconds(3000));
    return file;
}

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

class Capture : public testing::Test {
 protected:
    Capture() {
        std::string name = (std::filesystem::temp_directory_path() / "kwire-capture.XXXXXX").string();
        folder_ = mkdtemp(name.data());
        write(capture());
    }
    ~Capture() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& bytes) const { std::ofstream(file(), std::ios::binary) << bytes; }
    std::string file() const { return folder_ / "packets"; }

    Outcome decode(const std::string& arguments) const {
        const std::string errors = folder_ / "errors";
        const std::string command = std::string(KWIRE_COMMAND) + " decode " + arguments + " 2> " + errors;
        Outcome outcome;
        FILE* const pipe = popen(command.c_str(), "r");
        std::array<char, 4096> buffer;
        for (std::size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
            outcome.out.append(buffer.data(), size);
        }
        const int status = pclose(pipe);
        outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        std::ifstream stream(errors);
        outcome.err.assign(std::istreambuf_iterator<char>(stream), {});
        return outcome;
    }
    std::vector<nlohmann::json> lines(const std::string& arguments) const {
        const Outcome outcome = decode("--pcap " + file() + " --format json " + arguments);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        std::vector<nlohmann::json> all;
        for (std::size_t begin = 0; begin < outcome.out.size();) {
            const auto end = outcome.out.find('\n', begin);
            all.push_back(nlohmann::json::parse(outcome.out.substr(begin, end - begin)));
            begin = end + 1;
        }
        return all;
    }

 private:
    std::filesystem::path folder_;
};

TEST_F(Capture, json_lines_have_header_times_sizes_and_bodies) {
    const auto all = lines("--port 9092");
    ASSERT_EQ(all.size(), 3U);
    const auto& first = all[0];
    EXPECT_EQ(first["time"], "1970-01-01T00:00:01.000000Z");
    EXPECT_EQ(first["client"], "127.0.0.1:4000");
    EXPECT_EQ(first["broker"], "127.0.0.1:9092");
    EXPECT_EQ(first["api"], "Metadata");
    EXPECT_EQ(first["api_key"], 3);
    EXPECT_EQ(first["version"], 5);
    EXPECT_EQ(first["correlation_id"], 1);
    EXPECT_EQ(first["client_id"], "tester");
    EXPECT_EQ(first["latency_us"], 30'000);
    EXPECT_EQ(first["request"]["topics"][0]["name"], "clicks");
    EXPECT_EQ(first["response"]["topics"][0]["name"], "clicks");
    EXPECT_FALSE(first.contains("errors"));
    EXPECT_EQ(all[1]["errors"], nlohmann::json::array({"LEADER_NOT_AVAILABLE"}));
    EXPECT_EQ(all[2]["answer"], "missing");
    EXPECT_FALSE(all[2].contains("response"));
}

TEST_F(Capture, text_has_a_line_each_and_bodies_if_asked) {
    const Outcome outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, StartsWith("1970-01-01T00:00:01.000000Z  127.0.0.1:4000 > 127.0.0.1:9092  Metadata "
                                        "v5 #1  tester  30.0 ms  "));
    EXPECT_THAT(outcome.out, HasSubstr("  LEADER_NOT_AVAILABLE (5)\n"));
    EXPECT_THAT(outcome.out, HasSubstr("other  NO ANSWER"));
    EXPECT_THAT(outcome.err, HasSubstr("5 frames in 1 connections, 1 requests without an answer"));
    EXPECT_THAT(decode("--pcap " + file() + " --bodies").out,
                HasSubstr("    request  {\"topics\":[{\"name\":\"clicks\"}]"));
}

TEST_F(Capture, filters_leave_out_the_rest) {
    EXPECT_EQ(lines("--api metadata").size(), 3U);
    EXPECT_EQ(lines("--api Fetch").size(), 0U);
    EXPECT_EQ(lines("--api Fetch --api Metadata --client-id other").size(), 1U);
    EXPECT_EQ(lines("--topic views").size(), 1U);
    EXPECT_EQ(lines("--topic views --topic clicks").size(), 2U);
    EXPECT_EQ(lines("--error LEADER_NOT_AVAILABLE").size(), 1U);
    EXPECT_EQ(lines("--error NOT_COORDINATOR").size(), 0U);
    EXPECT_EQ(lines("--errors").size(), 2U);
}

TEST_F(Capture, nothing_decoded_is_a_failure_that_says_why) {
    Outcome outcome = decode("--pcap " + file() + " --port 1 --port 9093");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("no packet in"));
    EXPECT_THAT(outcome.err, HasSubstr("is to or from ports 1, 9093; 8 are to and from other ports"));
    EXPECT_EQ(outcome.err.find("name the brokers' ports"), std::string::npos);

    const std::string loopback("\x7f\0\0\x01", 4);
    for (const std::string first : {"\x16\x03\x01\x02 a ClientHello", "GET / HTTP/1.1"}) {
        const bool is_tls = first[0] == '\x16';
        std::string bytes;
        CaptureWriter::append_header(bytes);
        CaptureWriter::Connection connection{{loopback, 4000}, {loopback, 9092}};
        CaptureWriter::append_opening(bytes, connection, {});
        CaptureWriter::append_bytes(bytes, connection, From::client, first, {});
        write(bytes);
        outcome = decode("--pcap " + file() + " --port 9092");
        EXPECT_EQ(outcome.code, 1);
        EXPECT_THAT(outcome.err, HasSubstr(is_tls ? "to port 9092 speak TLS" : "nothing of what passes port 9092"));
        outcome = decode("--pcap " + file());
        EXPECT_EQ(outcome.code, 1);
        EXPECT_THAT(outcome.err, HasSubstr(is_tls ? "speak TLS" : "name the brokers' ports with --port"));
    }
    std::string empty;
    CaptureWriter::append_header(empty);
    write(empty);
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("there are no packets in"));
    empty[20] = '\x69';  // 802.11
    write(empty + std::string(8, '\0') + std::string("\4\0\0\0\4\0\0\0abcd", 12));
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("link type is 105"));
}

TEST_F(Capture, packets_that_were_cut_are_not_called_gaps) {
    const std::string whole = capture();
    std::string cut = whole.substr(0, 24);
    for (std::size_t at = 24; at < whole.size();) {
        const auto byte = [&whole, at](std::size_t i) { return static_cast<unsigned char>(whole[at + i]); };
        const std::size_t size = byte(8) + std::size_t{byte(9)} * 256;
        const std::size_t kept = std::min<std::size_t>(size, 60);
        std::string header = whole.substr(at, 16);
        header[8] = static_cast<char>(kept);
        header[9] = '\0';
        cut += header + whole.substr(at + 16, kept);
        at += 16 + size;
    }
    write(cut);
    const Outcome outcome = decode("--pcap " + file() + " --port 9092");
    EXPECT_THAT(outcome.err, HasSubstr("cut by the capture's snap length"));
    EXPECT_THAT(outcome.err, HasSubstr("-s 0"));
    EXPECT_EQ(outcome.err.find("gaps"), std::string::npos) << outcome.err;
}

std::string gzipped(const std::string& plain) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string packed(plain.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

TEST_F(Capture, may_be_packed_by_gzip) {
    const std::string plain = capture();
    const std::string expected = decode("--pcap " + file()).out;
    const std::string packed = gzipped(plain);
    const std::string members = gzipped(plain.substr(0, 100)) + gzipped(plain.substr(100));
    for (const std::string& bytes : {packed, members, packed + std::string(70'000, '\0')}) {
        write(bytes);
        for (const std::string& from : {"--pcap " + file(), "--pcap - < " + file()}) {
            const Outcome outcome = decode(from);
            EXPECT_EQ(outcome.code, 0) << outcome.err;
            EXPECT_EQ(outcome.out, expected);
        }
    }
    write(packed.substr(0, packed.size() - 12));
    Outcome outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("ends in the middle of the gzip"));
    std::string damaged = packed;
    damaged[12] = static_cast<char>(~damaged[12]);
    write(damaged);
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("damaged"));
    write("\x28\xb5\x2f\xfd and more");
    EXPECT_THAT(decode("--pcap " + file()).err, HasSubstr("zstd -dc FILE | kwire decode --pcap -"));
}

TEST_F(Capture, an_unknown_request_is_called_one) {
    std::string bytes;
    CaptureWriter::append_header(bytes);
    const std::string loopback("\x7f\0\0\x01", 4);
    CaptureWriter::Connection connection{{loopback, 4000}, {loopback, 9092}};
    CaptureWriter::append_opening(bytes, connection, {});
    CaptureWriter::append_bytes(bytes, connection, From::client,
                                std::string("\0\0\0\x0d\x27\x0f\0\0\0\0\0\x09\xff\xff" "abc", 17), {});
    CaptureWriter::append_bytes(bytes, connection, From::broker, std::string("\0\0\0\7\0\0\0\x09xyz", 11), {});
    write(bytes);
    const Outcome outcome = decode("--pcap " + file() + " --port 9092");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("API 9999 v0 #9"));
    EXPECT_THAT(outcome.out, HasSubstr("an unknown request: kwire does not know API 9999"));
    EXPECT_EQ(outcome.out.find("NO ANSWER"), std::string::npos);
    EXPECT_EQ(outcome.err, "kwire: 2 frames in 1 connections\n");
}

/// A connection with a Produce that asks for no answer, one that is answered by a body that is none,
/// and a client id that would clear the terminal.
std::string odd_capture(milliseconds begin) {
    std::string file;
    CaptureWriter::append_header(file);
    const std::string loopback("\x7f\0\0\x01", 4);
    CaptureWriter::Connection connection{{loopback, 4000}, {loopback, 9092}};
    CaptureWriter::append_opening(file, connection, begin);
    ProduceRequest unasked;
    unasked.acks = 0;
    std::string asked;
    encode_request(unasked, 7, 1, "tester", asked);
    encode_request(MetadataRequest{}, 5, 2, "\x1b[2J", asked);
    CaptureWriter::append_bytes(file, connection, From::client, asked, begin);
    CaptureWriter::append_bytes(file, connection, From::broker, std::string("\0\0\0\6\0\0\0\2zz", 10), begin);
    return file;
}

TEST_F(Capture, errors_are_what_does_not_decode_and_not_what_asks_for_no_answer) {
    write(odd_capture(milliseconds(1000)));
    const Outcome outcome = decode("--pcap " + file() + " --port 9092 --errors");
    EXPECT_EQ(outcome.code, 1) << "a frame does not decode";
    EXPECT_THAT(outcome.out, HasSubstr("Metadata v5 #2"));
    EXPECT_EQ(outcome.out.find("Produce"), std::string::npos) << outcome.out;
}

TEST_F(Capture, a_client_id_has_no_power_over_the_terminal) {
    write(odd_capture(milliseconds(1000)));
    for (const char* more : {"", " --summary"}) {
        const Outcome outcome = decode("--pcap " + file() + more);
        EXPECT_THAT(outcome.out, HasSubstr("\\x1b[2J"));
        EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
    }
}

/// A program of that name that notes what it was called with and captures what is in the file.
TEST_F(Capture, an_interface_is_captured_by_whichever_program_there_is) {
    const std::string expected = decode("--pcap " + file() + " --port 9092").out;
    const auto path = std::filesystem::path(file()).parent_path() / "bin";
    const std::string kept = std::getenv("PATH");
    std::filesystem::create_directory(path);
    setenv("PATH", (path.string() + ":/nowhere").c_str(), 1);
    const Outcome without = decode("-i lo");
    EXPECT_EQ(without.code, 2);
    EXPECT_THAT(without.err, HasSubstr("neither tcpdump nor dumpcap"));
    for (const char* program : {"dumpcap", "tcpdump"}) {
        const auto script = path / program;
        std::ofstream(script) << "#!/bin/sh\necho " << program << " \"$@\" >&2\nPATH=" << kept << "\ncat '" << file()
                              << "'\n";
        std::filesystem::permissions(script, std::filesystem::perms::owner_all);
        const Outcome outcome = decode("-i lo --port 9092 --port 9093");
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_THAT(outcome.out, HasSubstr("Metadata v5 #2"));
        EXPECT_THAT(outcome.err, HasSubstr(std::string(program) + " -i lo "));
        EXPECT_THAT(outcome.err, HasSubstr("tcp port 9092 or tcp port 9093"));
        EXPECT_EQ(outcome.out, expected);
    }
    setenv("PATH", kept.c_str(), 1);
    EXPECT_EQ(decode("-i lo --pcap -").code, 2);
    EXPECT_EQ(decode("-i lo --version 3").code, 2);
}

/// An input that always has more never makes a read wait, so no read is interrupted.
TEST_F(Capture, a_signal_ends_it_though_the_input_never_ends) {
    std::signal(SIGPIPE, SIG_IGN);
    int in[2];
    int out[2];
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl(KWIRE_COMMAND, "kwire", "decode", "--pcap", "-", nullptr);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    std::thread writer([to = in[1]] {
        const std::string bytes = capture();
        const std::string packets = bytes.substr(24);  // behind the file's header
        if (::write(to, bytes.data(), bytes.size()) < 0) return;
        while (::write(to, packets.data(), packets.size()) > 0) continue;
    });
    std::array<char, 65536> buffer;
    EXPECT_GT(::read(out[0], buffer.data(), buffer.size()), 0);
    kill(child, SIGINT);
    while (::read(out[0], buffer.data(), buffer.size()) > 0) continue;
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    close(out[0]);
    writer.join();
    close(in[1]);
}

TEST_F(Capture, an_empty_file_is_a_failure) {
    write("");
    Outcome outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("is empty"));
    write("abc");
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("neither a pcap nor a pcapng file"));
}

TEST_F(Capture, a_summary_counts_per_client_and_api) {
    const auto all = lines("--summary");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1]["client_id"], "tester");
    EXPECT_EQ(all[1]["count"], 2);
    EXPECT_EQ(all[1]["errors"], 1);
    EXPECT_EQ(all[1]["latency_us"]["max"], 30'000);
    EXPECT_EQ(all[0]["unanswered"], 1);
    EXPECT_THAT(decode("--pcap " + file() + " --summary").out, StartsWith("CLIENT ID"));
}

TEST_F(Capture, comes_through_a_pipe_too) {
    const Outcome outcome = decode("--pcap - < " + file());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Metadata v5 #2"));
}

TEST_F(Capture, says_what_is_wrong_with_the_file) {
    Outcome outcome = decode("--pcap /nowhere/file");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("cannot open `/nowhere/file`"));
    const std::string whole = capture();
    write(whole.substr(0, whole.size() - 3));
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("ends in the middle of a packet"));
    write("no packets at all");
    outcome = decode("--pcap " + file());
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("neither a pcap nor a pcapng file at byte 0"));
    EXPECT_EQ(decode("--pcap " + file() + " --api Nothing").code, 2);
    EXPECT_EQ(decode("--pcap " + file() + " --error NOTHING").code, 2);
    EXPECT_EQ(decode("--pcap " + file() + " --error NONE").code, 2) << "no answer has this error";
    EXPECT_EQ(decode("--pcap " + file() + " --port 70000").code, 2);
}

}  // namespace
}  // namespace kwire::tools
