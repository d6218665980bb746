#include "capture.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kwire/net/error.h>
#include <kwire/protocol/traffic.h>

#include "interrupt.h"
#include "numbers.h"
#include "output.h"
#include "report.h"

namespace kwire::tools {
namespace {

constexpr std::size_t read_bytes = 64 << 10;
constexpr std::size_t output_bytes = 1 << 16;
constexpr std::size_t magic_bytes = 4;

/// What is to be captured of an interface, as libpcap's filters say it.
std::string filter_of(const std::vector<std::uint16_t>& ports) {
    if (ports.empty()) return "tcp";
    std::string filter;
    for (const std::uint16_t port : ports) {
        filter += (filter.empty() ? "tcp port " : " or tcp port ") + std::to_string(port);
    }
    return filter;
}

/// A file, stdin, or what a program captures of an interface. Capturing needs rights that those
/// programs were given and kwire was not.
class Input {
 public:
    explicit Input(const std::string& file)
        : name_(file == "-" ? "stdin" : "`" + file + "`"),
          descriptor_(file == "-" ? 0 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (descriptor_ < 0) fail("cannot open ");
    }
    Input(const std::string& interface, const std::vector<std::uint16_t>& ports)
        : name_("what is captured on " + interface) {
        const std::string filter = filter_of(ports);
        const std::vector<std::vector<std::string>> commands{
            {"tcpdump", "-i", interface, "-U", "-w", "-", filter},
            {"dumpcap", "-i", interface, "-q", "-w", "-", "-f", filter}};
        for (const auto& command : commands) {
            if (start(command)) return;
        }
        throw Error(errc::invalid_config,
                    "neither tcpdump nor dumpcap is there to capture with: install one of them");
    }
    ~Input() {
        if (program_ > 0) {
            ::kill(program_, SIGTERM);
            // dumpcap takes a pipe that closes before it has ended for a bug of its own.
            char rest[4096];
            while (::read(descriptor_, rest, sizeof rest) > 0) continue;
            ::waitpid(program_, nullptr, 0);
        }
        if (descriptor_ > 0) ::close(descriptor_);
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// Appends what is there to `buffer`; false at the end, or when a signal asks to end.
    bool read(std::string& buffer) {
        const std::size_t before = buffer.size();
        buffer.resize(before + read_bytes);
        ssize_t count = -1;
        do {
            count = ::read(descriptor_, buffer.data() + before, read_bytes);
        } while (count < 0 && errno == EINTR && !interrupt_requested());
        buffer.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
        if (count < 0 && errno != EINTR) fail("cannot read ");
        return count > 0 && !interrupt_requested();
    }

    const std::string& name() const { return name_; }

 private:
    /// Runs the program with its stdout in a pipe; false where it is not installed.
    bool start(const std::vector<std::string>& command) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe for ");
        std::vector<char*> arguments;
        for (const std::string& argument : command) {
            arguments.push_back(const_cast<char*>(argument.c_str()));
        }
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        const int failure = ::posix_spawnp(&program_, arguments[0], &actions, nullptr,
                                           arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        descriptor_ = ends[0];
        if (failure == 0) return true;
        program_ = -1;
        ::close(std::exchange(descriptor_, -1));
        errno = failure;
        if (failure != ENOENT) fail("cannot run a program for ");
        return false;
    }

    [[noreturn]] void fail(const char* what) const {
        throw Error(errc::invalid_config, what + name_ + ": " + std::strerror(errno));
    }

    std::string name_;
    int descriptor_ = -1;
    pid_t program_ = -1;
};

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
        text += ", " + show_bytes(counts.skipped_bytes) + " skipped where the capture has gaps";
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

/// Where nothing was found, what may be the reason.
void report_nothing(const TrafficCounts& counts, const std::string& file) {
    if (counts.frames > 0) return;
    if (counts.packets > 0 && counts.packets == counts.packets_without_tcp) {
        report("none of the packets in " + file + " is TCP on Ethernet, loopback or bare IP");
    } else if (counts.packets > 0) {
        report("no connection in " + file +
               " looks like Kafka's; name the brokers' ports with --port if you know them");
    }
}

}  // namespace

void add_capture_options(Command command, CaptureOptions& options) {
    command.option("--pcap", options.file, "FILE",
                   "a file of tcpdump, dumpcap or `kwire proxy --write`; - reads stdin");
    command.option("-i,--interface", options.interface, "NAME",
                   "capture on this interface, with tcpdump or dumpcap, until a signal ends it");
    command.option("--port", options.ports, "PORT",
                   "a broker's port; may be repeated. Without it whatever looks like Kafka");
    add_exchange_options(command, options.exchanges,
                         "of a frame the message, such as FetchRequest; of a capture only this API, "
                         "such as Fetch; may be repeated then");
}

int decode_capture(const CaptureOptions& options) {
    std::vector<std::uint16_t> ports;
    for (const std::int32_t port : options.ports) {
        if (port < 1 || port > 65535) {
            throw UsageError("--port " + std::to_string(port) + " is to be 1 to 65535");
        }
        ports.push_back(static_cast<std::uint16_t>(port));
    }
    const auto source = options.interface.empty()
                            ? std::make_unique<Input>(options.file)
                            : std::make_unique<Input>(options.interface, ports);
    Input& input = *source;
    Output output(1);
    ExchangePrinter printer(options.exchanges);
    Traffic traffic(ports, [&](const TcpEnd& client, const TcpEnd& broker, Exchange&& exchange) {
        printer.append(output.buffer(), client.to_string(), broker.to_string(), exchange);
        if (output.buffer().size() >= output_bytes) output.flush();
    });
    install_interrupts();
    receive_interrupts();
    CaptureReader reader;
    std::string data;
    bool more = true;
    bool failed = false;
    bool begun = false;  // the bytes that say which format it is were there
    while (more && !failed && !output.failure()) {
        more = input.read(data);
        std::size_t done = 0;
        for (;;) {
            std::size_t consumed = 0;
            CapturedPacket packet;
            const auto step = reader.next(std::string_view(data).substr(done), consumed, packet);
            done += consumed;
            begun = begun || consumed > 0;
            if (step == CaptureReader::Step::packet) traffic.packet(packet);
            failed = step == CaptureReader::Step::failed;
            if (step != CaptureReader::Step::packet) break;
        }
        data.erase(0, done);
        output.flush();  // of a live capture nothing is to wait here
    }
    traffic.finish();
    printer.append_end(output.buffer());
    const int written = finish(output);
    if (output.reader_gone()) return written;
    if (failed) {
        report(input.name() + ": " + reader.error()->message());
    } else if (!begun && data.size() < magic_bytes && !interrupt_requested()) {
        report(input.name() +
               (data.empty() ? " is empty" : " is neither a pcap nor a pcapng file"));
        failed = true;
    } else if (!data.empty() && !interrupt_requested()) {
        report(input.name() + " ends in the middle of a packet; all before it was read");
    }
    const TrafficCounts counts = traffic.counts();
    report_counts(counts, printer);
    report_nothing(counts, input.name());
    return failed || printer.broken() > 0 ? exit_failure : written;
}

}  // namespace kwire::tools
