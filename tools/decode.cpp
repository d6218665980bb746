// kwire decode: bytes of the protocol as text or JSON.
#include <memory>

#include "capture.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

int decode(const CaptureOptions& options) {
    if (options.file.empty()) throw UsageError("--pcap is required");
    return decode_capture(options);
}

}  // namespace

void add_decode(Command root) {
    const auto options = std::make_shared<CaptureOptions>();
    Command command = root.subcommand("decode", "Requests and answers in captured packets");
    add_capture_options(command, *options);
    command.notes("Examples",
                  {"kwire decode --pcap kafka.pcap --port 9092",
                   "kwire decode --pcap kafka.pcap --api OffsetCommit --bodies",
                   "kwire decode --pcap kafka.pcap --errors --format json | jq .errors",
                   "kwire decode --pcap kafka.pcap --client-id billing --summary",
                   "tcpdump -i any -U -w - port 9092 | kwire decode --pcap - --topic clicks"});
    command.runs([options] { return decode(*options); });
}

}  // namespace kwire::tools
