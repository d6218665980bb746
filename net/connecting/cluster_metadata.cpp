// Asking for Metadata, and keeping the view from growing old.
#include <algorithm>

#include "cluster_impl.h"
#include "cluster_view.h"

namespace kwire {

struct Cluster::Impl::Refresh {
    explicit Refresh(Runtime& runtime) : over(runtime) {}

    ViewPtr view;
    std::optional<Error> failure;
    bool ended = false;
    Event over;
};

namespace {

/// Before version 4 a broker may create a topic because it was named.
bool lists_all(const Asked& asked, std::int16_t version) {
    if (!asked.topics) return true;
    if (asked.topics->empty()) return version == 0;
    return version < 4 && !asked.create;
}

protocol::MetadataRequest metadata_request(const Asked& asked, std::int16_t version) {
    protocol::MetadataRequest request;
    if (version == 0) request.topics.emplace();  // an empty list stands for all there
    if (lists_all(asked, version)) {
        if (version > 0) request.topics.reset();
    } else {
        request.topics.emplace();
        for (const auto& name : *asked.topics) request.topics->push_back({.name = name});
    }
    if (version >= 4) request.allow_auto_topic_creation = asked.create;
    return request;
}

}  // namespace

Task<void> Cluster::Impl::metadata_from(Self self, BrokerPtr broker, Asked asked,
                                std::shared_ptr<std::optional<ClusterView>> without_brokers,
                                TimePoint deadline) {
    std::int16_t version = 0;
    const auto make = [&asked, &version](std::int16_t chosen) {
        version = chosen;
        return metadata_request(asked, chosen);
    };
    protocol::MetadataResponse answer;
    co_await broker->call(AnyRequest::made_by<protocol::MetadataRequest>(make), &answer,
                          self->own_options(), deadline);
    const Error::Where where{
        .target = broker->target().to_string(), .api = "Metadata", .api_version = version};
    if (answer.error_code != ErrorCode::none) {
        throw Error(answer.error_code, "the broker gives no metadata", where);
    }
    const bool listed = lists_all(asked, version);
    ClusterView next = merged(*self->current_view(), answer, asked.topics, listed);
    if (next.brokers.empty()) {
        std::string what = "the answer lists no broker that could be connected to";
        for (const std::string& fault : next.faults) what += "; " + fault;
        *without_brokers = std::move(next);
        throw Error(ErrorCode::broker_not_available, what, where);
    }
    self->publish(std::move(next), asked);
}

void Cluster::Impl::publish(ClusterView next, const Asked& asked) {
    {
        const std::lock_guard lock(view_mutex);
        view = std::make_shared<const ClusterView>(std::move(next));
    }
    const TimePoint now = runtime->now();
    metadata_answers.fetch_add(1, std::memory_order_relaxed);
    brokers_fresh = now;
    controller_doubtful = false;
    for (auto& [name, fresh] : topics_fresh) {
        if (!asked.topics || asked.topics->contains(name)) fresh = now;
    }
    drop_unlisted();
    view_changed.notify_all();
    if (!closed && !std::exchange(keeping_fresh, true)) runtime->spawn(keep_fresh(shared_from_this()));
}

Task<void> Cluster::Impl::ask_metadata(Self self, Asked asked, TimePoint deadline) {
    auto without_brokers = std::make_shared<std::optional<ClusterView>>();
    Use use = [self, asked, without_brokers](BrokerPtr broker, TimePoint until) {
        return metadata_from(self, std::move(broker), asked, without_brokers, until);
    };
    try {
        co_await at_any(self, 0, std::move(use), "Metadata", deadline);
    } catch (const Error&) {
        // A cluster of 0.8 lists its brokers only once it has a topic. That is worth nothing
        // against a view that has brokers, but where there is none yet it is the truth.
        if (!*without_brokers || !self->current_view()->brokers.empty()) throw;
        self->publish(std::move(**without_brokers), asked);
    }
}

Task<void> Cluster::Impl::run_refresh(Self self, std::shared_ptr<Refresh> refresh, Asked asked) {
    try {
        co_await ask_metadata(self, asked, self->request_deadline());
        refresh->view = self->current_view();
    } catch (...) {
        refresh->failure = as_error(std::current_exception());
    }
    self->refreshes.erase(asked);
    refresh->ended = true;
    refresh->over.notify_all();
}

Task<ViewPtr> Cluster::Impl::refreshed(Self self, Asked asked) {
    self->runtime->require_on_runtime("Cluster::refresh");
    if (self->closed) throw Error(*self->closed);
    if (asked.topics) {
        for (const auto& name : *asked.topics) self->topics_fresh.try_emplace(name, self->runtime->now());
    }
    auto& shared = self->refreshes[asked];
    if (!shared) {
        shared = std::make_shared<Refresh>(*self->runtime);
        self->runtime->spawn(run_refresh(self, shared, asked));
    }
    const auto refresh = shared;
    while (!refresh->ended) co_await refresh->over.wait();
    if (refresh->failure) throw Error(*refresh->failure);
    co_return refresh->view;
}

Task<ViewPtr> Cluster::Impl::next_view(Self self, ViewPtr known, TimePoint deadline, std::stop_token abandoned) {
    self->runtime->require_on_runtime("Cluster::next_view");
    const std::stop_callback wake(abandoned, [weak = std::weak_ptr(self)] {
        const auto held = weak.lock();
        if (!held) return;
        held->runtime->post([held] { held->view_changed.notify_all(); });
    });
    while (!self->closed && !abandoned.stop_requested() && self->current_view() == known && self->runtime->now() < deadline) {
        co_await self->view_changed.wait_until(deadline);
    }
    co_return self->current_view();
}

// ---- metadata.max.age.ms

TimePoint Cluster::Impl::next_old() const {
    TimePoint oldest = brokers_fresh;
    for (const auto& [name, fresh] : topics_fresh) oldest = std::min(oldest, fresh);
    return later(oldest, config().metadata_max_age);
}

/// Those that are older than they may be, and those that soon will be, in one request.
Asked Cluster::Impl::old_topics() const {
    Asked asked = Asked::only_brokers();
    const TimePoint now = runtime->now();
    for (const auto& [name, fresh] : topics_fresh) {
        if (later(fresh, config().metadata_max_age * 9 / 10) <= now) asked.topics->insert(name);
    }
    return asked;
}

/// One refresh of what has grown old. False if it failed.
Task<bool> Cluster::Impl::refresh_old(Self self) {
    const Asked asked = self->old_topics();
    self->metadata_refreshes.fetch_add(1, std::memory_order_relaxed);
    ViewPtr view;
    try {
        view = co_await refreshed(self, asked);
    } catch (...) {
        view.reset();  // whoever uses the cluster meets the same failure, and reports it
    }
    if (!view) {
        self->metadata_refresh_failures.fetch_add(1, std::memory_order_relaxed);
        co_return false;
    }
    // A topic that is gone is looked at again only if somebody names it again.
    std::erase_if(self->topics_fresh, [&](const auto& entry) {
        const auto error = view->topic_errors.find(entry.first);
        return asked.topics->contains(entry.first) && error != view->topic_errors.end() &&
               error->second == ErrorCode::unknown_topic_or_partition;
    });
    co_return true;
}

Task<void> Cluster::Impl::keep_fresh(Self self) {
    Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(10), self->random());
    TimePoint not_before = TimePoint::min();
    while (!self->closed) {
        const TimePoint due = std::max(self->next_old(), not_before);
        if (self->runtime->now() < due) {
            co_await self->view_changed.wait_until(due);
            continue;
        }
        const bool done = co_await refresh_old(self);
        if (done) {
            backoff.reset();
            // Even if an answer leaves a topic as old as it was.
            not_before = later(self->runtime->now(), self->config().metadata_max_age / 10);
        } else {
            not_before = later(self->runtime->now(), backoff.next());
        }
    }
}

}  // namespace kwire
