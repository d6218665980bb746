#include "coordinators/zookeeper/group_view.h"

#include <algorithm>

#include "assignment/subscribed_member.h"

namespace kwire {
namespace {

bool by_expression(const MemberSubscription& subscription) {
    return subscription.pattern != MemberSubscription::Pattern::static_list;
}

bool less_by_partition(const PartitionLeader& a, const PartitionLeader& b) { return a.partition < b.partition; }

}  // namespace

bool GroupView::Topic::sees(std::int32_t partition) const {
    const PartitionLeader wanted{partition};
    return exists && std::binary_search(partitions.begin(), partitions.end(), wanted, less_by_partition);
}

GroupView::GroupView(Assignment rule, const MemberSubscription& subscription, Turn& turn)
    : configured_rule_(rule),
      turn_(turn),
      rule_(rule == Assignment::automatic ? Assignment::balanced : rule),
      subscription_(subscription) {
    follow_topics();
}

// ---- reading

template <class Change>
void GroupView::change_reading(const std::string& name, Topic& topic, Change change) {
    const Reading before = topic.reading;
    change(topic.reading);
    const Reading& now = topic.reading;
    unknown_ = unknown_ + (now.known ? 0 : 1) - (before.known ? 0 : 1);
    under_way_ = under_way_ + (now.under_way ? 1 : 0) - (before.under_way ? 1 : 0);
    to_read_.set(name, now.waits() ? std::optional(now.retry.not_before) : std::nullopt);
}

void GroupView::read_if_due(SessionNumber session, bool registered) {
    // Before we are registered the list of members would be without us.
    if (registered && members_reading_.begin(turn_)) turn_.order(action::ReadMembers{session});
    if (needs_all_topics_ && all_topics_reading_.begin(turn_)) turn_.order(action::ListTopics{session});
    for (const auto& name : to_read_.take_due(turn_.now())) {
        Topic& topic = topics_.at(name);
        change_reading(name, topic, [this](Reading& reading) { reading.begin(turn_); });
        turn_.order(action::ReadTopic{session, name, rule_ == Assignment::original});
    }
}

std::optional<TimePoint> GroupView::next_timer(bool registered) const {
    std::optional<TimePoint> next = to_read_.next();
    if (registered && members_reading_.waits()) next = earlier(next, members_reading_.retry.not_before);
    if (needs_all_topics_ && all_topics_reading_.waits()) next = earlier(next, all_topics_reading_.retry.not_before);
    return next;
}

void GroupView::begin_anew() {
    members_.clear();
    members_reading_ = {};
    all_topics_reading_ = {};
    for (auto& [name, topic] : topics_) {
        change_reading(name, topic, [](Reading& reading) { reading = {}; });
    }
    changed_ = true;
}

void GroupView::read_all_topics_again() {
    for (auto& [name, topic] : topics_) {
        change_reading(name, topic, [this](Reading& reading) { reading.ask_again(turn_); });
    }
}

bool GroupView::all_known() const {
    if (!members_reading_.up_to_date() || !topics_known()) return false;
    // A broker that does not answer about a topic holds nothing up: what was known before counts. But original goes by
    // the leaders as they are now, and looks at each only when members change.
    return rule_ != Assignment::original || under_way_ == 0;
}

// ---- members

void GroupView::on(const event::MembersChanged&) {
    members_reading_.ask_again(turn_);
    // The leaders are looked at anew at each rebalance, as Go members do.
    if (rule_ == Assignment::original) read_all_topics_again();
}

bool GroupView::on(const event::MembersRead& e, const std::string& member_id) {
    if (!members_reading_.end()) return true;
    if (!e.members) {
        members_reading_.failed(turn_);
        return true;
    }
    members_reading_.retry.backoff.reset();
    member_id_ = member_id;
    auto members = *e.members;
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    const bool listed = std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.id == member_id; });
    if (!listed) return false;
    if (!members_reading_.known || members_ != members) changed_ = true;
    members_reading_.known = true;
    members_ = std::move(members);
    choose_rule();
    follow_topics();
    return true;
}

void GroupView::choose_rule() {
    if (configured_rule_ != Assignment::automatic) return;
    const auto rule = rule_for(members_);
    if (rule == rule_ && rule_reported_) return;
    turn_.order(action::RuleChosen{rule, kinds_disagree(members_)});
    rule_reported_ = true;
    if (std::exchange(rule_, rule) == rule) return;
    changed_ = true;
    if (rule == Assignment::original) read_all_topics_again();  // now the leaders count
}

bool GroupView::is_member(const std::string& id) const {
    const auto found = std::lower_bound(members_.begin(), members_.end(), id,
                                        [](const auto& member, const auto& name) { return member.id < name; });
    return found != members_.end() && found->id == id;
}

// ---- topics

void GroupView::subscribe(const MemberSubscription& subscription) {
    subscription_ = subscription;
    changed_ = true;
    follow_topics();
}

bool GroupView::divides_topics_of_peers() const {
    return rule_ == Assignment::balanced || rule_ == Assignment::java_roundrobin ||
           rule_ == Assignment::java_roundrobin_08;
}

