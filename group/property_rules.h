// What the value of a property may be: how it is read from text, held against its range, and shown.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kwire/net/transport.h>
#include <kwire/zk/session.h>

namespace kwire::property {

/// A whole number in [min, max]; unit is what one of it is, such as `bytes`.
template <class Number>
struct NumberRule {
    using Value = Number;
    std::int64_t min;
    std::int64_t max;
    std::string_view unit;

    std::optional<Value> parse(std::string_view text) const {
        std::int64_t number = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        if (number < min || number > max) return std::nullopt;
        return static_cast<Value>(number);
    }
    bool holds(Value value) const {
        return static_cast<std::int64_t>(value) >= min && static_cast<std::int64_t>(value) <= max;
    }
    std::string show(Value value) const { return std::to_string(value); }
    std::string text() const {
        return "a whole number of " + std::string(unit) + ", " + std::to_string(min) + " to " +
               std::to_string(max);
    }
};

struct MillisecondsRule {
    using Value = std::chrono::milliseconds;
    NumberRule<std::int64_t> number;
    explicit MillisecondsRule(std::int64_t min, std::int64_t max = INT32_MAX)
        : number{min, max, "milliseconds"} {}

    std::optional<Value> parse(std::string_view text) const {
        const auto count = number.parse(text);
        if (!count) return std::nullopt;
        return Value(*count);
    }
    bool holds(Value value) const { return number.holds(value.count()); }
    std::string show(Value value) const { return number.show(value.count()); }
    std::string text() const { return number.text(); }
};

/// A size given in units of 1,024 bytes.
struct KibibytesRule {
    using Value = std::int64_t;
    NumberRule<std::int64_t> number{1, INT32_MAX, "kilobytes (of 1024)"};

    std::optional<Value> parse(std::string_view text) const {
        const auto count = number.parse(text);
        if (!count) return std::nullopt;
        return *count * 1024;
    }
    bool holds(Value value) const { return value >= 1024 && number.holds(value / 1024); }
    std::string show(Value value) const { return number.show(value / 1024); }
    std::string text() const { return number.text(); }
};

/// One of several words; the first word of each value is the one that is shown.
template <class Enumeration>
struct ChoiceRule {
    using Value = Enumeration;
    struct Choice {
        Value value;
        std::vector<std::string_view> words;
    };
    std::vector<Choice> choices;

    std::optional<Value> parse(std::string_view text) const {
        for (const Choice& choice : choices) {
            for (const auto word : choice.words) {
                if (word == text) return choice.value;
            }
        }
        return std::nullopt;
    }
    bool holds(Value value) const {
        for (const Choice& choice : choices) {
            if (choice.value == value) return true;
        }
        return false;
    }
    std::string show(Value value) const {
        for (const Choice& choice : choices) {
            if (choice.value == value) return std::string(choice.words.front());
        }
        if constexpr (std::is_enum_v<Value> || std::is_integral_v<Value>) {
            return std::to_string(static_cast<int>(value));
        } else {
            return "?";
        }
    }
    std::string text() const {
        std::string all;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            if (i > 0) all += i + 1 == choices.size() ? " or " : ", ";
            all += choices[i].words.front();
            for (std::size_t w = 1; w < choices[i].words.size(); ++w) {
                all += w == 1 ? " (" : ", ";
                all += choices[i].words[w];
                if (w + 1 == choices[i].words.size()) all += ')';
            }
        }
        return all;
    }
};

inline ChoiceRule<bool> flag_rule() {
    return {{{true, {"true"}}, {false, {"false"}}}};
}

struct TextRule {
    using Value = std::string;
    std::string_view what = "text";

    std::optional<Value> parse(std::string_view text) const { return Value(text); }
    bool holds(const Value&) const { return true; }
    std::string show(const Value& value) const { return value; }
    std::string text() const { return std::string(what); }
};

/// Text that becomes the name of a ZooKeeper node.
struct NodeNameRule {
    using Value = std::string;

    std::optional<Value> parse(std::string_view text) const {
        Value name(text);
        if (name.empty() || !holds(name)) return std::nullopt;
        return name;
    }
    bool holds(const Value& name) const {  // none set is not for this rule to refuse
        if (name == "." || name == "..") return false;
        for (const char c : name) {
            if (c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
        }
        return true;
    }
    std::string show(const Value& value) const { return value; }
    std::string text() const { return "the name of a ZooKeeper node: without `/`, not empty"; }
};

/// Credentials for ZooKeeper, as `addauth` of its shell takes them.
struct ZooKeeperAuthRule {
    using Value = std::optional<std::pair<std::string, std::string>>;

    std::optional<Value> parse(std::string_view text) const;
    bool holds(const Value& value) const { return !value || !value->first.empty(); }
    std::string show(const Value& value) const {
        return value ? value->first + ":(hidden)" : std::string();
    }
    std::string text() const { return "SCHEME:CREDENTIALS, such as digest:user:password"; }
};

/// An access control list for ZooKeeper, as `setAcl` of its shell takes it.
struct ZooKeeperAclRule {
    using Value = std::vector<zk::Acl>;

    std::optional<Value> parse(std::string_view text) const;
    bool holds(const Value& value) const;
    std::string show(const Value& value) const;
    std::string text() const {
        return "SCHEME:ID:PERMISSIONS,... with permissions out of c, d, r, w and a, such as "
               "auth::cdrwa,world:anyone:r";
    }
};

struct BrokersRule {
    using Value = std::vector<HostPort>;

    std::optional<Value> parse(std::string_view text) const;
    bool holds(const Value& value) const {
        for (const HostPort& address : value) {
            if (address.host.empty() || address.port == 0) return false;
        }
        return true;
    }
    std::string show(const Value& value) const;
    std::string text() const { return "a list of host:port with commas"; }
};

}  // namespace kwire::property
