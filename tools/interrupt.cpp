#include "interrupt.h"

#include <csignal>
#include <ctime>

namespace kwire::tools {
namespace {

volatile std::sig_atomic_t requested = 0;

void note(int) {
    requested = 1;
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
    return requested != 0;
}

}  // namespace kwire::tools
