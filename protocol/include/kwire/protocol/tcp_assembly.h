// One direction of a TCP connection put together again from captured segments.
//
// Purpose: segments come reordered, more than once, overlapping, or not at all (a capture that
// begins in the middle, drops packets, or cuts them). What comes out is the stream, and a word
// where bytes are missing. Invariants: every byte comes out at most once and in order; at most
// pending_bytes_max are kept for a gap to close. A gap is given up when that is reached, when the
// other side acknowledged what is missing and 16 more segments did not bring it, or at the end.
// Threads: one object, one thread. Lifetimes: the sink outlives the assembler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <kwire/protocol/tcp_segment.h>

namespace kwire {

/// Who takes the stream.
class StreamSink {
 public:
    virtual ~StreamSink() = default;
    /// The next bytes, valid during the call, and when they were captured.
    virtual void bytes(std::string_view data, std::chrono::nanoseconds time) = 0;
    /// Bytes are missing here: before the first, or between what came and what comes next.
    virtual void lost() = 0;
};

class TcpAssembler {
 public:
    static constexpr std::size_t pending_bytes_max = 8U << 20;

    explicit TcpAssembler(StreamSink& sink) : sink_(sink) {}

    /// A segment of this direction.
    void segment(const TcpSegment& segment);
    /// What the other direction says it received.
    void acknowledged(std::uint32_t sequence);
    /// Whether the other direction received what has not come here.
    bool lacks(std::uint32_t acknowledged) const { return started_ && unwrap(acknowledged) > next_; }
    /// Nothing more comes: gaps are given up.
    void finish();

    /// Whether anything came that says where the stream is.
    bool started() const { return started_; }
    /// How often packets were missing.
    std::uint64_t gaps() const { return gaps_; }

    /// A new connection on the same ports begins.
    bool begins_anew(const TcpSegment& segment) const {
        return segment.syn && started_ && segment.sequence + 1 != first_;
    }

 private:
    struct Pending {
        std::string data;
        std::chrono::nanoseconds time;
    };

    std::uint64_t unwrap(std::uint32_t sequence) const;
    void deliver(std::uint64_t position, std::string_view data, std::chrono::nanoseconds time);
    void keep(std::uint64_t position, std::string_view data, std::chrono::nanoseconds time);
    void deliver_pending();
    void give_up_gap();

    StreamSink& sink_;
    bool started_ = false;
    std::uint32_t first_ = 0;
    std::uint64_t next_ = 0;  // of the stream, unwrapped; begins at 2^32, so that earlier fits too
    std::map<std::uint64_t, Pending> pending_;
    std::size_t pending_bytes_ = 0;
    unsigned waited_for_acknowledged_ = 0;
    std::uint64_t gaps_ = 0;
};

}  // namespace kwire
