#include "virtual_clock.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace kwire::test {

void VirtualClock::arm(asio::steady_timer& timer, TimePoint when) {
    if (when <= now_) {
        armed_.erase(&timer);
        timer.expires_at(TimePoint::min());
    } else {
        armed_[&timer] = {when, ++armed_count_};
        timer.expires_at(TimePoint::max());
    }
}

void VirtualClock::disarm(asio::steady_timer& timer) {
    armed_.erase(&timer);
    timer.cancel();
}

std::optional<TimePoint> VirtualClock::next() const {
    std::optional<TimePoint> first;
    for (const auto& [timer, armed] : armed_) {
        // What waits until the end of time waits for something else.
        if (armed.when != TimePoint::max() && (!first || armed.when < *first)) first = armed.when;
    }
    return first;
}

void VirtualClock::set(TimePoint now) {
    now_ = std::max(now_, now);
    std::vector<std::pair<Armed, asio::steady_timer*>> due;
    for (const auto& [timer, armed] : armed_) {
        if (armed.when <= now_) due.emplace_back(armed, timer);
    }
    std::sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
        return std::tie(a.first.when, a.first.order) < std::tie(b.first.when, b.first.order);
    });
    for (const auto& [armed, timer] : due) {
        armed_.erase(timer);
        timer->expires_at(TimePoint::min());
    }
}

VirtualLoop::VirtualLoop() : runtime_(Runtime::on(context_->get_executor(), clock_)) {}

VirtualLoop::~VirtualLoop() {
    run_until_idle();
    // Coroutines that still wait end here, while the clock and the runtime are there for their
    // timers. The runtime's strand goes before the context that it belongs to.
    context_->shutdown();
    runtime_.reset();
}

void VirtualLoop::run_until_idle() {
    do {
        context_->restart();
    } while (context_->poll() > 0);
}

bool VirtualLoop::turn() {
    context_->restart();
    if (context_->poll_one() > 0) return true;
    const auto next = clock_->next();
    if (!next) return false;
    clock_->set(*next);
    return true;
}

bool VirtualLoop::advance_to_next() {
    run_until_idle();
    const auto next = clock_->next();
    if (!next) return false;
    clock_->set(*next);
    run_until_idle();
    return true;
}

void VirtualLoop::advance(Duration duration) {
    const TimePoint end = clock_->now() + duration;
    run_until_idle();
    for (auto next = clock_->next(); next && *next <= end; next = clock_->next()) {
        clock_->set(*next);
        run_until_idle();
    }
    clock_->set(end);
    run_until_idle();
}

}  // namespace kwire::test
