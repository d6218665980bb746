#include "frame_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace kwire {
namespace {

struct FreeMemory {
    void operator()(char* data) const { std::free(data); }
};

struct Buffer {
    std::unique_ptr<char, FreeMemory> data;
    std::size_t size = 0;
};

/// Rounded up to an eighth of the next power of two, so that frames of about the same size can
/// follow one another.
std::size_t rounded(std::size_t size) {
    const std::size_t step = std::bit_ceil(size) / 8;
    return (size + step - 1) / step * step;
}

Buffer allocate(std::size_t size) {
    Buffer buffer{{static_cast<char*>(std::malloc(size)), {}}, size};
    if (!buffer.data) throw std::bad_alloc();
    return buffer;
}

}  // namespace

struct FramePool::Idle {
    /// The smallest that fits, unless it is so large that most of it would be wasted.
    Buffer take(std::size_t size) {
        const std::lock_guard lock(mutex);
        auto best = buffers.end();
        for (auto it = buffers.begin(); it != buffers.end(); ++it) {
            if (it->size < size || it->size / 4 > size) continue;
            // Of equal ones the last that came back: it is still in the caches.
            if (best == buffers.end() || it->size <= best->size) best = it;
        }
        if (best == buffers.end()) return {};
        Buffer taken = std::move(*best);
        bytes -= taken.size;
        buffers.erase(best);
        return taken;
    }

    void give_back(Buffer buffer) {
        const std::lock_guard lock(mutex);
        bytes += buffer.size;
        buffers.push_back(std::move(buffer));
        // The oldest go: sizes that are no longer in use die out.
        while (buffers.size() > idle_buffers_max || bytes > idle_bytes_max) {
            bytes -= buffers.front().size;
            buffers.erase(buffers.begin());
        }
    }

    mutable std::mutex mutex;
    std::vector<Buffer> buffers;
    std::size_t bytes = 0;
};

FramePool::FramePool() : idle_(std::make_shared<Idle>()) {
    idle_->buffers.reserve(idle_buffers_max + 1);  // so that give_back never throws
}

FramePool::~FramePool() = default;

std::shared_ptr<char> FramePool::take(std::size_t size) {
    if (size < pooled_bytes_min) {
        const auto block = std::make_shared_for_overwrite<char[]>(size);
        return {block, block.get()};
    }
    Buffer buffer = idle_->take(size);
    if (!buffer.data) buffer = allocate(rounded(size));
    const std::size_t whole = buffer.size;
    char* const data = buffer.data.release();
    return {data, [idle = std::weak_ptr(idle_), whole](char* its_data) {
                Buffer returned{{its_data, {}}, whole};
                if (const auto pool = idle.lock()) pool->give_back(std::move(returned));
            }};
}

std::size_t FramePool::idle_bytes() const {
    const std::lock_guard lock(idle_->mutex);
    return idle_->bytes;
}

}  // namespace kwire
