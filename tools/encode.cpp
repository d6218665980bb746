// kwire encode: the bytes of a message that JSON describes.
#include <memory>

#include <kwire/protocol/json_text.h>

#include "frame_input.h"
#include "frame_text.h"
#include "numbers.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

struct EncodeOptions {
    std::string message;
    std::optional<std::int32_t> version;
    std::optional<std::string> json;
    std::string format = "hex";
    bool lines = false;
    bool header = false;
    EncodedHeader with;
};

std::optional<EncodedHeader> header_of(const EncodeOptions& options) {
    if (!options.header) return std::nullopt;
    return options.with;
}

int encode_message(const EncodeOptions& options) {
    if (options.message.empty() || !options.version) {
        throw UsageError("--api and --version are required, or --lines");
    }
    const FrameEncoder encoder(header_of(options));
    std::string bytes;
    const auto error = encoder.append(bytes, options.message, version_of(*options.version),
                                      options.json ? *options.json : read_stdin());
    if (error) {
        report(printable(error->message()));
        return exit_failure;
    }
    Output output(1);
    if (options.format == "raw") {
        output.buffer() = std::move(bytes);
    } else if (options.format == "base64") {
        protocol::append_base64(output.buffer(), bytes);
        output.buffer() += '\n';
    } else {
        append_hex(output.buffer(), bytes);
        output.buffer() += '\n';
    }
    return finish(output);
}

int encode(const EncodeOptions& options) {
    if (!options.lines) return encode_message(options);
    if (options.format != "hex") throw UsageError("--lines writes hex, not --format " + options.format);
    if (!options.message.empty() || options.version || options.json) {
        throw UsageError(
            "--lines reads message, version and JSON from each line: leave out --api, --version and --json");
    }
    const FrameEncoder encoder(header_of(options));
    return each_line([&encoder](std::string& out, std::string_view line) {
        return encoder.append_line(out, line);
    });
}

}  // namespace

void add_encode(Command root) {
    const auto options = std::make_shared<EncodeOptions>();
    Command command = root.subcommand("encode", "The bytes of a message given as JSON");
    command.option("--api", options->message, "NAME", "the message, such as FetchRequest");
    command.option("--version", options->version, "N", "of the message");
    command.option("--json", options->json, "OBJECT",
                   "what decode shows; fields left out have their defaults. Without it stdin");
    command.option("--format", options->format, "FORMAT", "hex (default), base64 or raw")
        .one_of({"hex", "base64", "raw"});
    command.flag("--lines", options->lines,
                 "lines `Message version json` on stdin, each answered by a line of hex");
    command.flag("--header", options->header, "put the header before the message: that of the JSON, where it is "
                 "{\"header\":...,\"body\":...} as decode --header shows it");
    command.option("--correlation-id", options->with.correlation_id, "N", "in the header (0)");
    command.option("--client-id", options->with.client_id, "ID", "in the header (kwire)");
    command.notes("Examples",
                  {"kwire encode --api MetadataRequest --version 12 --json '{\"topics\":null}'",
                   "kwire encode --api ApiVersionsRequest --version 3 --header --format raw",
                   "kwire encode --lines < messages.txt"});
    command.runs([options] { return encode(*options); });
}

}  // namespace kwire::tools
