// One direction of a connection that goes through the proxy, cut into frames only where somebody
// wants to see them.
//
// Bytes of frames nobody wants pass as they come, so that a large answer is under way to the client
// before its end has arrived. What is no frame of Kafka's (TLS) passes altogether.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace kwire::tools {

class FrameCutter {
 public:
    struct Piece {
        std::string_view bytes;  ///< valid until the next call
        bool whole = false;      ///< a frame that is wanted, with its size
        bool ends_frame = false;
    };
    /// Asked once for each frame with its first head_bytes; true: the frame is wanted whole.
    using Wants = std::function<bool(std::string_view head)>;

    FrameCutter(std::size_t head_bytes, Wants wants)
        : head_bytes_(head_bytes), wants_(std::move(wants)) {}

    /// The next piece of data, which is shortened by what was taken. False: all was taken.
    bool next(std::string_view& data, Piece& piece);

 private:
    bool open_frame(std::string_view& data, Piece& piece);

    const std::size_t head_bytes_;
    Wants wants_;
    std::string held_;       ///< the beginning of a frame, until it can be decided, or all of it
    std::size_t left_ = 0;   ///< of the frame that passes
    std::size_t whole_ = 0;  ///< the size of the frame that is held; 0: none
    bool passes_all_ = false;
    bool emitted_held_ = false;
};

}  // namespace kwire::tools
