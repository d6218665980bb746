// Where `decode` gets captured packets from: a file, stdin, or a program that captures.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kwire::tools {

/// A file, stdin, or what a program captures of an interface. Capturing needs rights that those
/// programs were given and kwire was not. What is packed by gzip is unpacked as it comes.
class CaptureInput {
 public:
    /// `-`: stdin. Throws errc::invalid_config where it cannot be opened.
    explicit CaptureInput(const std::string& file);
    CaptureInput(const std::string& interface, const std::vector<std::uint16_t>& ports);
    ~CaptureInput();
    CaptureInput(const CaptureInput&) = delete;
    CaptureInput& operator=(const CaptureInput&) = delete;

    /// Appends what is there to `buffer`; false at the end, or when a signal asks to end.
    bool read(std::string& buffer);

    const std::string& name() const { return name_; }
    /// Why what is packed cannot be read to its end; empty if it can.
    const std::string& problem() const { return problem_; }

 private:
    class Gunzip;

    bool start(const std::vector<std::string>& command);
    bool read_raw(std::string& buffer);
    bool unpack(std::string& buffer);
    [[noreturn]] void fail(const char* what) const;

    std::string name_;
    int descriptor_ = -1;
    pid_t program_ = -1;
    bool is_known_ = false;  // whether it is packed
    bool raw_ended_ = false;
    std::string raw_;  // what was read and not handed on
    std::unique_ptr<Gunzip> gunzip_;
    std::string problem_;
};

}  // namespace kwire::tools
