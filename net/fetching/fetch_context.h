// What fetching needs of the consumer around it. Threads: the strand.
#pragma once

#include <cstdint>
#include <memory>

#include <kwire/net/consumer.h>

#include "fetch_partition.h"

namespace kwire {

class FetchContext {
 public:
    virtual ~FetchContext() = default;
    virtual Runtime& runtime() = 0;
    virtual const FetchConfig& config() const = 0;
    virtual FetchQueue& queue() = 0;
    virtual const std::shared_ptr<BufferBudget>& budget() = 0;
    virtual bool closed() const = 0;
    virtual std::shared_ptr<const ClusterView> view() const = 0;
    /// How long a replica that a leader named is read from before the leader is asked again.
    virtual Duration follower_lease() const = 0;
    /// What one answer of one broker should bring at most.
    virtual std::int64_t request_bytes() const = 0;
    /// Takes over partitions that nobody reads at the moment, and does what their whereabouts call for.
    virtual void route(FetchPartitions partitions) = 0;
    /// What is wrong with partition now, from the last try to read it.
    virtual void note_trouble(FetchPartition& partition, Error reason, Trouble::Report report) = 0;
    virtual void report(const Error& error) = 0;
    /// Room is short: what was fetched of paused partitions is dropped, to be fetched again once they are resumed.
    virtual void give_up_paused() = 0;
    /// What keeps all this alive.
    virtual std::shared_ptr<void> keep() = 0;
};

}  // namespace kwire
