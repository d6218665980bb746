// kwire proxy: between clients and brokers, to look on and to misbehave.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "exchange_printer.h"
#include "interrupt.h"
#include "kept_capture.h"
#include "numbers.h"
#include "output.h"
#include "proxy_relay.h"
#include "report.h"
#include "subcommands.h"

namespace kwire::tools {
namespace {

constexpr std::uint16_t kafka_port = 9092;

struct ProxyOptions {
    std::string listen = "127.0.0.1:9099";
    std::string advertise;
    std::string bootstrap;
    std::string rules_file;
    std::vector<std::string> rules;
    std::string write;
    bool quiet = false;
    ExchangeOptions exchanges;
};

std::vector<ProxyRule> rules_of(const ProxyOptions& options) {
    std::vector<ProxyRule> rules;
    for (const std::string& rule : options.rules) rules.push_back(parse_rule(rule));
    if (options.rules_file.empty()) return rules;
    std::ifstream file(options.rules_file, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (!file && text.empty()) {
        throw UsageError("cannot read the rules in `" + options.rules_file +
                         "`: " + std::strerror(errno));
    }
    for (ProxyRule& rule : parse_rules(text)) rules.push_back(std::move(rule));
    return rules;
}

int proxy(const ProxyOptions& options) {
    if (options.bootstrap.empty()) throw UsageError("--bootstrap is required");
    ProxyConfig config;
    config.listen = HostPort::parse(options.listen, kafka_port);
    config.advertise = options.advertise;
    config.bootstrap = HostPort::parse_list(options.bootstrap, kafka_port);
    config.rules = rules_of(options);
    const bool everywhere = config.listen.host == "0.0.0.0" || config.listen.host == "::";
    if (everywhere && config.advertise.empty()) {
        throw UsageError("--listen " + options.listen +
                         " needs --advertise HOST, the name by which clients reach this machine");
    }
    ExchangePrinter printer(options.exchanges);
    Output output(1);
    std::unique_ptr<KeptCapture> capture;
    if (!options.write.empty()) {
        capture = std::make_unique<KeptCapture>(options.write);
        config.keep = [&capture](std::string_view bytes) { capture->add(bytes); };
    }
    Proxy* running = nullptr;
    if (!options.quiet) {
        config.show = [&](const std::string& client, const std::string& broker,
                          const Exchange& exchange) {
            printer.append(output.buffer(), client, broker, exchange);
            if (!output.buffer().empty() && !output.flush()) running->stop();
        };
    }
    config.tell = [](const std::string& sentence) { report(printable(sentence)); };
    config.tick = [&capture, &running] {
        if (capture) capture->flush();
        if (interrupt_requested()) running->stop();
    };
    const std::string listens = config.listen.to_string();
    Proxy proxy(std::move(config));
    running = &proxy;
    install_interrupts();
    receive_interrupts();
    report("listens on " + listens + " for " + options.bootstrap + "; ends with Ctrl-C");
    proxy.run();
    printer.append_end(output.buffer());
    if (capture) capture->flush();
    const int code = finish(output);
    return capture && capture->failed() ? exit_failure : code;
}

}  // namespace

void add_proxy(Command root) {
    const auto options = std::make_shared<ProxyOptions>();
    Command command = root.subcommand(
        "proxy", "Stands between clients and brokers: shows what passes, and misbehaves if told");
    command.option("--listen", options->listen, "HOST:PORT",
                   "where clients find it; brokers get the ports that follow (127.0.0.1:9099)");
    command.option("--advertise", options->advertise, "HOST",
                   "the host that clients are told, if it is not that of --listen");
    command.option("-b,--bootstrap", options->bootstrap, "HOST:PORT,...", "the brokers");
    command.option("--rules", options->rules_file, "FILE", "how to misbehave, a rule a line");
    command.option("--rule", options->rules, "RULE", "one such rule; may be repeated");
    command.option("--write", options->write, "FILE",
                   "keep what passes as a capture for `kwire decode --pcap` and Wireshark; it holds passwords and "
                   "tokens as they were sent");
    command.flag("-q,--quiet", options->quiet, "show nothing: frames pass without being decoded");
    add_exchange_options(command, options->exchanges);
    command.notes("Note", {"Where stdout is a pipe whose reader stands still (| less), the traffic stands still too;",
                           "--quiet --write FILE does not wait for anybody.",
                           "The file of --write holds all that passed, passwords and tokens too: keep it as safe as",
                           "these. Only its owner may read a new one."});
    command.notes("Rules", {"API [topic=NAME] [client=ID] [after=N] [count=N] [every=N] ACTION",
                            "API is a name such as Fetch, or * for any. ACTION is one of",
                            "  delay TIME   hold the answer back     drop        no answer at all",
                            "  error NAME   answer with this error   cut         close instead",
                            "  corrupt      flip a bit of the answer cut-answer  close half way",
                            "  trickle N    so many bytes a second   reset       abort instead (RST)",
                            "  hang         nothing passes any more, and the connection stays open"});
    command.notes(
        "Examples",
        {"kwire proxy --listen 127.0.0.1:9099 --bootstrap localhost:9092",
         "kwire proxy -b localhost:9092 --rule 'OffsetCommit count=3 error NOT_COORDINATOR'",
         "kwire proxy -b localhost:9092 --rule 'Fetch topic=clicks every=10 delay 2s' --api Fetch",
         "kwire proxy -b localhost:9092 --quiet --write clients.pcap"});
    command.runs([options] { return proxy(*options); });
}

}  // namespace kwire::tools
