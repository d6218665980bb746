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
    std::vector<std::string> topics(1, topic);
    try {
        view = co_await self->cluster_->refresh(std::move(topics));
    } catch (const Error&) {
        // the consumer, which asks too, reports that
    }
    co_return view;
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
