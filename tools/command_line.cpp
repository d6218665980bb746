#include "command_line.h"

#include <charconv>
#include <sstream>

#include <CLI/CLI.hpp>

#include "duration.h"
#include "output.h"

namespace kwire::tools {
namespace {

template <class Number>
Number parse_number(std::string_view text) {
    Number number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem == std::errc::result_out_of_range) {
        throw UsageError("must be at most " + std::to_string(std::numeric_limits<Number>::max()));
    }
    if (problem != std::errc{} || end != text.data() + text.size()) {
        throw UsageError("must be a whole number");
    }
    return number;
}

/// CLI11's sentences begin with the option's name and end without a full stop, as ours do.
[[noreturn]] void throw_usage(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    std::string path = command->get_name();
    for (const CLI::App* parent = command->get_parent(); parent != nullptr;
         parent = parent->get_parent()) {
        path = parent->get_name() + " " + path;
    }
    const auto unknown = command->remaining();
    const std::string what =
        unknown.empty() ? std::string(error.what()) : "`" + unknown.front() + "` is not known here";
    throw UsageError(what + "; see `" + path + " --help`");
}

}  // namespace

void parse_value(std::string& target, std::string_view text) {
    target = text;
}
void parse_value(std::int32_t& target, std::string_view text) {
    target = parse_number<std::int32_t>(text);
}
void parse_value(std::int64_t& target, std::string_view text) {
    target = parse_number<std::int64_t>(text);
}
void parse_value(std::chrono::milliseconds& target, std::string_view text) {
    const auto duration = parse_duration(text);
    if (!duration)
        throw UsageError("must be a number followed by ms, s, m or h, such as 500ms or 5s");
    target = *duration;
}

Option& Option::required() {
    option_->required();
    return *this;
}

Option& Option::one_of(std::vector<std::string> words) {
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) all += i + 1 == words.size() ? " or " : ", ";
        all += words[i];
    }
    option_->check([words = std::move(words), all](const std::string& text) {
        for (const std::string& word : words) {
            if (word == text) return std::string();
        }
        return "`" + text + "` must be " + all;
    });
    return *this;
}

Command Command::subcommand(const std::string& name, const std::string& summary) {
    CLI::App* app = app_->add_subcommand(name, summary);
    app->require_subcommand(0);
    return Command(app);
}

Option Command::flag(const std::string& names, bool& target, const std::string& help) {
    return Option(app_->add_flag(names, target, help));
}

Option Command::add(const std::string& names, const std::string& placeholder,
                    const std::string& help, bool several,
                    std::function<void(std::string_view)> parse) {
    const auto callback = [parse = std::move(parse)](const CLI::results_t& values) {
        for (const std::string& value : values) {
            try {
                parse(value);
            } catch (const UsageError& error) {
                throw CLI::ConversionError("`" + value + "` " + error.what());
            }
        }
        return true;
    };
    CLI::Option* option = app_->add_option(names, callback, help);
    option->type_name(placeholder);
    if (several) {
        // Values without the option's name before them are taken where the option has a place for
        // them, or `--topic a b` would take what belongs to somebody else.
        option->take_all()->expected(1, 1 << 20)->allow_extra_args(option->get_positional());
    }
    return Option(option);
}

void Command::notes(const std::string& heading, const std::vector<std::string>& lines) {
    std::string text = app_->get_footer();
    if (!text.empty()) text += "\n\n";
    text += heading + ":";
    for (const std::string& line : lines) text += "\n  " + line;
    app_->footer(text);
}

void Command::needs_subcommand() {
    app_->require_subcommand(1);
}

void Command::runs(std::function<int()> action) {
    app_->callback([action = std::move(action)] {
        const int code = action();
        if (code != exit_ok) throw CLI::RuntimeError(code);
    });
}

CommandLine::CommandLine(const std::string& summary, const std::string& version)
    : app_(std::make_unique<CLI::App>(summary, "kwire")) {
    app_->set_version_flag("--version", "kwire " + version);
    app_->get_formatter()->column_width(36);
    app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

int CommandLine::run(int argc, char** argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::RuntimeError& ended) {
        return ended.get_exit_code();
    } catch (const CLI::Success& help) {
        std::ostringstream text;
        app_->exit(help, text, text);
        Output output(1);
        output.buffer() = text.str();
        return finish(output);
    } catch (const CLI::ParseError& error) {
        throw_usage(*app_, error);
    }
    return exit_ok;
}

}  // namespace kwire::tools
