#include "capture_input.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <kwire/net/error.h>

#include "interrupt.h"

namespace kwire::tools {
namespace {

constexpr std::size_t read_bytes = 64 << 10;
constexpr std::size_t unpacked_bytes = 256 << 10;
constexpr std::string_view gzip_magic("\x1f\x8b", 2);

/// What is to be captured of an interface, as libpcap's filters say it.
std::string filter_of(const std::vector<std::uint16_t>& ports) {
    if (ports.empty()) return "tcp";
    std::string filter;
    for (const std::uint16_t port : ports) {
        filter += (filter.empty() ? "tcp port " : " or tcp port ") + std::to_string(port);
    }
    return filter;
}

}  // namespace

/// A stream of gzip, which may have several members and zeros at its end.
class CaptureInput::Gunzip {
 public:
    Gunzip() {
        constexpr int gzip_window_bits = 15 + 16;
        if (inflateInit2(&stream_, gzip_window_bits) != Z_OK) throw std::bad_alloc();
    }
    ~Gunzip() { inflateEnd(&stream_); }
    Gunzip(const Gunzip&) = delete;
    Gunzip& operator=(const Gunzip&) = delete;

    /// Appends some of what `packed` holds and takes off what was used. False where it is no gzip.
    bool append(std::string& out, std::string& packed) {
        if (!in_member_) {
            packed.erase(0, std::min(packed.find_first_not_of('\0'), packed.size()));
            if (packed.empty()) return true;
            inflateReset(&stream_);
            in_member_ = true;
        }
        const std::size_t before = out.size();
        out.resize(before + unpacked_bytes);
        stream_.next_in = reinterpret_cast<Bytef*>(packed.data());
        stream_.avail_in = static_cast<uInt>(packed.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
        stream_.avail_out = static_cast<uInt>(unpacked_bytes);
        const int result = inflate(&stream_, Z_NO_FLUSH);
        out.resize(out.size() - stream_.avail_out);
        packed.erase(0, packed.size() - stream_.avail_in);
        if (result == Z_STREAM_END) in_member_ = false;
        return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    }

    /// The end would be too early here.
    bool in_member() const { return in_member_; }

 private:
    z_stream stream_{};
    bool in_member_ = false;
};

CaptureInput::CaptureInput(const std::string& file)
    : name_(file == "-" ? "stdin" : "`" + file + "`"),
      descriptor_(file == "-" ? 0 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail("cannot open ");
}

CaptureInput::CaptureInput(const std::string& interface, const std::vector<std::uint16_t>& ports)
    : name_("what is captured on " + interface) {
    const std::string filter = filter_of(ports);
    const std::vector<std::vector<std::string>> commands{
        {"tcpdump", "-i", interface, "-U", "-w", "-", filter},
        {"dumpcap", "-i", interface, "-q", "-w", "-", "-f", filter}};
    for (const auto& command : commands) {
        if (start(command)) return;
    }
    throw Error(errc::invalid_config,
                "neither tcpdump nor dumpcap is there to capture with: install one of them");
}

CaptureInput::~CaptureInput() {
    if (program_ > 0) {
        ::kill(program_, SIGTERM);
        // dumpcap takes a pipe that closes before it has ended for a bug of its own.
        char rest[4096];
        while (::read(descriptor_, rest, sizeof rest) > 0) continue;
        ::waitpid(program_, nullptr, 0);
    }
    if (descriptor_ > 0) ::close(descriptor_);
}

bool CaptureInput::read(std::string& buffer) {
    while (!is_known_) {
        raw_ended_ = !read_raw(raw_);
        is_known_ = raw_ended_ || raw_.size() >= gzip_magic.size();
        if (is_known_ && raw_.starts_with(gzip_magic)) gunzip_ = std::make_unique<Gunzip>();
    }
    if (gunzip_) return unpack(buffer);
    if (raw_.empty()) return !raw_ended_ && read_raw(buffer);
    buffer += std::exchange(raw_, {});
    return !raw_ended_;
}

/// As much as is made of what is at hand, and at most unpacked_bytes of it.
bool CaptureInput::unpack(std::string& buffer) {
    if (interrupt_requested()) return false;
    const std::size_t before = buffer.size();
    while (buffer.size() == before) {
        if (raw_.empty() && !raw_ended_) raw_ended_ = !read_raw(raw_);
        if (!gunzip_->append(buffer, raw_)) {
            problem_ = "the gzip that it is packed with is damaged";
            return false;
        }
        if (!raw_.empty() || !raw_ended_ || buffer.size() != before) continue;
        if (gunzip_->in_member() && !interrupt_requested()) {
            problem_ = "ends in the middle of the gzip that it is packed with";
        }
        return false;
    }
    return true;
}

bool CaptureInput::read_raw(std::string& buffer) {
    const std::size_t before = buffer.size();
    buffer.resize(before + read_bytes);
    ssize_t count = -1;
    do {
        count = ::read(descriptor_, buffer.data() + before, read_bytes);
    } while (count < 0 && errno == EINTR && !interrupt_requested());
    buffer.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
    if (count < 0 && errno != EINTR) fail("cannot read ");
    return count > 0 && !interrupt_requested();
}

/// Runs the program with its stdout in a pipe; false where it is not installed.
bool CaptureInput::start(const std::vector<std::string>& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe for ");
    std::vector<char*> arguments;
    for (const std::string& argument : command) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    const int failure =
        ::posix_spawnp(&program_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    descriptor_ = ends[0];
    if (failure == 0) return true;
    program_ = -1;
    ::close(std::exchange(descriptor_, -1));
    errno = failure;
    if (failure != ENOENT) fail("cannot run a program for ");
    return false;
}

void CaptureInput::fail(const char* what) const {
    throw Error(errc::invalid_config, what + name_ + ": " + std::strerror(errno));
}

}  // namespace kwire::tools
