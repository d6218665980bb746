// The `kwire` command: see README.md of this folder for what belongs where.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

#include <kwire/net/error.h>

#include "command_line.h"
#include "report.h"
#include "subcommands.h"

namespace {

/// Whoever starts a process may have closed its standard descriptors. The next file opened would take such a number, and
/// what is written to stdout would land in that file. So each gets a stand-in that cannot be read or written.
bool occupy_standard_descriptors() {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
        if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one: those below are taken.
        if (::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) != descriptor) return false;
    }
    return true;
}

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
    if (!occupy_standard_descriptors()) return exit_failure;
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
