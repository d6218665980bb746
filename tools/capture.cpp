#include "capture.h"

#include <memory>
#include <string_view>
#include <utility>

#include <kwire/protocol/traffic.h>

#include "capture_input.h"
#include "interrupt.h"
#include "numbers.h"
#include "output.h"
#include "report.h"

namespace kwire::tools {
namespace {

constexpr std::size_t output_bytes = 1 << 16;
constexpr std::size_t magic_bytes = 4;

const char* why_skipped(const TrafficCounts& counts) {
    if (counts.gaps > 0 && counts.cut_packets > 0) return "where packets are missing or were cut";
    if (counts.gaps > 0) return "where the capture has gaps";
    return counts.cut_packets > 0 ? "where packets were cut" : "outside of frames that are there whole";
}

void report_counts(const TrafficCounts& counts, const ExchangePrinter& printer) {
    std::string text =
        show_count(counts.frames) + " frames in " + show_count(counts.connections) + " connections";
    if (printer.unanswered() > 0) {
        text += ", " + show_count(printer.unanswered()) + " requests without an answer";
    }
    if (printer.broken() > 0) {
        text += ", " + show_count(printer.broken()) + " frames that do not decode";
    }
    if (counts.skipped_bytes > 0) {
        text += ", " + show_bytes(counts.skipped_bytes) + " skipped " + why_skipped(counts);
    }
    if (counts.cut_bytes > 0) {
        text += ", " + show_bytes(counts.cut_bytes) + " of frames in which connections ended";
    }
    if (counts.other_connections > 0) {
        text += "; left out: " + show_count(counts.other_connections) +
                " connections that do not speak Kafka";
        if (counts.tls_connections > 0) {
            text += " (" + show_count(counts.tls_connections) +
                    " of them TLS: what is encrypted cannot be read)";
        }
    }
    report(text);
}

void report_cut(const TrafficCounts& counts) {
    if (counts.cut_packets == 0) return;
    report(show_count(counts.cut_packets) + " of " + show_count(counts.packets) +
           " packets were cut by the capture's snap length, and what they lack cannot be read: let tcpdump or "
           "dumpcap capture with -s 0");
}

std::string list_of(const std::vector<std::uint16_t>& ports) {
    std::string text = ports.size() == 1 ? "port " : "ports ";
    for (const std::uint16_t port : ports) text += (port == ports.front() ? "" : ", ") + std::to_string(port);
    return text;
}

/// Where no frame was found, why. `link_type`: of the packets.
std::string why_nothing(const TrafficCounts& counts, const std::vector<std::uint16_t>& ports,
                        std::uint32_t link_type, const std::string& file) {
    if (counts.packets == 0) return "there are no packets in " + file;
    if (counts.packets == counts.packets_without_tcp) {
        return "none of the packets in " + file + " is TCP in a wrapping that kwire reads (their link type is " +
               std::to_string(link_type) + ")";
    }
    if (counts.packets == counts.packets_without_tcp + counts.packets_to_other_ports) {
        return "no packet in " + file + " is to or from " + list_of(ports) + "; " +
               show_count(counts.packets_to_other_ports) + " are to and from other ports";
    }
    if (counts.tls_connections > 0 && counts.tls_connections == counts.other_connections) {
        return "all connections in " + file + (ports.empty() ? "" : " to " + list_of(ports)) +
               " speak TLS: what is encrypted cannot be read";
    }
    if (!ports.empty()) return "nothing of what passes " + list_of(ports) + " in " + file + " is Kafka's protocol";
    return "no connection in " + file +
           " looks like Kafka's; name the brokers' ports with --port if you know them";
}

/// What else a file may be that is no capture; empty if that cannot be seen.
std::string other_packing(std::string_view data) {
    constexpr std::pair<std::string_view, const char*> known[] = {
        {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd\x37zXZ", "xz"}, {"BZh", "bzip2"}, {"\x04\x22\x4d\x18", "lz4"}};
    for (const auto& [magic, name] : known) {
        if (data.starts_with(magic)) {
            return std::string("; it is packed by ") + name + ": " + name + " -dc FILE | kwire decode --pcap -";
        }
    }
    return {};
}

std::vector<std::uint16_t> ports_of(const CaptureOptions& options) {
    std::vector<std::uint16_t> ports;
    for (const std::int32_t port : options.ports) {
        if (port < 1 || port > 65535) {
            throw UsageError("--port " + std::to_string(port) + " is to be 1 to 65535");
        }
        ports.push_back(static_cast<std::uint16_t>(port));
    }
    return ports;
}

/// How reading packets came to its end.
struct Reading {
    std::string error;            ///< why nothing more can be read
    std::string rest;             ///< what is no whole packet
    bool begun = false;           ///< the bytes that say which format it is were there
    std::uint32_t link_type = 0;  ///< of the last packet
};

Reading read_packets(CaptureInput& input, Traffic& traffic, Output& output) {
    Reading reading;
    CaptureReader reader;
    std::string& data = reading.rest;
    for (bool more = true; more && !reader.error() && !output.failure();) {
        more = input.read(data);
        std::size_t done = 0;
        for (;;) {
            std::size_t consumed = 0;
            CapturedPacket packet;
            const auto step = reader.next(std::string_view(data).substr(done), consumed, packet);
            done += consumed;
            reading.begun = reading.begun || consumed > 0;
            if (step != CaptureReader::Step::packet) break;
            reading.link_type = packet.link_type;
            traffic.packet(packet);
        }
        data.erase(0, done);
        output.flush();  // of a live capture nothing is to wait here
    }
    if (reader.error()) reading.error = reader.error()->message();
    return reading;
}

/// Says what is wrong with the end of the packets; true where that is a failure.
bool report_end(const CaptureInput& input, const Reading& reading) {
    if (!input.problem().empty()) {
        report(input.name() + ": " + input.problem() + "; all before it was read");
        return true;
    }
    if (!reading.error.empty()) {
        report(input.name() + ": " + reading.error + (reading.begun ? "" : other_packing(reading.rest)));
        return true;
    }
    if (interrupt_requested()) return false;
    if (!reading.begun && reading.rest.size() < magic_bytes) {
        report(input.name() + (reading.rest.empty() ? " is empty" : " is neither a pcap nor a pcapng file"));
        return true;
    }
    if (!reading.rest.empty()) report(input.name() + " ends in the middle of a packet; all before it was read");
    return false;
}

}  // namespace

void add_capture_options(Command command, CaptureOptions& options) {
    command.option("--pcap", options.file, "FILE",
                   "a file of tcpdump, dumpcap or `kwire proxy --write`, also packed by gzip; - reads stdin");
    command.option("-i,--interface", options.interface, "NAME",
                   "capture on this interface, with tcpdump or dumpcap, until a signal ends it");
    command.option("--port", options.ports, "PORT",
                   "a broker's port; may be repeated. Without it whatever looks like Kafka");
    add_exchange_options(command, options.exchanges,
                         "of a frame the message, such as FetchRequest; of a capture only this API, "
                         "such as Fetch; may be repeated then");
}

int decode_capture(const CaptureOptions& options) {
    const std::vector<std::uint16_t> ports = ports_of(options);
    const auto source = options.interface.empty()
                            ? std::make_unique<CaptureInput>(options.file)
                            : std::make_unique<CaptureInput>(options.interface, ports);
    Output output(1);
    ExchangePrinter printer(options.exchanges);
    Traffic traffic(ports, [&](const TcpEnd& client, const TcpEnd& broker, Exchange&& exchange) {
        printer.append(output.buffer(), client.to_string(), broker.to_string(), exchange);
        if (output.buffer().size() >= output_bytes) output.flush();
    });
    install_interrupts();
    receive_interrupts();
    const Reading reading = read_packets(*source, traffic, output);
    traffic.finish();
    printer.append_end(output.buffer());
    const int written = finish(output);
    if (output.reader_gone()) return written;
    bool failed = report_end(*source, reading);
    const TrafficCounts counts = traffic.counts();
    report_counts(counts, printer);
    report_cut(counts);
    // What passes an interface, or is waited for until somebody interrupts, may well be nothing.
    const bool is_over = options.interface.empty() && !interrupt_requested();
    if (counts.frames == 0 && (counts.packets > 0 || is_over) && !failed) {
        report(why_nothing(counts, ports, reading.link_type, source->name()));
        failed = true;
    }
    return failed || printer.broken() > 0 ? exit_failure : written;
}

}  // namespace kwire::tools
