#include "kept_capture.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <kwire/net/error.h>
#include <kwire/protocol/capture_file.h>

#include "report.h"

namespace kwire::tools {
namespace {

constexpr std::size_t kept_bytes = 256 << 10;

}  // namespace

KeptCapture::KeptCapture(const std::string& name)
    : descriptor_(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
      output_(descriptor_) {
    if (descriptor_ < 0) {
        throw Error(errc::invalid_config,
                    "cannot write to `" + name + "`: " + std::strerror(errno));
    }
    CaptureWriter::append_header(output_.buffer());
}

KeptCapture::~KeptCapture() {
    ::close(descriptor_);
}

void KeptCapture::add(std::string_view bytes) {
    if (failed_) return;
    output_.buffer() += bytes;
    if (output_.buffer().size() >= kept_bytes) flush();
}

void KeptCapture::flush() {
    if (failed_ || output_.flush()) return;
    failed_ = true;
    output_.buffer() = {};
    report("the capture cannot be written any more: " + output_.failure().message());
}

}  // namespace kwire::tools
