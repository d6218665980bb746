#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "consumer_impl.h"
#include "list_offsets_once.h"

namespace kwire {

/// A query of this turn, and who waits for its answer.
struct Consumer::Impl::Lookup {
    Lookup(Runtime& runtime, OffsetQuery its_query) : query(std::move(its_query)), ended(runtime) {}

    void end() {
        asked = true;
        ended.notify_all();
    }

    const OffsetQuery query;
    std::optional<std::int64_t> offset;
    bool asked = false;
    Event ended;
};

Task<std::int64_t> Consumer::Impl::look_up(OffsetQuery query) {
    const auto lookup = std::make_shared<Lookup>(*runtime_, query);
    if (lookups_.empty()) runtime_->spawn(answer_lookups(shared_from_this()));
    lookups_.push_back(lookup);
    while (!lookup->asked) co_await lookup->ended.wait();
    if (!lookup->offset) {
        // Whatever was wrong is this partition's own matter from here on, and its error to tell.
        std::vector<OffsetQuery> queries(1, std::move(query));
        const auto answers = co_await list_offsets(cluster_, std::move(queries), config_.isolation);
        lookup->offset = answers.front().offset;
    }
    co_return std::max<std::int64_t>(*lookup->offset, 0);
}

Task<void> Consumer::Impl::answer_lookups(std::shared_ptr<Impl> self) {
    // Spawned tasks run in a later turn: all that were asked for in this one are here.
    Lookups unknown = ask_leaders(std::exchange(lookups_, {}), *cluster_->view());
    if (unknown.size() > 1) {
        std::set<std::string> names;
        for (const auto& lookup : unknown) names.insert(lookup->query.tp.topic);
        std::vector<std::string> topics(names.begin(), names.end());
        std::shared_ptr<const ClusterView> view;
        try {
            view = co_await self->cluster_->refresh(std::move(topics));
        } catch (const Error&) {
            // each finds out by itself
        }
        if (view) unknown = ask_leaders(std::move(unknown), *view);
    }
    for (const auto& lookup : unknown) lookup->end();
}

Consumer::Impl::Lookups Consumer::Impl::ask_leaders(Lookups lookups, const ClusterView& view) {
    std::map<std::int32_t, Lookups> by_leader;
    for (auto& lookup : lookups) {
        const PartitionView* partition = view.find(lookup->query.tp);
        by_leader[partition == nullptr ? -1 : partition->leader].push_back(std::move(lookup));
    }
    Lookups unknown;
    for (auto& [leader, its_lookups] : by_leader) {
        if (leader < 0) {
            unknown = std::move(its_lookups);
        } else {
            runtime_->spawn(look_up_together(shared_from_this(), std::move(its_lookups)));
        }
    }
    return unknown;
}

Task<void> Consumer::Impl::look_up_together(std::shared_ptr<Impl> self, Lookups lookups) {
    std::vector<OffsetQuery> queries;
    queries.reserve(lookups.size());
    for (const auto& lookup : lookups) queries.push_back(lookup->query);
    const auto offsets = co_await list_offsets_once(self->cluster_, std::move(queries), self->config_.isolation);
    for (std::size_t i = 0; i < lookups.size(); ++i) {
        lookups[i]->offset = offsets[i];
        lookups[i]->end();
    }
}

}  // namespace kwire