/// topics_ becomes what we subscribe to, and what peers do if the rule divides all of it together.
void GroupView::follow_topics() {
    std::vector<MemberSubscription> subscriptions{subscription_};
    const auto is_new = [&](const MemberSubscription& subscription) {
        return std::find(subscriptions.begin(), subscriptions.end(), subscription) == subscriptions.end();
    };
    if (divides_topics_of_peers()) {
        for (const auto& member : members_) {
            const bool counts = member.readable && member.id != member_id_;
            if (counts && is_new(member.subscription)) subscriptions.push_back(member.subscription);
        }
    }
    if (!std::exchange(followed_is_old_, false) && subscriptions == followed_) return;
    followed_ = std::move(subscriptions);
    needs_all_topics_ = std::any_of(followed_.begin(), followed_.end(), by_expression);

    std::map<std::string, bool> wanted;  // to whether it is ours
    for (const auto& subscription : followed_) {
        const bool ours = &subscription == &followed_.front();
        const SubscriptionFilter filter(subscription);
        if (by_expression(subscription)) {
            for (const auto& topic : all_topics_) {
                if (filter.streams_of(topic) > 0) wanted[topic] |= ours;
            }
        } else {
            for (const auto& [topic, streams] : subscription.streams) wanted[topic] |= ours;
        }
    }
    for (const auto& [name, ours] : wanted) add_topic(name, ours);
    for (auto entry = topics_.begin(); entry != topics_.end();) {
        const auto& [name, topic] = *entry;
        if (wanted.count(name) > 0) {
            ++entry;
            continue;
        }
        if (!topic.reading.known) --unknown_;
        if (topic.reading.under_way) --under_way_;
        to_read_.clear(name);
        entry = topics_.erase(entry);
        changed_ = true;
    }
}

void GroupView::add_topic(const std::string& name, bool ours) {
    const auto [entry, is_new] = topics_.try_emplace(name);
    Topic& topic = entry->second;
    if (is_new) {
        ++unknown_;
        to_read_.set(name, topic.reading.retry.not_before);
    } else if (topic.ours == ours) {
        return;
    }
    topic.ours = ours;
    changed_ = true;
}

const GroupView::Topic* GroupView::find(const std::string& topic) const {
    const auto entry = topics_.find(topic);
    return entry == topics_.end() ? nullptr : &entry->second;
}

void GroupView::on(const event::TopicsChanged&) { all_topics_reading_.ask_again(turn_); }

void GroupView::on(const event::TopicsListed& e) {
    if (!all_topics_reading_.end()) return;
    if (!e.topics) return all_topics_reading_.failed(turn_);
    all_topics_reading_.known = true;
    all_topics_reading_.retry.backoff.reset();
    std::set<std::string> topics(e.topics->begin(), e.topics->end());
    followed_is_old_ = followed_is_old_ || topics != all_topics_;
    all_topics_ = std::move(topics);
    follow_topics();
}

void GroupView::on(const event::TopicChanged& e) {
    const auto entry = topics_.find(e.topic);
    if (entry == topics_.end()) return;
    change_reading(entry->first, entry->second, [this](Reading& reading) { reading.ask_again(turn_); });
}

void GroupView::on(const event::TopicRead& e) {
    using Outcome = event::TopicRead::Outcome;
    const auto entry = topics_.find(e.topic);
    if (entry == topics_.end() || !entry->second.reading.under_way) return;
    Topic& topic = entry->second;
    if (e.outcome == Outcome::unreadable || e.outcome == Outcome::failed) {
        // The other topics do not wait for one that is unreadable, of which counts what was known before.
        const bool goes_on = e.outcome == Outcome::unreadable && !topic.reading.known;
        if (goes_on) changed_ = true;
        return change_reading(entry->first, topic, [&](Reading& reading) {
            reading.end();
            reading.known = reading.known || goes_on;
            reading.failed(turn_);
        });
    }
    const bool exists = e.outcome == Outcome::found;
    auto partitions = e.partitions;
    std::sort(partitions.begin(), partitions.end(), less_by_partition);
    const bool same = std::equal(topic.partitions.begin(), topic.partitions.end(), partitions.begin(), partitions.end(),
                                 [](const auto& a, const auto& b) { return a.partition == b.partition; });
    // A leader that moved is no reason to rebalance: peers would not follow.
    if (!topic.was_read || topic.exists != exists || !same) {
        changed_ = true;
        changed_topics_.insert(entry->first);
    }
    if (!topic.reading.known) changed_ = true;
    change_reading(entry->first, topic, [](Reading& reading) {
        reading.end();
        reading.known = true;
        reading.retry.backoff.reset();
    });
    topic.came_back = exists && topic.was_read && !topic.exists;
    topic.was_read = true;
    topic.exists = exists;
    topic.partitions = std::move(partitions);
    if (!exists && topic.ours && !std::exchange(topic.reported_missing, true)) {
        turn_.order(action::ReportMissingTopic{e.topic});
    }
    if (exists) topic.reported_missing = false;
}

}  // namespace kwire
