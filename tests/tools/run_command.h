// The built command as a process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace kwire::tools::test {

struct Outcome {
    int code;  ///< -1: ended by a signal, or not in time.
    std::string out;
    std::string err;
};

/// Runs `kwire` with arguments as a shell splits them, to its end.
Outcome kwire(const std::string& arguments);

/// The same while the test goes on. It is killed with the object.
class RunningCommand {
 public:
    explicit RunningCommand(const std::string& arguments);
    ~RunningCommand();
    RunningCommand(const RunningCommand&) = delete;
    RunningCommand& operator=(const RunningCommand&) = delete;

    void write(const std::string& text);
    void close_input();
    void signal(int number) const;
    /// Waits until text stands on stderr; false if it did not come in time.
    bool await_error(const std::string& text, std::chrono::milliseconds limit);
    bool await_output(const std::string& text, std::chrono::milliseconds limit);
    Outcome wait(std::chrono::milliseconds limit);

 private:
    static bool await(std::FILE* file, const std::string& text, std::chrono::milliseconds limit);

    std::FILE* out_;
    std::FILE* err_;
    int input_ = -1;
    pid_t child_ = -1;
};

}  // namespace kwire::tools::test
