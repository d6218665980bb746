#include "assignment/subscribed_member.h"

namespace kwire {

SubscriptionFilter::SubscriptionFilter(const MemberSubscription& subscription) : subscription_(&subscription) {
    if (subscription.pattern == MemberSubscription::Pattern::static_list) return;
    for (const auto& [expression, streams] : subscription.streams) {
        expressions_.push_back({TopicFilter(expression), streams});
    }
}

std::int32_t SubscriptionFilter::streams_of(const std::string& topic) const {
    using Pattern = MemberSubscription::Pattern;
    if (subscription_->pattern == Pattern::static_list) {
        const auto found = subscription_->streams.find(topic);
        return found == subscription_->streams.end() ? 0 : found->second;
    }
    if (is_internal_topic(topic)) return 0;
    const bool wanted = subscription_->pattern == Pattern::white_list;
    for (const auto& [filter, streams] : expressions_) {
        if (filter.valid() && filter.matches(topic) == wanted) return streams;
    }
    return 0;
}

std::vector<SubscribedMember> subscribed(const std::vector<GroupMember>& members) {
    std::vector<SubscribedMember> readers;
    for (const auto& member : members) {
        if (member.readable) readers.emplace_back(member);
    }
    return readers;
}

}  // namespace kwire
