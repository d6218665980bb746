#include "proxy_frames.h"

#include <algorithm>

#include <kwire/protocol/conversation.h>
#include <kwire/protocol/frame.h>

namespace kwire::tools {
namespace {

constexpr std::size_t size_bytes = 4;

}  // namespace

bool FrameCutter::next(std::string_view& data, Piece& piece) {
    if (emitted_held_) {
        held_.clear();
        emitted_held_ = false;
    }
    if (data.empty()) return false;
    if (passes_all_) {
        piece = {data, false, false};
        data = {};
        return true;
    }
    if (left_ > 0) {
        const std::size_t size = std::min(left_, data.size());
        left_ -= size;
        piece = {data.substr(0, size), false, left_ == 0};
        data.remove_prefix(size);
        return true;
    }
    return open_frame(data, piece);
}

/// At the beginning of a frame, or in one that is held.
bool FrameCutter::open_frame(std::string_view& data, Piece& piece) {
    const auto hold_up_to = [this, &data](std::size_t size) {
        const std::size_t more = std::min(size - std::min(size, held_.size()), data.size());
        held_.append(data.substr(0, more));
        data.remove_prefix(more);
        return held_.size() >= size;
    };
    if (whole_ == 0) {
        if (!hold_up_to(size_bytes)) return false;
        const std::int32_t size = protocol::frame_size(held_.data());
        if (size < 0 || size > plausible_frame_bytes_max) {
            passes_all_ = true;
            emitted_held_ = true;
            piece = {held_, false, false};
            return true;
        }
        const std::size_t frame = size_bytes + static_cast<std::size_t>(size);
        if (!hold_up_to(std::min(frame, head_bytes_))) return false;
        if (frame < head_bytes_ || !wants_(held_)) {
            left_ = frame - held_.size();
            emitted_held_ = true;
            piece = {held_, false, left_ == 0};
            return true;
        }
        whole_ = frame;
    }
    if (!hold_up_to(whole_)) return false;
    whole_ = 0;
    emitted_held_ = true;
    piece = {held_, true, true};
    return true;
}

}  // namespace kwire::tools
