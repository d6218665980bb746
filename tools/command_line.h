// Subcommands, options and help of `kwire`: the few words of CLI11 that it needs, all in one look.
//
// CLI11 stays behind this header because its own takes ten seconds to compile in every file that
// includes it. Targets of options must live until the command has run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kwire::tools {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

/// The command was called wrongly. what() is a sentence for the user; the command ends with
/// exit_usage.
class UsageError : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// Each reads the value of an option, or throws UsageError with the end of a sentence: `must be ...`.
void parse_value(std::string& target, std::string_view text);
void parse_value(std::int32_t& target, std::string_view text);
void parse_value(std::int64_t& target, std::string_view text);
void parse_value(std::chrono::milliseconds& target, std::string_view text);
template <class T>
void parse_value(std::optional<T>& target, std::string_view text) {
    T value{};
    parse_value(value, text);
    target = std::move(value);
}
template <class T>
void parse_value(std::vector<T>& target, std::string_view text) {
    parse_value(target.emplace_back(), text);
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

class Option {
 public:
    explicit Option(CLI::Option* option) : option_(option) {}
    Option& required();
    /// Only these words are accepted.
    Option& one_of(std::vector<std::string> words);

 private:
    CLI::Option* option_;
};

class Command {
 public:
    explicit Command(CLI::App* app) : app_(app) {}

    Command subcommand(const std::string& name, const std::string& summary);

    Option flag(const std::string& names, bool& target, const std::string& help);
    /// An option with a value; one whose target is a vector may be given several times.
    template <class T>
    Option option(const std::string& names, T& target, const std::string& placeholder,
                  const std::string& help) {
        return add(names, placeholder, help, is_vector<T>,
                   [&target](std::string_view text) { parse_value(target, text); });
    }
    /// A value without an option's name before it.
    template <class T>
    Option argument(const std::string& name, T& target, const std::string& help) {
        return add(name, "", help, is_vector<T>,
                   [&target](std::string_view text) { parse_value(target, text); });
    }

    /// Shown below the options by --help; every line of it is indented.
    void notes(const std::string& heading, const std::vector<std::string>& lines);
    /// It only holds subcommands; one of them has to be named.
    void needs_subcommand();
    /// What the command does, and answers as its exit code.
    void runs(std::function<int()> action);

 private:
    Option add(const std::string& names, const std::string& placeholder, const std::string& help,
               bool several, std::function<void(std::string_view)> parse);

    CLI::App* app_;
};

class CommandLine {
 public:
    CommandLine(const std::string& summary, const std::string& version);
    ~CommandLine();

    Command root() { return Command(app_.get()); }
    /// Reads the arguments and runs what they ask for. Help and version go to stdout. Throws
    /// UsageError.
    int run(int argc, char** argv);

 private:
    std::unique_ptr<CLI::App> app_;
};

}  // namespace kwire::tools
