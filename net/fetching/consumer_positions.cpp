#include <algorithm>
#include <utility>

#include "consumer_impl.h"
#include "offset_lookup.h"

namespace kwire {

/// A query of this turn, and who waits for its answer.
struct Consumer::Impl::Lookup {
    Lookup(Runtime& runtime, OffsetQuery its_query) : query(std::move(its_query)), ended(runtime) {}

    const OffsetQuery query;
    std::optional<OffsetAnswer> answer;
    Event ended;
};

Task<std::int64_t> Consumer::Impl::look_up(OffsetQuery query) {
    const auto lookup = std::make_shared<Lookup>(*runtime_, std::move(query));
    if (lookups_.empty()) runtime_->spawn(answer_lookups(shared_from_this()));
    lookups_.push_back(lookup);
    while (!lookup->answer) co_await lookup->ended.wait();
    if (lookup->answer->error) throw Error(*lookup->answer->error);
    co_return std::max<std::int64_t>(lookup->answer->offset, 0);
}

Task<void> Consumer::Impl::answer_lookups(std::shared_ptr<Impl> self) {
    // Spawned tasks run in a later turn: all that were asked for in this one are here.
    const Lookups lookups = std::exchange(self->lookups_, {});
    std::vector<OffsetQuery> queries;
    queries.reserve(lookups.size());
    for (const auto& lookup : lookups) queries.push_back(lookup->query);
    const OffsetLookup::Ended ended = [lookups](std::size_t query, const OffsetAnswer& answer) {
        lookups[query]->answer = answer;
        lookups[query]->ended.notify_all();
    };
    const auto lookup = std::make_shared<OffsetLookup>(self->cluster_, std::move(queries), self->config_.isolation,
                                                       false, ended);
    co_await OffsetLookup::run(lookup);
}

}  // namespace kwire
