#include "proxy_rules.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "command_line.h"
#include "duration.h"
#include "error_name.h"

namespace kwire::tools {
namespace {

using Action = ProxyRule::Action;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    constexpr std::string_view blanks = " \t\r";
    for (std::size_t at = 0; (at = line.find_first_not_of(blanks, at)) != std::string_view::npos;) {
        const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

[[noreturn]] void refuse(std::string_view line, const std::string& why) {
    throw UsageError("the rule `" + std::string(line) + "` " + why);
}

std::uint64_t number(std::string_view line, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
        refuse(line, "has `" + std::string(text) + "` where a number from 1 on belongs");
    }
    return value;
}

ErrorCode error_in(std::string_view line, std::string_view text) {
    if (const auto error = error_named(text)) return *error;
    refuse(line, "names the error `" + std::string(text) +
                     "`, which Kafka does not have; write it as in NOT_COORDINATOR");
}

/// False where the word is the action.
bool parse_condition(std::string_view line, std::string_view word, ProxyRule& rule) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = word.substr(equals + 1);
    if (key == "topic") {
        rule.topic = value;
    } else if (key == "client") {
        rule.client_id = value;
    } else if (key == "after") {
        rule.after = number(line, value);
    } else if (key == "count") {
        rule.count = number(line, value);
    } else if (key == "every") {
        rule.every = number(line, value);
    } else {
        refuse(line, "has the condition `" + std::string(key) +
                         "`; there are topic, client, after, count and every");
    }
    return true;
}

void parse_action(std::string_view line, const std::vector<std::string_view>& words,
                  ProxyRule& rule) {
    constexpr std::pair<std::string_view, Action> actions[] = {
        {"delay", Action::delay},           {"drop", Action::drop},   {"cut", Action::cut},
        {"cut-answer", Action::cut_answer}, {"error", Action::error}, {"corrupt", Action::corrupt},
        {"reset", Action::reset},           {"hang", Action::hang},   {"trickle", Action::trickle},
    };
    const auto found = std::find_if(std::begin(actions), std::end(actions),
                                    [&words](const auto& a) { return a.first == words.front(); });
    if (found == std::end(actions)) {
        refuse(line, "does `" + std::string(words.front()) +
                         "`; there are delay, drop, cut, cut-answer, reset, hang, trickle, error and corrupt");
    }
    rule.action = found->second;
    const bool takes_word =
        rule.action == Action::delay || rule.action == Action::trickle || rule.action == Action::error;
    if (words.size() != (takes_word ? 2U : 1U)) {
        refuse(line, takes_word ? "is to end with what follows `" + std::string(words.front()) +
                                      "`: a time such as 300ms, bytes a second, or an error's name"
                                : "is to end with `" + std::string(words.front()) + "`");
    }
    if (rule.action == Action::error) rule.error = error_in(line, words[1]);
    if (rule.action == Action::trickle) rule.bytes_per_second = number(line, words[1]);
    if (rule.action == Action::delay) {
        const auto time = parse_duration(words[1]);
        if (!time) refuse(line, "has a delay that is no time such as 300ms or 2s");
        rule.delay = *time;
    }
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

ProxyRule parse_rule(std::string_view line) {
    ProxyRule rule;
    auto words = words_of(line);
    if (words.size() < 2) refuse(line, "is to be an API (or *) and what is done");
    rule.text = line;
    if (words.front() != "*") {
        rule.api = api_key_of(words.front());
        if (!rule.api) {
            refuse(line, "begins with `" + std::string(words.front()) +
                             "`, which is no API; `kwire apis` lists them, * is any");
        }
    }
    words.erase(words.begin());
    while (!words.empty() && parse_condition(line, words.front(), rule)) words.erase(words.begin());
    if (words.empty()) refuse(line, "says not what is done");
    parse_action(line, words, rule);
    return rule;
}

std::vector<ProxyRule> parse_rules(std::string_view text) {
    std::vector<ProxyRule> rules;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = line.substr(0, line.find('#'));
        const std::size_t last = line.find_last_not_of(" \t\r");
        if (last == std::string_view::npos) continue;
        rules.push_back(parse_rule(line.substr(0, last + 1)));
    }
    return rules;
}

ProxyRules::ProxyRules(std::vector<ProxyRule> rules) {
    for (ProxyRule& rule : rules) rules_.push_back({std::move(rule), 0, 0});
}

bool ProxyRules::concerns(ApiKey api) const {
    return std::any_of(rules_.begin(), rules_.end(), [api](const Counted& counted) {
        return !counted.rule.api || *counted.rule.api == api;
    });
}

const ProxyRule* ProxyRules::apply(const ProxiedRequest& request) {
    for (Counted& counted : rules_) {
        const ProxyRule& rule = counted.rule;
        if (rule.api && *rule.api != request.api) continue;
        if (!rule.client_id.empty() && rule.client_id != request.client_id) continue;
        if (!rule.topic.empty() && !contains(request.topics, rule.topic)) continue;
        if (rule.count != 0 && counted.acted == rule.count) continue;
        ++counted.seen;
        if (counted.seen <= rule.after || (counted.seen - rule.after) % rule.every != 0) continue;
        ++counted.acted;
        return &rule;
    }
    return nullptr;
}

}  // namespace kwire::tools
