#include <algorithm>
#include <set>
#include <utility>

#include <kwire/net/topic_error.h>

#include "connecting/leader_errors.h"
#include "consumer_impl.h"

namespace kwire {
namespace {

using State = Whereabouts::State;

// However many partitions lose their leader one after the other, Metadata is not asked for more often.
constexpr std::chrono::milliseconds refresh_interval_min{50};
// How often it is looked whether something has been wrong for long enough to be reported.
constexpr std::chrono::seconds watch_interval{1};

}  // namespace

void Consumer::Impl::route(FetchPartitions partitions) {
    bool any_seeker = false;
    for (auto& partition : partitions) {
        partition->home = nullptr;
        if (partition->over()) continue;
        if (partition->where.state() == State::resetting) {
            runtime_->spawn(reset_position(shared_from_this(), partition));
        } else if (partition->where.is_read()) {
            hand_to_fetcher(partition);  // the leader named another replica
        } else {
            seekers_.push_back(std::move(partition));
            any_seeker = true;
        }
    }
    if (any_seeker) routing_wanted_.notify_all();
}

Task<void> Consumer::Impl::run_router(std::shared_ptr<Impl> self) {
    Impl& me = *self;
    while (!me.closed()) {
        std::erase_if(me.seekers_, [](const auto& partition) { return partition->over(); });
        if (me.seekers_.empty()) {
            co_await me.routing_wanted_.wait();
            continue;
        }
        TimePoint soonest = TimePoint::max();
        for (const auto& partition : me.seekers_) soonest = std::min(soonest, partition->where.due());
        soonest = std::max(soonest, me.next_refresh_);
        const TimePoint now = me.runtime_->now();
        if (soonest > now) {
            co_await me.routing_wanted_.wait_until(soonest);
            continue;
        }
        me.next_refresh_ = now + refresh_interval_min;
        FetchPartitions due;
        std::erase_if(me.seekers_, [&](const auto& partition) {
            if (partition->where.due() > now) return false;
            due.push_back(partition);
            return true;
        });
        co_await me.refresh_and_place(std::move(due));
    }
}

Task<void> Consumer::Impl::refresh_and_place(FetchPartitions due) {
    std::set<std::string> names;
    for (const auto& partition : due) names.insert(partition->tp().topic);
    std::vector<std::string> topics(names.begin(), names.end());
    std::shared_ptr<const ClusterView> view;
    std::optional<Error> failure;
    refresh_due_ = runtime_->now() + watch_interval;
    try {
        view = co_await cluster_->refresh(std::move(topics), RefreshOptions{}, use_task);
    } catch (...) {
        failure = as_error(std::current_exception());
    }
    refresh_due_.reset();
    if (failure) {
        note_no_metadata(*failure);
    } else {
        metadata_trouble_.over();
    }
    TopicNews news;
    for (const auto& partition : due) {
        if (partition->over()) continue;
        if (view) {
            place(partition, *view, news);
        } else {
            partition->where.not_found(runtime_->now());
            note_trouble(*partition, *failure, Trouble::Report::by_others);
            seekers_.push_back(partition);
        }
    }
    std::map<std::int32_t, FetchPartitions> by_leader;
    for (auto& partition : std::exchange(to_validate_, {})) by_leader[partition->where.leader()].push_back(partition);
    for (auto& [leader, partitions] : by_leader) {
        runtime_->spawn(validate(shared_from_this(), leader, std::move(partitions)));
    }
}

void Consumer::Impl::place(const std::shared_ptr<FetchPartition>& partition, const ClusterView& view,
                           TopicNews& news) {
    switch (partition->where.found(view, partition->tp(), runtime_->now())) {
        case Whereabouts::Found::placed:
            return hand_to_fetcher(partition);
        case Whereabouts::Found::to_validate:
            return to_validate_.push_back(partition);
        case Whereabouts::Found::recreated:
            return begin_anew(partition, news);
        case Whereabouts::Found::nothing:
            note_not_found(*partition, view);
            seekers_.push_back(partition);
            routing_wanted_.notify_all();
            return;
    }
}

void Consumer::Impl::hand_to_fetcher(const std::shared_ptr<FetchPartition>& partition) {
    const std::int32_t broker = partition->where.broker();
    auto& fetcher = fetchers_[broker];
    if (!fetcher) {
        fetcher = std::make_shared<Fetcher>(*this, cluster_, broker);
        runtime_->spawn(fetcher->run(shared_from_this()));
    }
    fetcher->add(partition);
}

// ---- what is wrong

void Consumer::Impl::note_not_found(FetchPartition& partition, const ClusterView& view) {
    ErrorWhere where = partition.place("Metadata");
    where.offset = -1;
    const std::string again = "; it is looked for again";
    if (view.find(partition.tp()) != nullptr) {
        return note_trouble(partition, Error(errc::no_leader, "the partition has no leader" + again, where), Trouble::Report::if_it_stays);
    }
    const auto topic = view.topics.find(partition.tp().topic);
    if (topic != view.topics.end()) {
        const std::string count = std::to_string(topic->second.partitions.size());
        return note_trouble(partition, Error(errc::unknown_topic, "the topic has " + count + " partitions, and not this one" + again,
                                             where), Trouble::Report::if_it_stays);
    }
    const auto refusal = view.topic_errors.find(partition.tp().topic);
    const bool at_once = refusal != view.topic_errors.end() && leader_error_kind(refusal->second) == LeaderErrorKind::fatal;
    note_trouble(partition, missing_topic(view, partition.tp().topic, where),
                 at_once ? Trouble::Report::at_once : Trouble::Report::if_it_stays);
}

/// The brokers' fault, not one partition's: reported once for all.
void Consumer::Impl::note_no_metadata(const Error& failure) {
    const TimePoint now = runtime_->now();
    metadata_trouble_.note(failure, now);
    if (const auto news = metadata_trouble_.news(now)) report(*news);
}

Task<void> Consumer::Impl::run_watch(std::shared_ptr<Impl> self) {
    Impl& me = *self;
    while (!me.closed()) {
        co_await me.watch_.wait_for(watch_interval);
        if (me.closed()) break;
        const TimePoint now = me.runtime_->now();
        std::vector<Error> found;
        const auto look = [&](Trouble& trouble) {
            if (auto news = trouble.news(now)) found.push_back(std::move(*news));
        };
        if (me.refresh_due_ && now >= *me.refresh_due_ && !me.metadata_trouble_.any()) {
            const ErrorWhere where{.api = "Metadata"};
            me.metadata_trouble_.note(Error(errc::timed_out, "no broker answers; it is waited for", where), now);
        }
        look(me.metadata_trouble_);
        {
            const std::lock_guard lock(me.assigned_mutex_);
            for (const auto& [tp, partition] : me.assigned_) {
                if (partition && partition->trouble.any()) look(partition->trouble);
            }
        }
        for (const auto& [broker, fetcher] : me.fetchers_) {
            if (auto news = fetcher->news(now)) found.push_back(std::move(*news));
        }
        for (const Error& error : found) me.report(error);
    }
}

}  // namespace kwire
