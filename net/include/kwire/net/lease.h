// Until when a member may act as the owner of its partitions: hand out messages and begin writes.
//
// Purpose: another member owns the partitions as soon as the coordinator has given this one up, and only the coordinator
// knows when it does. What it grants is bound to a time, counted from when the question was sent. Whoever is about to
// hand out a message, or to begin a write, asks the lease at that moment, retries included; nothing begins after it, and
// the deadline of a request is never later than until().
// One Lease for each session or registration. The holder extends it whenever the coordinator has answered, and ends it
// with the session; a new session gets a new Lease, so that work under way for the old one stops.
// States: it holds (now < until()), it has lapsed (until() has passed, and extend() may still renew it), it was ended
// (for ever).
// Threads: any. Time: Runtime::now(). Lifetimes: shared; a lease outlives its session in the hands of late writers.
#pragma once

#include <atomic>
#include <memory>

#include <kwire/net/runtime.h>

namespace kwire {

class Lease {
 public:
    /// Lapsed until it is extended for the first time.
    Lease() : until_(TimePoint{}) {}
    explicit Lease(TimePoint until) : until_(until) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    /// One that holds for ever: for tools, and for stores that are used without a group.
    static std::shared_ptr<const Lease> unbounded() {
        static const std::shared_ptr<const Lease> forever = std::make_shared<const Lease>(TimePoint::max());
        return forever;
    }

    bool holds(TimePoint now) const { return now < until(); }
    /// TimePoint::min() once ended.
    TimePoint until() const { return until_.load(std::memory_order_acquire); }
    bool ended() const { return until() == TimePoint::min(); }

    /// Never shortens it. No effect once it was ended.
    void extend(TimePoint until) {
        TimePoint known = this->until();
        while (known != TimePoint::min() && known < until) {
            if (until_.compare_exchange_weak(known, until, std::memory_order_acq_rel)) return;
        }
    }
    /// For ever.
    void end() { until_.store(TimePoint::min(), std::memory_order_release); }

 private:
    std::atomic<TimePoint> until_;
};

}  // namespace kwire
