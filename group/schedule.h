// What is due when, so that an event costs what is due and not what there is.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <kwire/net/runtime.h>

namespace kwire {

/// One time for each key at most. Every operation costs the logarithm of how many there are.
template <class Key>
class Schedule {
 public:
    void set(const Key& key, TimePoint when) {
        const auto [entry, is_new] = times_.try_emplace(key, when);
        if (!is_new) {
            if (entry->second == when) return;
            order_.erase({entry->second, key});
            entry->second = when;
        }
        order_.insert({when, key});
    }
    void set(const Key& key, std::optional<TimePoint> when) {
        if (when) return set(key, *when);
        clear(key);
    }
    void clear(const Key& key) {
        const auto entry = times_.find(key);
        if (entry == times_.end()) return;
        order_.erase({entry->second, key});
        times_.erase(entry);
    }
    void clear() {
        times_.clear();
        order_.clear();
    }
    bool has(const Key& key) const { return times_.count(key) > 0; }
    std::optional<TimePoint> next() const {
        if (order_.empty()) return std::nullopt;
        return order_.begin()->first;
    }
    /// Removes the earliest, of which there is one.
    Key take_first() {
        const Key key = order_.begin()->second;
        times_.erase(key);
        order_.erase(order_.begin());
        return key;
    }
    /// Removes what is due at now, and returns it in the order of its times.
    std::vector<Key> take_due(TimePoint now) {
        std::vector<Key> due;
        while (!order_.empty() && order_.begin()->first <= now) due.push_back(take_first());
        return due;
    }

 private:
    std::map<Key, TimePoint> times_;
    std::set<std::pair<TimePoint, Key>> order_;
};

}  // namespace kwire
