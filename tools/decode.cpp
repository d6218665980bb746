// kwire decode: bytes of the protocol as text or JSON.
#include <memory>
#include <utility>

#include <kwire/protocol/json_text.h>

#include "capture.h"
#include "frame_input.h"
#include "frame_text.h"
#include "numbers.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

struct DecodeOptions {
    CaptureOptions capture;  // shares --api, --format and --records with frames
    std::optional<std::int32_t> version;
    std::optional<std::string> hex;
    std::optional<std::string> base64;
    bool lines = false;
    bool header = false;
    bool base64_records = false;
};

protocol::RecordsAs records_as(const DecodeOptions& options) {
    if (options.capture.exchanges.records) return protocol::RecordsAs::batches;
    return options.base64_records ? protocol::RecordsAs::base64 : protocol::RecordsAs::size;
}

protocol::Secrets secrets_of(const DecodeOptions& options) {
    return options.capture.exchanges.show_secrets ? protocol::Secrets::shown : protocol::Secrets::hidden;
}

std::string frame_bytes(const DecodeOptions& options) {
    std::string bytes;
    if (options.hex) {
        std::string digits;
        for (const char c : *options.hex) {
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t' && c != ':') digits += c;
        }
        if (append_from_hex(bytes, digits)) {
            throw UsageError("--hex is to be pairs of hexadecimal digits");
        }
    } else if (options.base64) {
        auto decoded = protocol::from_base64(*options.base64);
        if (!decoded) throw UsageError("--base64 is to be base64 with its padding");
        bytes = std::move(*decoded);
    } else {
        bytes = read_stdin();
    }
    return bytes;
}

int decode_frame(const DecodeOptions& options) {
    const auto& names = options.capture.exchanges.apis;
    if (names.size() > 1) throw UsageError("--api is to be given once for a single frame");
    if (names.empty() && !options.header) {
        throw UsageError("one of --pcap, -i, --lines, --header and --api is required");
    }
    FrameDecoder decoder(options.header, records_as(options), secrets_of(options));
    std::optional<std::int16_t> version;
    if (options.version) version = version_of(*options.version);
    std::string json;
    const auto error =
        decoder.append(json, names.empty() ? "" : names.front(), version, frame_bytes(options));
    if (error) {
        report(printable(error->message()));
        return exit_failure;
    }
    Output output(1);
    if (options.capture.exchanges.format == "json") {
        output.buffer() = json;
    } else {
        append_indented(output.buffer(), json);
    }
    output.buffer() += '\n';
    return finish(output);
}

/// What would be ignored is refused: the caller meant something by it.
void check_combination(const DecodeOptions& options) {
    const bool file = !options.capture.file.empty();
    const bool live = !options.capture.interface.empty();
    const bool pcap = file || live;
    const int inputs = int{file} + int{live} + int{options.lines} + int{options.hex.has_value()} +
                       int{options.base64.has_value()};
    if (inputs > 1) throw UsageError("give only one of --pcap, -i, --lines, --hex and --base64");
    const ExchangeOptions& exchanges = options.capture.exchanges;
    const std::pair<bool, const char*> of_captures[] = {
        {!options.capture.ports.empty(), "--port"}, {exchanges.bodies, "--bodies"},
        {exchanges.summary, "--summary"},           {exchanges.only_errors, "--errors"},
        {!exchanges.errors.empty(), "--error"},     {!exchanges.client_ids.empty(), "--client-id"},
        {!exchanges.topics.empty(), "--topic"}};
    for (const auto& [given, name] : of_captures) {
        if (given && !pcap) throw UsageError(std::string(name) + " needs --pcap or -i");
    }
    const std::pair<bool, const char*> of_frames[] = {
        {options.version.has_value(), "--version"},
        {options.header, "--header"},
        {options.base64_records, "--base64-records"}};
    for (const auto& [given, name] : of_frames) {
        if (given && pcap) throw UsageError(std::string(name) + " is not for captures");
    }
    if (options.lines && (options.version || !exchanges.apis.empty())) {
        throw UsageError("--lines reads message and version from each line: leave out --api and --version");
    }
}

int decode(const DecodeOptions& options) {
    check_combination(options);
    if (!options.capture.file.empty() || !options.capture.interface.empty()) return decode_capture(options.capture);
    if (!options.lines) return decode_frame(options);
    FrameDecoder decoder(options.header, records_as(options), secrets_of(options));
    return each_line([&decoder](std::string& out, std::string_view line) {
        return decoder.append_line(out, line);
    });
}

}  // namespace

void add_decode(Command root) {
    const auto options = std::make_shared<DecodeOptions>();
    Command command = root.subcommand(
        "decode", "Requests, answers and records from bytes: frames, lines, captured packets");
    command.option("--version", options->version, "N", "of the message");
    command.option("--hex", options->hex, "DIGITS", "the frame; without --hex and --base64 stdin");
    command.option("--base64", options->base64, "TEXT", "the frame");
    command.flag("--lines", options->lines,
                 "lines `Message version hex` on stdin, each answered by a line of JSON");
    command.flag("--header", options->header,
                 "the header stands before the message; a request's says what it is");
    command.flag("--base64-records", options->base64_records,
                 "record batches as base64, which encode reads, and not their size");
    add_capture_options(command, options->capture);
    command.notes(
        "Examples",
        {"kwire decode --api FetchRequest --version 12 --hex 00000...",
         "kwire decode --header --base64 AAEADAAAAAcAA2pvZQA...",
         "kwire decode --api FetchResponse --version 12 --records < frame.bin",
         "kwire decode --lines < frames.txt", "kwire decode --pcap kafka.pcap --port 9092",
         "kwire decode --pcap kafka.pcap --api OffsetCommit --bodies",
         "kwire decode --pcap kafka.pcap --errors --format json | jq .errors",
         "kwire decode --pcap kafka.pcap --client-id billing --summary",
         "kwire decode -i any --port 9092 --topic clicks",
         "ssh broker tcpdump -i any -U -w - port 9092 | kwire decode --pcap - --errors"});
    command.runs([options] { return decode(*options); });
}

}  // namespace kwire::tools
