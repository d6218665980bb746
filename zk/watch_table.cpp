#include "watch_table.h"

#include <utility>

namespace kwire::zk {

std::uintptr_t WatchTable::add(Watch watch, std::string path, Kind kind) {
    const std::uintptr_t number = next_++;
    Entry& entry = entries_[number];
    entry.watch = std::move(watch);
    entry.path = std::move(path);
    entry.kind = kind;
    return number;
}

void WatchTable::left(std::uintptr_t number, Kind kind, const Stat& stat) {
    Entry* const entry = find(number);
    if (entry == nullptr) return;
    entry->kind = kind;
    entry->stat = stat;
    entry->is_asked = entry->is_left = true;
}

WatchTable::Entry* WatchTable::find(std::uintptr_t number) {
    const auto found = entries_.find(number);
    return found == entries_.end() ? nullptr : &found->second;
}

Watch WatchTable::take(std::uintptr_t number) {
    const auto found = entries_.find(number);
    if (found == entries_.end()) return nullptr;
    Watch watch = std::move(found->second.watch);
    entries_.erase(found);
    return watch;
}

std::vector<Watch> WatchTable::take_all() {
    std::vector<Watch> watches;
    for (auto& [number, entry] : std::exchange(entries_, {})) watches.push_back(std::move(entry.watch));
    return watches;
}

void WatchTable::keep_first(std::size_t bytes_max,
                            const std::function<void(std::uintptr_t, const Entry&)>& forget) {
    constexpr std::size_t length_bytes = 4;
    std::size_t bytes = 0;
    for (auto& [number, entry] : entries_) {
        bytes += length_bytes + entry.path.size();
        if (!entry.is_asked || (entry.is_left && bytes <= bytes_max)) continue;
        forget(number, entry);  // also if it is not known to be left: its answer may be under way
        entry.is_left = false;
    }
}

std::vector<std::uintptr_t> WatchTable::not_left(std::size_t count) const {
    std::vector<std::uintptr_t> numbers;
    for (const auto& [number, entry] : entries_) {
        if (numbers.size() == count) break;
        if (entry.is_asked && !entry.is_left) numbers.push_back(number);
    }
    return numbers;
}

std::optional<WatchEvent::Type> missed(const WatchTable::Entry& entry, Code code, const Stat& stat) {
    using Type = WatchEvent::Type;
    if (code == Code::no_node) {
        return entry.kind == WatchTable::Kind::absence ? std::nullopt : std::optional(Type::deleted);
    }
    switch (entry.kind) {
        case WatchTable::Kind::absence:
            return Type::created;
        case WatchTable::Kind::data:
            if (code == Code::ok && stat.mzxid == entry.stat.mzxid) return std::nullopt;
            return Type::data_changed;
        case WatchTable::Kind::children:
            break;
    }
    const bool is_same =
        code == Code::ok && stat.czxid == entry.stat.czxid && stat.cversion == entry.stat.cversion;
    return is_same ? std::nullopt : std::optional(Type::children_changed);
}

}  // namespace kwire::zk
