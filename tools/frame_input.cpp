#include "frame_input.h"

#include <cerrno>
#include <limits>
#include <system_error>

#include <unistd.h>

#include "line_reader.h"

namespace kwire::tools {
namespace {

constexpr std::size_t output_bytes = 1 << 16;

[[noreturn]] void fail_to_read(const std::error_code& why) {
    throw std::system_error(why, "cannot read stdin");
}

}  // namespace

std::int16_t version_of(std::int32_t number) {
    if (number < 0 || number > std::numeric_limits<std::int16_t>::max()) {
        throw UsageError("--version is to be a number from 0 to 32767");
    }
    return static_cast<std::int16_t>(number);
}

std::string read_stdin() {
    std::string all;
    constexpr std::size_t at_once = 1 << 16;
    for (;;) {
        const std::size_t before = all.size();
        all.resize(before + at_once);
        const ssize_t count = ::read(0, all.data() + before, at_once);
        all.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
        if (count == 0) return all;
        if (count < 0 && errno != EINTR) {
            fail_to_read(std::error_code(errno, std::generic_category()));
        }
    }
}

int each_line(const std::function<bool(std::string& out, std::string_view line)>& append) {
    LineReader lines(0);
    Output output(1);
    int code = exit_ok;
    while (auto line = lines.next()) {
        if (line->ends_with('\r')) line->remove_suffix(1);  // a line of Windows
        if (!append(output.buffer(), *line)) code = exit_failure;
        const bool much = output.buffer().size() >= output_bytes;
        if ((much || !lines.has_line()) && !output.flush()) break;
    }
    if (lines.failure()) fail_to_read(lines.failure());
    const int written = finish(output);
    return written == exit_ok ? code : written;
}

}  // namespace kwire::tools
