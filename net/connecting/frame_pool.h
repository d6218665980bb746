// Memory for the frames of answers: taken by the connection that reads one, given back by whoever
// lets go of it last.
//
// Purpose: a frame of megabytes from fresh memory costs a page fault for every 4 KB, and a
// std::vector would fill it with zeros first. Large buffers are therefore kept for the next frame,
// small ones come from the allocator. Invariants: what lies idle is at most idle_buffers_max
// buffers and idle_bytes_max bytes. Threads: all of it from any thread; frames are released where
// messages are read. Lifetimes: buffers may outlive the pool; they are then simply freed.
#pragma once

#include <cstddef>
#include <memory>

namespace kwire {

class FramePool {
 public:
    static constexpr std::size_t idle_buffers_max = 4;
    static constexpr std::size_t idle_bytes_max = 64 * 1024 * 1024;
    static constexpr std::size_t pooled_bytes_min = 64 * 1024;  ///< Smaller ones are not kept.

    FramePool();
    ~FramePool();
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;

    /// At least size bytes of whatever content. Throws std::bad_alloc.
    std::shared_ptr<char> take(std::size_t size);

    std::size_t idle_bytes() const;

 private:
    struct Idle;
    std::shared_ptr<Idle> idle_;
};

}  // namespace kwire
