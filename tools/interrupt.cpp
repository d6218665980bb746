#include "interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace kwire::tools {
namespace {

// timeout(1) sends its signal to the process and to its group: twice at once, which is one request.
constexpr std::int64_t one_request_ms = 300;

std::atomic<bool> requested{false};
std::atomic<std::int64_t> requested_ms{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "a signal handler may not wait");

std::int64_t monotonic_ms() {
    std::timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void note(int signal) {
    const int kept = errno;
    const std::int64_t now = monotonic_ms();
    if (!requested) {
        requested_ms = now;
        requested = true;
    } else if (now - requested_ms > one_request_ms) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);  // comes once this handler is left
    }
    errno = kept;
}

sigset_t both() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

void install_interrupts() {
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = 0;  // no SA_RESTART: a write that waits is to return
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    const sigset_t signals = both();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void receive_interrupts() {
    const sigset_t signals = both();
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

bool interrupt_requested() {
    return requested;
}

}  // namespace kwire::tools
