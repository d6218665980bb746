// What a member does where a topic is deleted and made anew: what was read, marked and stored of the old one is void.
//
// While a partition is read its consumer finds out. Where it was released in between, because the topic was gone, the next
// start compares the topic with the one under which this process started partitions before.
#include <utility>

#include "joined_member.h"

namespace kwire {
namespace {

// So soon after a topic was made anew its partitions are claimed by somebody, and hold what was stored of the old one. What
// is stored later is of the new one.
constexpr std::chrono::minutes claims_settle{1};
// Partitions start together: their topic is asked for once.
constexpr std::chrono::seconds view_is_new{1};

}  // namespace

/// What was marked and stored means messages that are gone. Until it is known where the new topic begins, all of it is unread.
void JoinedMember::begin_anew(const TopicPartition& tp) {
    const auto view = cluster_->view();
    if (const auto topic = view->topics.find(tp.topic); topic != view->topics.end()) {
        note_topic_id(tp.topic, topic->second.id);
    }
    known_topics_[tp.topic].begun_anew.insert(tp.partition);
    offsets_->restart_partition(tp, 0);
    committed_told_.erase(tp);
    if (!settings_.config.on_topic_recreated) return;
    recreated_news_.push_back(tp);
    if (recreated_news_.size() > 1) return;  // told together
    const auto make = [weak = weak_from_this(), callback = settings_.config.on_topic_recreated]() -> CallbackQueue::Call {
        const auto self = weak.lock();
        if (!self) return [] {};
        return [callback, news = std::exchange(self->recreated_news_, {})] { callback(news); };
    };
    callbacks_->add_made_late("on_topic_recreated", make);
}

/// False if the topic is the one that it was.
bool JoinedMember::note_topic_id(const std::string& topic, const Uuid& id) {
    const auto [entry, is_new] = known_topics_.try_emplace(topic);
    KnownTopic& known = entry->second;
    const bool both_have_ids = !id.is_zero() && !known.id.is_zero();
    const bool is_another = !is_new && (both_have_ids ? id != known.id : known.gone);
    known.gone = false;
    if (!id.is_zero()) known.id = id;
    if (!is_another) return false;
    known.made_anew_at = runtime_->now();
    known.begun_anew.clear();
    return true;
}

Task<bool> JoinedMember::is_another_topic(Self self, TopicPartition tp) {
    auto view = self->cluster_->view();
    const auto before = self->known_topics_.find(tp.topic);
    const bool is_old = before != self->known_topics_.end() && self->runtime_->now() > before->second.looked_at + view_is_new;
    if (is_old || view->topics.count(tp.topic) == 0) {
        std::vector<std::string> topics(1, tp.topic);
        try {
            view = co_await self->cluster_->refresh(std::move(topics));
        } catch (const Error&) {
            // the consumer, which asks too, reports that
        }
    }
    const auto topic = view->topics.find(tp.topic);
    if (topic == view->topics.end()) co_return false;
    if (self->note_topic_id(tp.topic, topic->second.id)) {
        self->report(Error(errc::topic_recreated,
                           "the topic was deleted and made anew; offsets of the old one mean nothing now, and what is stored "
                           "of it is void",
                           {.topic = tp.topic}));
    }
    KnownTopic& known = self->known_topics_[tp.topic];
    known.looked_at = self->runtime_->now();
    if (!known.made_anew_at || self->runtime_->now() > *known.made_anew_at + claims_settle) co_return false;
    co_return known.begun_anew.insert(tp.partition).second;
}

}  // namespace kwire
