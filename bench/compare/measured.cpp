// Runs a command and says what it took: for peers that are programs of their own. Writes test
// data too, so that compare.sh needs nothing else.
//
//     measured run MESSAGES FILE COMMAND...      its output goes to FILE, one line of JSON with the names of `kwire bench fetch
//                                                --json` to stdout
//     measured lines COUNT BYTES [FIRST]         COUNT lines of JSON of that size, different from each other
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int run(std::int64_t messages, const char* output, char** command) {
    const auto begun = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
        dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666), 1);
        execvp(command[0], command);
        _exit(127);
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const auto span = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    const double cpu = span(usage.ru_utime) + span(usage.ru_stime);
    const auto count = static_cast<double>(messages);
    std::printf("{\"messages\":%ld,\"seconds\":%.6f,\"messages_per_second\":%.0f,\"cpu_seconds\":%.6f,"
                "\"cpu_ns_per_message\":%.2f,\"peak_rss_bytes\":%ld}\n",
                messages, seconds, count / seconds, cpu, cpu * 1e9 / count, usage.ru_maxrss * 1024L);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int lines(std::int64_t count, std::size_t size, std::int64_t first) {
    std::string line;
    char head[160];
    for (std::int64_t n = first; n < first + count; ++n) {
        const auto mixed = static_cast<std::uint64_t>(n) * 0x9e3779b97f4a7c15ULL;
        const int length = std::snprintf(
            head, sizeof head, R"({"id":%09ld,"user":"user-%05u","event":"page_view","ms":%06u,"amount":%07.2f})", n,
            static_cast<unsigned>(mixed >> 47), static_cast<unsigned>(mixed >> 20 & 0x7ffff),
            static_cast<double>(mixed & 0xfffff) / 128);
        // Small ones end early, large ones hold the same again and again.
        line.clear();
        while (line.size() < size) line.append(head, static_cast<std::size_t>(length));
        line.resize(size);
        line.push_back('\n');
        if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) return 1;
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "run" && argc > 4) return run(std::atol(argv[2]), argv[3], argv + 4);
    if (mode == "lines" && argc > 3) {
        return lines(std::atol(argv[2]), static_cast<std::size_t>(std::atol(argv[3])), argc > 4 ? std::atol(argv[4]) : 0);
    }
    std::fprintf(stderr, "measured run MESSAGES FILE COMMAND... | measured lines COUNT BYTES [FIRST]\n");
    return 2;
}
