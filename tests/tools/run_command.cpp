#include "run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace kwire::tools::test {
namespace {

std::string contents(std::FILE* file) {
    std::string all;
    char bytes[4096];
    for (off_t at = 0;;) {
        const auto count = ::pread(fileno(file), bytes, sizeof bytes, at);
        if (count <= 0) return all;
        all.append(bytes, static_cast<std::size_t>(count));
        at += count;
    }
}

}  // namespace

RunningCommand::RunningCommand(const std::string& arguments) : out_(std::tmpfile()), err_(std::tmpfile()) {
    int input[2];
    if (::pipe2(input, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const std::string command = std::string("exec ") + KWIRE_COMMAND + " " + arguments;
    child_ = ::fork();
    if (child_ == 0) {
        ::dup2(input[0], 0);
        ::dup2(fileno(out_), 1);
        ::dup2(fileno(err_), 2);
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(input[0]);
    input_ = input[1];
}

RunningCommand::~RunningCommand() {
    close_input();
    if (child_ > 0) {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    std::fclose(out_);
    std::fclose(err_);
}

void RunningCommand::write(const std::string& text) {
    std::signal(SIGPIPE, SIG_IGN);
    for (std::size_t done = 0; done < text.size();) {
        const auto count = ::write(input_, text.data() + done, text.size() - done);
        if (count <= 0) return;
        done += static_cast<std::size_t>(count);
    }
}

void RunningCommand::close_input() {
    if (input_ >= 0) ::close(input_);
    input_ = -1;
}

void RunningCommand::signal(int number) const { ::kill(child_, number); }

bool RunningCommand::await(std::FILE* file, const std::string& text, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (contents(file).find(text) == std::string::npos) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 10);
    }
    return true;
}

bool RunningCommand::await_error(const std::string& text, std::chrono::milliseconds limit) {
    return await(err_, text, limit);
}

bool RunningCommand::await_output(const std::string& text, std::chrono::milliseconds limit) {
    return await(out_, text, limit);
}

Outcome RunningCommand::wait(std::chrono::milliseconds limit) {
    // A descriptor of the process becomes readable at its end.
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, child_, 0));
    pollfd ended{process, POLLIN, 0};
    const bool in_time = ::poll(&ended, 1, static_cast<int>(limit.count())) == 1;
    ::close(process);
    if (!in_time) ::kill(child_, SIGKILL);
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return {in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(out_), contents(err_)};
}

Outcome kwire(const std::string& arguments) {
    RunningCommand command(arguments);
    command.close_input();
    return command.wait(std::chrono::minutes(2));
}

}  // namespace kwire::tools::test
