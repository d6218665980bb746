#include "tenancy/topic_history.h"

#include <chrono>
#include <utility>

namespace kwire {
namespace {

// So soon after a topic was made anew its partitions are claimed by somebody, and hold what was stored of the old one. What
// is stored later is of the new one.
constexpr std::chrono::minutes claims_settle{1};
// Partitions start together: their topic is asked for once.
constexpr std::chrono::seconds view_is_new{1};
// Starts of partitions that are granted together come within this time.
constexpr std::chrono::milliseconds gather_time{1};

}  // namespace

void TopicHistory::note_missing(const std::string& topic) {
    const auto known = topics_.find(topic);
    if (known != topics_.end()) known->second.gone = true;
}

void TopicHistory::begin_anew(const TopicPartition& tp) {
    const auto view = cluster_->view();
    if (const auto topic = view->topics.find(tp.topic); topic != view->topics.end()) note_id(tp.topic, topic->second.id);
    topics_[tp.topic].begun_anew.insert(tp.partition);
    if (!engine_.config().on_topic_recreated) return;
    news_.push_back(tp);
    if (news_.size() > 1) return;  // told together
    const auto make = [weak = std::weak_ptr(engine_.hold(*this))]() -> CallbackQueue::Call {
        const auto self = weak.lock();
        if (!self) return [] {};
        return [config = self->engine_.shared_config(), news = std::exchange(self->news_, {})] { config->on_topic_recreated(news); };
    };
    engine_.call_back_made_late("on_topic_recreated", make);
}

/// False if the topic is the one that it was.
bool TopicHistory::note_id(const std::string& topic, const Uuid& id) {
    const auto [entry, is_new] = topics_.try_emplace(topic);
    Known& known = entry->second;
    const bool both_have_ids = !id.is_zero() && !known.id.is_zero();
    const bool is_another = !is_new && (both_have_ids ? id != known.id : known.gone);
    known.gone = false;
    if (!id.is_zero()) known.id = id;
    if (!is_another) return false;
    known.made_anew_at = engine_.now();
    known.begun_anew.clear();
    return true;
}

Task<std::shared_ptr<const ClusterView>> TopicHistory::look(std::shared_ptr<TopicHistory> self, std::string topic) {
    std::shared_ptr<const ClusterView> view = self->cluster_->view();
    const auto before = self->topics_.find(topic);
    const bool is_old = before != self->topics_.end() && self->engine_.now() > before->second.looked_at + view_is_new;
    if (!is_old && view->topics.count(topic) > 0) co_return view;
    if (!self->next_look_) self->next_look_ = std::make_shared<Look>();
    const auto mine = self->next_look_;
    mine->topics.push_back(topic);
    if (!std::exchange(self->looking_, true)) self->engine_.spawn(run_looks(self));
    while (!mine->view) co_await self->looked_.wait();
    co_return mine->view;
}

/// Thousands of topics that start together, and those that come while brokers are asked, make a few requests, not thousands.
Task<void> TopicHistory::run_looks(std::shared_ptr<TopicHistory> self) {
    while (self->next_look_) {
        Timer turn(*self->engine_.runtime());
        co_await turn.wait_for(gather_time);
        const auto look = std::exchange(self->next_look_, nullptr);
        std::shared_ptr<const ClusterView> view;
        try {
            view = co_await self->cluster_->refresh(look->topics);
        } catch (...) {
            view = self->cluster_->view();  // the consumer, which asks too, reports why
        }
        look->view = std::move(view);
        self->looked_.notify_all();
    }
    self->looking_ = false;
}

Task<bool> TopicHistory::is_another_topic(std::shared_ptr<TopicHistory> self, TopicPartition tp) {
    const auto view = co_await look(self, tp.topic);
    const auto topic = view->topics.find(tp.topic);
    if (topic == view->topics.end()) co_return false;
    if (self->note_id(tp.topic, topic->second.id)) {
        self->engine_.report(Error(errc::topic_recreated,
                                   "the topic was deleted and made anew; offsets of the old one mean nothing now, and what is "
                                   "stored of it is void",
                                   {.topic = tp.topic}));
    }
    Known& known = self->topics_[tp.topic];
    known.looked_at = self->engine_.now();
    if (!known.made_anew_at || self->engine_.now() > *known.made_anew_at + claims_settle) co_return false;
    co_return known.begun_anew.insert(tp.partition).second;
}

}  // namespace kwire
