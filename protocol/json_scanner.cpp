#include "json_scanner.h"

namespace kwire::protocol {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void append_utf8(std::string& out, unsigned code) {
    const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 63));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 63));
        put(0x80 | (code & 63));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 63));
        put(0x80 | (code >> 6 & 63));
        put(0x80 | (code & 63));
    }
}

}  // namespace

void JsonScanner::skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonScanner::take(char token) {
    if (!comes(token)) return false;
    ++at_;
    return true;
}

bool JsonScanner::take_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
}

std::string_view JsonScanner::take_number() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos) {
        ++at_;
    }
    return text_.substr(begin, at_ - begin);
}

bool JsonScanner::refuse(const char* why) {
    problem_ = why;
    return false;
}

bool JsonScanner::take_string(std::string& value) {
    problem_ = nullptr;
    if (!comes('"')) return false;
    const std::size_t begin = at_++;
    value.clear();
    while (at_ < text_.size()) {
        const std::size_t plain = at_;
        while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
               static_cast<unsigned char>(text_[at_]) >= 0x20) {
            ++at_;
        }
        value.append(text_.substr(plain, at_ - plain));
        if (at_ == text_.size()) break;
        const char c = text_[at_++];
        if (c == '"') return true;
        if (c != '\\') return refuse("holds a control character that is not escaped");
        if (!take_escape(value)) return false;
    }
    at_ = begin;
    return refuse("is a string without an end");
}

bool JsonScanner::take_escape(std::string& value) {
    if (at_ == text_.size()) return refuse("is a string without an end");
    const char c = text_[at_++];
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (const auto index = names.find(c); index != std::string_view::npos) {
        value += meanings[index];
        return true;
    }
    unsigned code = 0;
    if (c != 'u' || !take_four_digits(code)) return refuse("holds an escape that JSON lacks");
    if (code >= 0xDC00 && code < 0xE000) return refuse("holds half of a surrogate pair");
    if (code >= 0xD800 && code < 0xDC00) {
        unsigned low = 0;
        if (!text_.substr(at_).starts_with("\\u")) return refuse("holds half of a surrogate pair");
        at_ += 2;
        if (!take_four_digits(low) || low < 0xDC00 || low >= 0xE000) {
            return refuse("holds half of a surrogate pair");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(value, code);
    return true;
}

bool JsonScanner::take_four_digits(unsigned& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        if (at_ == text_.size()) return false;
        const char c = text_[at_];
        const bool digit = c >= '0' && c <= '9';
        const char lower = static_cast<char>(c | 0x20);
        if (!digit && (lower < 'a' || lower > 'f')) return false;
        code = code << 4 | static_cast<unsigned>(digit ? c - '0' : lower - 'a' + 10);
    }
    return true;
}

std::string JsonScanner::problem(std::string otherwise) {
    return problem_ ? problem_ : std::move(otherwise);
}

std::size_t JsonScanner::count_elements() {
    std::size_t depth = 0;
    std::size_t commas = 0;
    bool any = false;
    for (std::size_t i = position(); i < text_.size(); ++i) {
        const char c = text_[i];
        if (is_space(c)) continue;
        if (c == ']' || c == '}') {
            if (--depth == 0) break;
            continue;
        }
        if (depth > 0) any = true;
        if (c == '[' || c == '{') ++depth;
        if (c == ',' && depth == 1) ++commas;
        if (c != '"') continue;
        for (++i; i < text_.size() && text_[i] != '"'; ++i) {
            if (text_[i] == '\\') ++i;
        }
    }
    return any ? commas + 1 : 0;
}

std::string JsonScanner::what_comes() {
    if (at_end()) return "the end";
    switch (const char c = text_[at_]) {
        case '"':
            return "a string";
        case '{':
            return "an object";
        case '[':
            return "a list";
        case 't':
        case 'f':
            return "true or false";
        case 'n':
            return "null";
        default:
            return (c >= '0' && c <= '9') || c == '-' ? "a number" : "no JSON";
    }
}

}  // namespace kwire::protocol
