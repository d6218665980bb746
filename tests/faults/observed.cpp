#include "observed.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;

/// A member looks at the clock every 32 messages: so many may follow the one it was handed when it came to stand still.
constexpr std::size_t most_in_hand = 32;
/// What it may buffer, and what is promised beside that.
constexpr std::int64_t megabytes_max = 64 + 40;
/// Beyond those it has when it is handed its first message: connections to brokers that it did not need until then.
constexpr int descriptors_more_max = 8;
/// What it did before may be told so much later.
constexpr auto news_delay = 5s;
/// So late may a callback come on a busy machine.
constexpr auto callback_delay = 1s;

struct Step {
    const Observed* member;
    const Event* event;
};

class Judge {
 public:
    Judge(const std::vector<real::Record>& log, const std::vector<Observed>& members, const Promised& promised)
        : log_(log), promised_(promised) {
        for (const auto& member : members) {
            for (const auto& event : member.events) steps_.push_back({&member, &event});
        }
        std::stable_sort(steps_.begin(), steps_.end(),
                         [](const auto& a, const auto& b) { return a.event->at < b.event->at; });
        for (const auto& record : log_) offsets_[record.partition].insert(record.offset);
        verdict_.written = log_.size();
    }

    Verdict run(const std::map<int, std::int64_t>& stored) {
        for (const auto& step : steps_) take(step);
        for (const auto& record : log_) {
            if (delivered_.count({record.partition, record.offset, record.value.value_or("null")}) > 0) continue;
            ++verdict_.lost;
            broken("offset " + std::to_string(record.offset) + " of partition " + std::to_string(record.partition) +
                   " was handed to nobody");
        }
        for (const auto& [partition, next] : stored) {
            const auto top = last_read(partition);
            if (!top || (next > *top && nothing_between(partition, *top, next))) continue;
            ++verdict_.commits;
            broken("partition " + std::to_string(partition) + " was read up to " + std::to_string(*top) +
                   " and its offset is left at " + std::to_string(next));
        }
        if (!promised_.one_log && is_the_log_that_was())
            broken("the log is still the one that was read: there was no fault");
        if (promised_.no_duplicates && verdict_.duplicates > 0) {
            broken(std::to_string(verdict_.duplicates) + " messages came twice");
        }
        return std::move(verdict_);
    }

 private:
    void take(const Step& step) {
        const auto& what = step.event->what;
        if (what == "assigned") {
            take_claim(step);
        } else if (what == "delivered") {
            take_delivery(step);
        } else if (what == "committed") {
            take_commit(step);
        } else if (what == "closed") {
            take_close(*step.event, *step.member);
        } else if (what == "used") {
            verdict_.percent_of_a_core = std::max(verdict_.percent_of_a_core, step.event->partition);
            verdict_.peak_megabytes = std::max(verdict_.peak_megabytes, step.event->offset);
            if (step.event->offset > megabytes_max) broken(step.member->member + " takes more memory than it is given");
        } else if (what == "descriptors") {
            take_descriptors(*step.event, *step.member);
        } else if (what == "revoked") {
            revoking_[step.event->partition] = step.member;
        } else if (what == "returned") {
            revoking_.erase(step.event->partition);
        } else if (what == "waited-for-itself") {
            broken(step.member->member + " waited in a callback for that callback");
        }
    }

    void take_claim(const Step& step) {
        const auto partition = step.event->partition;
        const auto* const before = std::exchange(owner_[partition], step.member);
        if (before != step.member) handed_over_[partition] = {before, step.event->at};
        last_.erase({step.member, partition});
        const auto still = revoking_.find(partition);
        if (still == revoking_.end() || still->second == step.member || !promised_.waits_for_on_revoked) return;
        if (!still->second->leaves || could_not_know(*still->second, step.event->at)) return;
        ++verdict_.overlaps;
        broken(step.member->member + " is given partition " + std::to_string(partition) + " while on_revoked of " +
               still->second->member + " runs");
    }

    void take_delivery(const Step& step) {
        const auto& [what, at, partition, offset, value] = *step.event;
        if (!delivered_.emplace(partition, offset, value).second) ++verdict_.duplicates;
        if (value.starts_with("aborted")) {
            ++verdict_.disorder;
            broken(step.member->member + " is handed offset " + std::to_string(offset) + " of partition " +
                   std::to_string(partition) + ", which is of an aborted transaction");
        }
        auto& top = highest_.try_emplace(partition, -1).first->second;
        top = std::max(top, offset);
        look_at_order(step);
        const auto owner = owner_.find(partition);
        if (owner == owner_.end() || owner->second == step.member) return;
        const auto& told = step.member->member + " is handed offset " + std::to_string(offset) + " of partition " +
                           std::to_string(partition) + " after it went to " + owner->second->member;
        if (!could_not_know(*step.member, at)) {
            ++verdict_.overlaps;
            broken(told);
        } else if (++in_hand_[step.member] > most_in_hand) {
            ++verdict_.overlaps;
            broken(told + ", and more such than it had in its hands");
        } else {
            ++verdict_.late;
        }
    }

    void look_at_order(const Step& step) {
        const auto& event = *step.event;
        const auto [last, first] = last_.try_emplace({step.member, event.partition}, event.offset);
        const auto before = std::exchange(last->second, event.offset);
        if (first || !promised_.one_log) return;
        const auto where = " of partition " + std::to_string(event.partition) + " follows " + std::to_string(before);
        if (event.offset <= before) {
            ++verdict_.disorder;
            broken("offset " + std::to_string(event.offset) + where);
            return;
        }
        const auto& there = offsets_[event.partition];
        for (auto between = there.upper_bound(before); between != there.end() && *between < event.offset; ++between) {
            ++verdict_.skipped;
            broken("offset " + std::to_string(*between) + where + " in the log, and is passed over");
        }
    }

