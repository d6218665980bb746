// The tokens of a JSON text, taken one at a time by who knows what should come.
//
// Every take skips white space first and leaves the position where it was if something else comes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kwire::protocol {

class JsonScanner {
 public:
    explicit JsonScanner(std::string_view text) : text_(text) {}

    /// Where the next token begins.
    std::size_t position() {
        skip_space();
        return at_;
    }
    bool at_end() { return position() == text_.size(); }

    bool comes(char token) { return position() < text_.size() && text_[at_] == token; }
    bool take(char token);
    /// `true`, `false` and `null`.
    bool take_word(std::string_view word);
    /// The characters of a number, which may still not be one; empty where none comes.
    std::string_view take_number();
    /// A string without its quotes and escapes. False where none comes or it is not one that JSON
    /// allows; then problem() knows more.
    bool take_string(std::string& value);
    /// What was wrong with the string that take_string refused; `otherwise` where none came.
    std::string problem(std::string otherwise);

    /// How many elements the list has that comes next. What is not JSON may be counted anyhow: it
    /// is found when it is read.
    std::size_t count_elements();

    /// `a string`, `a number`, `the end`, ...
    std::string what_comes();

 private:
    void skip_space();
    bool take_escape(std::string& value);
    bool take_four_digits(unsigned& code);
    bool refuse(const char* why);

    std::string_view text_;
    std::size_t at_ = 0;
    const char* problem_ = nullptr;
};

}  // namespace kwire::protocol
