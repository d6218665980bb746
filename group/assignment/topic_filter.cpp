#include "assignment/topic_filter.h"

#include <algorithm>
#include <cstddef>
#include <regex>
#include <string>

namespace kwire {
namespace {

// The expression comes from another member's node. The compiler of std::regex recurses on its nesting.
constexpr std::size_t expression_length_max = 1'000;

std::regex::flag_type syntax() {
    auto flags = std::regex::ECMAScript | std::regex::optimize;
#ifdef __GLIBCXX__
    // Matches in polynomial time whatever the expression, at the price of back references.
    flags |= std::regex_constants::__polynomial;
#endif
    return flags;
}

std::string normalised(std::string_view expression) {
    std::string text;
    for (const char c : expression) {
        if (c == ',') {
            text += '|';
        } else if (static_cast<unsigned char>(c) > ' ') {
            text += c;
        }
    }
    const auto is_quote = [](char c) { return c == '"' || c == '\''; };
    text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_quote));
    while (!text.empty() && is_quote(text.back())) text.pop_back();
    return text;
}

}  // namespace

bool is_internal_topic(std::string_view topic) {
    return topic == "__consumer_offsets" || topic == "__transaction_state";
}

struct TopicFilter::Expression {
    std::regex regex;
};

TopicFilter::TopicFilter(std::string_view expression) {
    const auto text = normalised(expression);
    if (text.size() > expression_length_max) return;
    try {
        expression_ = std::make_shared<const Expression>(Expression{std::regex(text, syntax())});
    } catch (const std::regex_error&) {
        // Java's own member would have refused to start with it, so nobody reads by it.
    }
}

bool TopicFilter::matches(std::string_view topic) const {
    return valid() && std::regex_match(topic.begin(), topic.end(), expression_->regex);
}

}  // namespace kwire
