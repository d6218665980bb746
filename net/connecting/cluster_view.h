// What a Metadata answer changes in the view of a cluster. Pure: an old view and an answer make a
// new view.
#pragma once

#include <optional>
#include <set>
#include <string>

#include <kwire/net/cluster.h>
#include <kwire/protocol/metadata.h>

namespace kwire {

/// The view after answer came to a question for topics: of all where there are none, of no topic
/// where the set is empty. Brokers are replaced, topics that were asked for too, others stay. Of a
/// partition the newer leader epoch stays, for brokers learn of a new leader one after the other,
/// unless five answers in a row have an older one.
/// What is missing, repeated, not asked for or impossible goes into the view's faults.
/// listed_all: the broker was asked for all its topics, so one that is not there does not exist.
/// Precondition: answer lists brokers.
ClusterView merged(const ClusterView& old, const protocol::MetadataResponse& answer,
                   const std::optional<std::set<std::string>>& topics, bool listed_all = false);

}  // namespace kwire