    void take_commit(const Step& step) {
        const auto& event = *step.event;
        if (!promised_.one_log) return;
        const auto told = step.member->member + " commits " + std::to_string(event.offset) + " of partition " +
                          std::to_string(event.partition);
        const auto top = highest_.find(event.partition);
        if (event.offset > 0 &&
            !nothing_between(event.partition, top == highest_.end() ? -1 : top->second, event.offset)) {
            ++verdict_.commits;
            broken(told + ", which nobody was handed");
        }
        if (could_not_know(*step.member, event.at)) return;  // it may tell now what it did before
        const auto owner = owner_.find(event.partition);
        if (owner != owner_.end() && owner->second != step.member) {
            if (is_old_news(step)) return;
            ++verdict_.commits;
            broken(told + ", which is " + owner->second->member + "'s");
            return;
        }
        auto& newest = committed_[event.partition];
        if (event.offset < newest) {
            ++verdict_.commits;
            broken(told + " after " + std::to_string(newest));
        }
        newest = std::max(newest, event.offset);
    }

    /// What it committed before it let go, told by a thread that waited for its turn; or for another callback.
    bool is_old_news(const Step& step) const {
        const auto handed_over = handed_over_.find(step.event->partition);
        if (handed_over == handed_over_.end() || handed_over->second.first != step.member) return false;
        const auto read = last_.find({step.member, step.event->partition});
        if (read == last_.end() || step.event->offset > read->second + 1) return false;
        return !promised_.waits_for_on_revoked || step.event->at <= handed_over->second.second + callback_delay;
    }

    void take_close(const Event& event, const Observed& member) {
        const std::chrono::milliseconds took(event.offset);
        verdict_.slowest_close = std::max(verdict_.slowest_close, took);
        // The program holds no message for long.
        if (took > 5500ms) broken(member.member + " needs " + std::to_string(took.count()) + " ms to close");
    }

    /// An offset may be that behind messages which no reader sees.
    bool nothing_between(int partition, std::int64_t last, std::int64_t next) const {
        const auto there = offsets_.find(partition);
        if (!promised_.aborted || there == offsets_.end()) return next <= last + 1;
        const auto after = there->second.upper_bound(last);
        return after == there->second.end() || *after >= next;
    }

    bool is_the_log_that_was() const {
        std::set<std::tuple<int, std::int64_t, std::string>> there;
        for (const auto& record : log_) there.emplace(record.partition, record.offset, record.value.value_or("null"));
        return std::all_of(delivered_.begin(), delivered_.end(),
                           [&](const auto& each) { return there.count(each) > 0; });
    }

    /// Of a log that began anew, what was handed out before may have had higher offsets: there its end is what counts.
    std::optional<std::int64_t> last_read(int partition) const {
        if (promised_.one_log) {
            const auto top = highest_.find(partition);
            return top == highest_.end() ? std::nullopt : std::optional(top->second);
        }
        const auto there = offsets_.find(partition);
        return there == offsets_.end() ? std::nullopt : std::optional(*there->second.rbegin());
    }

    void take_descriptors(const Event& event, const Observed& member) {
        const int open = event.partition;
        const int before = descriptors_.try_emplace(&member, open).first->second;
        if (open <= before + descriptors_more_max) return;
        broken(member.member + " has " + std::to_string(open) + " descriptors, and had " + std::to_string(before));
    }

    static bool could_not_know(const Observed& member, Clock::time_point at) {
        return std::any_of(member.unknowing.begin(), member.unknowing.end(),
                           [&](const auto& span) { return span.first <= at && at <= span.second + news_delay; });
    }

    void broken(const std::string& what) {
        if (verdict_.broken.empty()) verdict_.broken = what;
    }

    const std::vector<real::Record>& log_;
    const Promised promised_;
    std::vector<Step> steps_;
    Verdict verdict_;
    std::map<int, std::set<std::int64_t>> offsets_;  // of the log
    std::set<std::tuple<int, std::int64_t, std::string>> delivered_;
    std::map<int, std::int64_t> highest_;
    std::map<int, std::int64_t> committed_;
    std::map<int, const Observed*> owner_;
    std::map<int, std::pair<const Observed*, Clock::time_point>> handed_over_;  // by whom and when, last
    std::map<int, const Observed*> revoking_;  // whose on_revoked has not returned
    std::map<std::pair<const Observed*, int>, std::int64_t> last_;  // of the claim
    std::map<const Observed*, std::size_t> in_hand_;
    std::map<const Observed*, int> descriptors_;  // as it was told first
};

std::int64_t number(std::string_view& text) {
    const auto end = std::min(text.find(' '), text.size());
    std::int64_t value = -1;
    std::from_chars(text.data(), text.data() + end, value);
    text.remove_prefix(std::min(end + 1, text.size()));
    return value;
}

}  // namespace

std::vector<Event> parse_events(std::string_view text) {
    std::vector<Event> events;
    // A line that a kill cut off is none.
    for (const auto& line : real::split_lines(text.substr(0, text.rfind('\n') + 1))) {
        std::string_view rest = line;
        Event event;
        event.what = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(event.what.size() + 1, rest.size()));
        event.at = Clock::time_point(std::chrono::microseconds(number(rest)));
        event.partition = static_cast<int>(number(rest));
        event.offset = number(rest);
        event.value = rest;
        events.push_back(std::move(event));
    }
    return events;
}

Verdict judge(const std::vector<real::Record>& log, const std::vector<Observed>& members,
              const std::map<int, std::int64_t>& stored, const Promised& promised) {
    return Judge(log, members, promised).run(stored);
}

}  // namespace kwire::faults
