#include "idle_watch.h"

#include <algorithm>
#include <vector>

namespace kwire::tools {
namespace {

// To join, to find the leaders and to be answered takes a moment, however short the idle time is.
constexpr std::chrono::seconds patience{2};
constexpr std::size_t described_max = 5;

}  // namespace

void IdleWatch::message(TimePoint now) {
    last_message_ = now;
    stuck_for_ = {};
}

IdleWatch::Verdict IdleWatch::look(const ReadingState& state, TimePoint now) {
    const Duration passed = now - std::exchange(last_look_, now);
    if (!state.troubled()) {
        troubled_since_.reset();
    } else if (!troubled_since_) {
        troubled_since_ = now;
    }
    const bool moved = std::exchange(progress_, state.progress) != state.progress;
    if (state.obstacles.empty()) {
        if (!all_read_since_) all_read_since_ = now;
        const TimePoint since = std::max(last_message_, *all_read_since_);
        return idle_ && state.confirmed - since >= *idle_ ? Verdict::idle : Verdict::go_on;
    }
    all_read_since_.reset();
    if (moved && !state.troubled()) {
        stuck_for_ = {};
    } else {
        stuck_for_ += passed;
    }
    return idle_ && stuck_for_ >= std::max<Duration>(*idle_, patience) ? Verdict::stuck : Verdict::go_on;
}

bool IdleWatch::in_trouble(TimePoint now) const {
    return troubled_since_ && now - *troubled_since_ >= patience;
}

std::string describe(const ReadingState& state) {
    std::vector<const ReadingState::Obstacle*> obstacles;
    for (const auto& obstacle : state.obstacles) obstacles.push_back(&obstacle);
    std::stable_partition(obstacles.begin(), obstacles.end(), [](const auto* obstacle) { return !obstacle->behind; });
    std::string all;
    for (std::size_t i = 0; i < std::min(obstacles.size(), described_max); ++i) {
        all += (i > 0 ? "; " : "") + obstacles[i]->to_string();
    }
    if (obstacles.size() > described_max) all += "; and " + std::to_string(obstacles.size() - described_max) + " more";
    return all;
}

}  // namespace kwire::tools
