// The file in which `proxy --write` keeps what passes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "output.h"

namespace kwire::tools {

/// Once something could not be written, nothing more is: the traffic goes on without being kept.
class KeptCapture {
 public:
    /// Begins the file anew. Throws errc::invalid_config where that is not possible.
    explicit KeptCapture(const std::string& name);
    ~KeptCapture();
    KeptCapture(const KeptCapture&) = delete;
    KeptCapture& operator=(const KeptCapture&) = delete;

    /// Packets, as CaptureWriter makes them. Written when there are many, and by flush().
    void add(std::string_view bytes);
    /// Reports the first failure.
    void flush();

    bool failed() const { return failed_; }
    std::size_t unwritten_bytes() { return output_.buffer().size(); }

 private:
    int descriptor_;
    Output output_;
    bool failed_ = false;
};

}  // namespace kwire::tools
