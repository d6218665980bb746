// `kwire decode --pcap` and `-i`: Kafka's traffic in a file of captured packets, or as it passes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "command_line.h"
#include "exchange_printer.h"

namespace kwire::tools {

struct CaptureOptions {
    std::string file;       ///< `-`: stdin
    std::string interface;  ///< in place of a file
    std::vector<std::int32_t> ports;
    ExchangeOptions exchanges;
};

void add_capture_options(Command command, CaptureOptions& options);
/// Prints what is in the file, or passes until a signal comes; answers the exit code.
int decode_capture(const CaptureOptions& options);

}  // namespace kwire::tools
