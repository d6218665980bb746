// `kwire decode --pcap`: Kafka's traffic in a file of captured packets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "command_line.h"
#include "exchange_printer.h"

namespace kwire::tools {

struct CaptureOptions {
    std::string file;  ///< `-`: stdin
    std::vector<std::int32_t> ports;
    ExchangeOptions exchanges;
};

void add_capture_options(Command command, CaptureOptions& options);
/// Prints what is in the file; answers the exit code.
int decode_capture(const CaptureOptions& options);

}  // namespace kwire::tools
