#pragma once

// Programs run by a test: the launcher, kcat, Java's tools, the kwire command.
//
// A Process belongs to the thread that made it; its output may be asked for while it runs. None
// outlives its object, nor the test program, however that ends.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace kwire::real {

struct ProcessResult {
    int exit_code = -1;  // 128 + n after signal n
    std::string out;
    std::string err;

    [[nodiscard]] bool ok() const { return exit_code == 0; }
    // For the message of a failed assertion.
    [[nodiscard]] std::string describe() const;
};

class Process {
 public:
    enum class AtExit {
        kill,         // SIGKILL when the test program ends before it
        end_of_input  // it watches its input, which ends with the test program
    };

    explicit Process(std::vector<std::string> command, AtExit at_exit = AtExit::kill);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    // Writes all of it; a program that no longer reads is not an error here, its exit code tells.
    void write(std::string_view text);
    void close_input();
    void signal(int number) const;

    // What it has printed so far.
    [[nodiscard]] std::string out() const;
    [[nodiscard]] std::string err() const;

    // Waits until the condition holds for what it printed on stdout. False if it ended or the time
    // passed without.
    bool await_output(const std::function<bool(std::string_view)>& condition,
                      std::chrono::milliseconds limit) const;
    bool await_lines(std::size_t lines, std::chrono::milliseconds limit) const;

    // Closes its input and waits for its end. Past the limit it is killed, and `err` says so.
    ProcessResult wait(std::chrono::milliseconds limit);

 private:
    void read_all(int descriptor, std::string& into);

    std::vector<std::string> command_;
    AtExit at_exit_;
    pid_t pid_ = -1;
    int input_ = -1;
    mutable std::mutex mutex_;  // guards what the readers write
    mutable std::condition_variable changed_;
    std::string out_;
    std::string err_;
    int open_outputs_ = 2;
    std::jthread out_reader_;
    std::jthread err_reader_;
};

// Runs a program to its end.
ProcessResult run_process(std::vector<std::string> command, std::string_view input = {},
                          std::chrono::milliseconds limit = std::chrono::seconds(90));

// Asks again and again, for things that nobody tells us of. False if the limit passed without.
bool await(const std::function<bool()>& condition, std::chrono::milliseconds limit);

std::vector<std::string> split_lines(std::string_view text);

}  // namespace kwire::real
