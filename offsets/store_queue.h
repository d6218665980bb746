// Gathers what many coroutines ask of a store into one call at a time, and asks again what may succeed yet.
//
// Purpose: a member that takes over, or gives up, a thousand partitions asks the store about as often as one with a single
// partition, also while the store cannot answer. What is asked in one turn of the strand, or while a call is under way,
// goes into one call; what failed and may pass waits for its backoff, which is rounded so that requests meet again.
// Threads: the strand. Lifetimes: a call under way holds the queue; waiters leave at their own deadline.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <kwire/net/backoff.h>
#include <kwire/offsets/offset_store.h>

namespace kwire {

struct KeptOffset;

struct StoreRequest {
    TopicPartition tp;
    TimePoint deadline;                // nothing begins after it
    bool one_try = false;              // a failure is final
    bool waits_for_lease = false;      // a lapsed lease may be renewed before the deadline
    bool refresh = false;              // writes again what is stored, not what is marked
    std::shared_ptr<KeptOffset> kept;  // of a write

    bool done = false;
    std::optional<OffsetStore::Outcome> outcome;  // of the last try; nothing if there was none

    const std::shared_ptr<std::atomic<bool>> given_up = std::make_shared<std::atomic<bool>>(false);

 private:
    friend class StoreQueue;
    bool asked = false;  // a call is under way
    TimePoint due{};
    Backoff backoff{std::chrono::milliseconds(100), std::chrono::milliseconds(500)};
};
using StoreRequestPtr = std::shared_ptr<StoreRequest>;

class StoreQueue {
 public:
    using Self = std::shared_ptr<StoreQueue>;
    /// One try of the store; no two requests are of the same partition. Must not throw.
    using Call = std::function<Task<OffsetStore::Outcomes>(std::vector<StoreRequestPtr>)>;

    StoreQueue(std::shared_ptr<Runtime> runtime, Call call);

    static void add(const Self& self, StoreRequestPtr request);
    /// Returns once request is done, or at until.
    static Task<void> wait(Self self, StoreRequestPtr request, TimePoint until);

    /// A try that is under way is the last; without one the request is done.
    void end_retries(StoreRequest& request);
    /// Nothing of it is begun from now on. A try that is under way goes on.
    void give_up(StoreRequest& request);
    /// All requests are done, with this error.
    void drop_all(const Error& why);

 private:
    static Task<void> run(Self self);
    std::vector<StoreRequestPtr> take_due();
    void settle(const std::vector<StoreRequestPtr>& batch, const OffsetStore::Outcomes& outcomes);
    void settle_one(StoreRequest& request, const OffsetStore::Outcomes& outcomes);
    TimePoint next_due() const;

    std::shared_ptr<Runtime> runtime_;
    Call call_;
    Timer timer_;
    Event settled_;
    std::vector<StoreRequestPtr> waiting_;
    bool running_ = false;
};

}  // namespace kwire
