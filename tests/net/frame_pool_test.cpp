#include "connecting/frame_pool.h"

#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kwire {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

TEST(FramePoolTest, UsesALargeBufferAgain) {
    FramePool pool;
    auto frame = pool.take(4 * megabyte);
    const char* const place = frame.get();
    EXPECT_EQ(pool.idle_bytes(), 0u);
    frame.reset();
    EXPECT_GE(pool.idle_bytes(), 4 * megabyte);
    frame = pool.take(4 * megabyte - 1000);
    EXPECT_EQ(frame.get(), place);
    EXPECT_EQ(pool.idle_bytes(), 0u);
}

TEST(FramePoolTest, DoesNotWasteALargeBufferOnASmallFrame) {
    FramePool pool;
    pool.take(16 * megabyte).reset();
    const auto frame = pool.take(megabyte);
    EXPECT_GE(pool.idle_bytes(), 16 * megabyte);
}

TEST(FramePoolTest, KeepsNoSmallBuffers) {
    FramePool pool;
    auto frame = pool.take(100);
    std::memset(frame.get(), 1, 100);
    frame.reset();
    EXPECT_EQ(pool.idle_bytes(), 0u);
}

TEST(FramePoolTest, BoundsWhatIsIdle) {
    FramePool pool;
    std::vector<std::shared_ptr<char>> frames;
    for (int i = 0; i < 20; ++i) frames.push_back(pool.take(megabyte));
    frames.clear();
    EXPECT_LE(pool.idle_bytes(), FramePool::idle_buffers_max * megabyte);
    EXPECT_GE(pool.idle_bytes(), megabyte);
    pool.take(FramePool::idle_bytes_max + megabyte).reset();
    EXPECT_LE(pool.idle_bytes(), FramePool::idle_bytes_max);
}

TEST(FramePoolTest, FramesOutliveThePool) {
    auto pool = std::make_unique<FramePool>();
    const auto frame = pool->take(megabyte);
    pool.reset();
    std::memset(frame.get(), 1, megabyte);
}

TEST(FramePoolTest, FramesAreReleasedOnAnyThread) {
    FramePool pool;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&pool] {
            for (int n = 0; n < 500; ++n) {
                const auto frame = pool.take(FramePool::pooled_bytes_min * 2);
                frame.get()[n] = 'x';
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_LE(pool.idle_bytes(), FramePool::idle_bytes_max);
}

}  // namespace
}  // namespace kwire
