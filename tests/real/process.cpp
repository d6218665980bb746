#include "process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kwire::real {
namespace {

struct Pipe {
    int read_end;
    int write_end;
};

Pipe make_pipe() {
    int ends[2];
    // Closed on exec: otherwise one program would hold another one's input open.
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    return {ends[0], ends[1]};
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, Pipe in, Pipe out, Pipe err,
                         bool die_with_parent) {
    if (die_with_parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(in.read_end, STDIN_FILENO);
    ::dup2(out.write_end, STDOUT_FILENO);
    ::dup2(err.write_end, STDERR_FILENO);
    ::execvp(arguments[0], arguments);
    ::_exit(127);
}

}  // namespace

std::string ProcessResult::describe() const {
    constexpr std::size_t shown = 3000;
    const auto end_of = [](const std::string& text) {
        return text.size() > shown ? "..." + text.substr(text.size() - shown) : text;
    };
    return "exit code " + std::to_string(exit_code) + "\n--- stdout\n" + end_of(out) +
           "--- stderr\n" + end_of(err);
}

Process::Process(std::vector<std::string> command, AtExit at_exit)
    : command_(std::move(command)), at_exit_(at_exit) {
    ::signal(SIGPIPE, SIG_IGN);
    const Pipe in = make_pipe();
    const Pipe out = make_pipe();
    const Pipe err = make_pipe();
    std::vector<char*> arguments;
    for (auto& word : command_) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        become(arguments.data(), in, out, err, at_exit_ == AtExit::kill);
    }
    ::close(in.read_end);
    ::close(out.write_end);
    ::close(err.write_end);
    if (pid_ < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    input_ = in.write_end;
    out_reader_ = std::jthread([this, end = out.read_end] { read_all(end, out_); });
    err_reader_ = std::jthread([this, end = err.read_end] { read_all(end, err_); });
}

Process::~Process() {
    close_input();
    if (pid_ > 0) {
        if (at_exit_ == AtExit::kill) {
            ::kill(pid_, SIGKILL);
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
    }
}

void Process::write(std::string_view text) {
    while (!text.empty() && input_ >= 0) {
        const auto written = ::write(input_, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            close_input();
        } else if (written > 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
}

void Process::close_input() {
    if (input_ >= 0) {
        ::close(input_);
        input_ = -1;
    }
}

void Process::signal(int number) const {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

std::string Process::out() const {
    const std::lock_guard lock(mutex_);
    return out_;
}

std::string Process::err() const {
    const std::lock_guard lock(mutex_);
    return err_;
}

bool Process::await_output(const std::function<bool(std::string_view)>& condition,
                           std::chrono::milliseconds limit) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return open_outputs_ == 0 || condition(out_); });
    return condition(out_);
}

bool Process::await_lines(std::size_t lines, std::chrono::milliseconds limit) const {
    const auto enough = [lines](std::string_view text) {
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= lines;
    };
    return await_output(enough, limit);
}

ProcessResult Process::wait(std::chrono::milliseconds limit) {
    close_input();
    const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    pollfd watched{descriptor, POLLIN, 0};
    const bool ended = descriptor < 0 || ::poll(&watched, 1, static_cast<int>(limit.count())) > 0;
    if (descriptor >= 0) {
        ::close(descriptor);
    }
    if (!ended) {
        ::kill(pid_, SIGKILL);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    out_reader_.join();
    err_reader_.join();
    ProcessResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = out();
    result.err = err();
    if (!ended) {
        result.err += "\nkilled: " + command_.front() + " did not end in " +
                      std::to_string(limit.count()) + " ms\n";
    }
    return result;
}

void Process::read_all(int descriptor, std::string& into) {
    char buffer[65536];
    for (;;) {
        const auto count = ::read(descriptor, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        const std::lock_guard lock(mutex_);
        if (count <= 0) {
            --open_outputs_;
            changed_.notify_all();
            break;
        }
        into.append(buffer, static_cast<std::size_t>(count));
        changed_.notify_all();
    }
    ::close(descriptor);
}

ProcessResult run_process(std::vector<std::string> command, std::string_view input,
                          std::chrono::milliseconds limit) {
    Process process(std::move(command));
    process.write(input);
    return process.wait(limit);
}

bool await(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace kwire::real
