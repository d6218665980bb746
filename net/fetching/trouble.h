// What keeps something from working, from when on, and whether it was reported: once for each reason, and only if it stays.
//
// Purpose: leaders move and connections break all the time, which is no news if it passes. What stays for two seconds is;
// so is, at once, what somebody must change. Pure: no clock, each call says what time it is.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>

namespace kwire {

class Trouble {
 public:
    static constexpr std::chrono::seconds patience{2};

    enum class Report {
        if_it_stays,
        at_once,    ///< Trying again does not help.
        by_others,  ///< It is not this one's alone.
    };

    /// The newest reason.
    void note(Error reason, TimePoint now, Report report = Report::if_it_stays) {
        if (!state_) state_ = std::make_unique<State>(State{now, {}, {}, report});
        state_->reason = std::move(reason);
        state_->report = report;
    }
    /// It works.
    void over() { state_.reset(); }
    bool any() const { return state_ != nullptr; }
    std::optional<Error> reason() const { return state_ ? state_->reason : std::nullopt; }

    /// What is to be reported now. Each reason is given out once until over().
    std::optional<Error> news(TimePoint now) {
        if (!state_ || state_->report == Report::by_others) return std::nullopt;
        if (state_->report == Report::if_it_stays && now < state_->since + patience) return std::nullopt;
        const Key key{state_->reason->condition(), state_->reason->broker_code()};
        auto& told = state_->told;
        if (std::find(told.begin(), told.end(), key) != told.end()) return std::nullopt;
        told.push_back(key);
        return state_->reason;
    }

 private:
    using Key = std::pair<errc, ErrorCode>;
    struct State {
        TimePoint since;
        std::optional<Error> reason;
        std::vector<Key> told;
        Report report;
    };
    std::unique_ptr<State> state_;  // almost always null
};

}  // namespace kwire
