// The `kwire` command: see README.md of this folder for what belongs where.
#include <csignal>
#include <exception>

#include <kwire/net/error.h>

#include "command_line.h"
#include "report.h"
#include "subcommands.h"

namespace {

int run(int argc, char** argv) {
    using namespace kwire::tools;
    CommandLine line("Reads and writes Kafka; groups through ZooKeeper", KWIRE_VERSION);
    add_consume(line.root());
    add_produce(line.root());
    add_topics(line.root());
    add_offsets(line.root());
    add_group(line.root());
    add_apis(line.root());
    add_decode(line.root());
    add_encode(line.root());
    add_proxy(line.root());
    add_log(line.root());
    add_raw(line.root());
    add_bench(line.root());
    add_config(line.root());
    line.root().notes("A first look",
                      {"kwire consume --help", "kwire topics list --bootstrap localhost:9092"});
    return line.run(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace kwire::tools;
    std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is seen where it is written to
    try {
        return run(argc, argv);
    } catch (const UsageError& error) {
        report(error.what());
        return exit_usage;
    } catch (const kwire::Error& error) {
        report(error.what());
        return error.condition() == kwire::errc::invalid_config ? exit_usage : exit_failure;
    } catch (const std::exception& error) {
        report(error.what());
        return exit_failure;
    }
}
