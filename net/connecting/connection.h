// One connection to a broker: requests go out one behind the other without waiting, answers find
// their way back.
//
// Invariants: one reader and one writer. Every request that was asked ends exactly once: with its
// answer, or with an Error. One error ends the whole connection ("poisons" it) and with it
// everything that is in flight, for after a frame that was not understood nothing that follows can
// be trusted. Threads: only on the runtime's strand. Lifetimes: its coroutines keep it alive until
// it is poisoned; whoever starts a connection must close() it. The way of the data: a small answer
// comes with one read together with what follows it; of a large one only the beginning is copied,
// the rest is read from the socket into the frame itself, which is neither filled with zeros before
// nor copied afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/error.h>
#include <kwire/net/runtime.h>
#include <kwire/net/transport.h>
#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>

#include "frame_pool.h"

namespace kwire {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
    struct Options {
        std::string target;  ///< For errors: host:port.
        std::string client_id;
        std::int32_t frame_bytes_max = 512 * 1024 * 1024;
    };

    static std::shared_ptr<Connection> start(std::shared_ptr<Runtime> runtime,
                                             std::unique_ptr<Stream> stream, Options options,
                                             std::shared_ptr<FramePool> pool);
    ~Connection();

    /// Sends the request that schema describes and gives the body of its answer. The message is
    /// encoded at once and not needed afterwards. When deadline passes first the connection is
    /// poisoned, for the answer may still come.
    Task<Bytes> ask(const protocol::Schema& schema, const void* message, std::int16_t version,
                    TimePoint deadline);
    /// Sends a request that is never answered (Produce with acks 0); returns when it is written.
    Task<void> tell(const protocol::Schema& schema, const void* message, std::int16_t version, TimePoint deadline);

    bool alive() const { return !failure_; }
    /// Nothing is in flight: a broker answers in order, so what is sent now waits for nobody.
    bool idle() const { return waiting_.empty(); }
    /// Ends the connection; everything in flight fails with why. The first error stays.
    void poison(const Error& why);
    void close();

 private:
    struct Waiting;
    using WaitingPtr = std::shared_ptr<Waiting>;

    Connection(std::shared_ptr<Runtime> runtime, std::unique_ptr<Stream> stream, Options options,
               std::shared_ptr<FramePool> pool);

    std::int32_t enqueue(const protocol::Schema& schema, const void* message, std::int16_t version);
    WaitingPtr make_waiting(const protocol::Schema& schema, std::int16_t version,
                            TimePoint deadline);
    static Task<Bytes> answer(WaitingPtr waiting);
    static Task<void> written(std::shared_ptr<Connection> self, WaitingPtr waiting);
    static Task<void> write_loop(std::shared_ptr<Connection> self);
    static Task<void> read_loop(std::shared_ptr<Connection> self);
    static Task<void> deadline_loop(std::shared_ptr<Connection> self);

    Task<void> write_all();
    Task<void> read_all();
    Task<void> watch_deadlines();
    std::size_t checked_frame_size(std::int32_t size) const;
    void hand_over(const Bytes& frame);
    void time_out(const WaitingPtr& late);
    std::optional<TimePoint> first_deadline() const;

    std::shared_ptr<Runtime> runtime_;
    std::unique_ptr<Stream> stream_;
    Options options_;
    std::shared_ptr<FramePool> pool_;
    std::optional<Error> failure_;
    std::int32_t next_correlation_ = 0;
    std::map<std::int32_t, WaitingPtr> waiting_;
    bool answered_once_ = false;

    std::string outgoing_;                     // encoded, not yet given to the socket
    std::vector<WaitingPtr> outgoing_untold_;  // of tell(), to be ended when outgoing_ is written
    Event outgoing_ready_;

    Event deadlines_ready_;
    Timer deadline_timer_;
    TimePoint deadline_armed_ = TimePoint::max();

    // What was read and is not yet part of a frame.
    static constexpr std::size_t ahead_bytes = 16 * 1024;
    std::array<char, ahead_bytes> ahead_;
    std::size_t ahead_begin_ = 0;
    std::size_t ahead_end_ = 0;
};

}  // namespace kwire
