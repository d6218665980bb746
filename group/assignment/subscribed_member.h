// Members' subscriptions, ready to be asked about many topics: an expression is compiled once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kwire/group/assignment.h>

#include "assignment/topic_filter.h"

namespace kwire {

/// Looks at the subscription it is given for as long as it lives.
class SubscriptionFilter {
 public:
    explicit SubscriptionFilter(const MemberSubscription& subscription);
    /// How many streams read topic: 0 if it is not subscribed to.
    std::int32_t streams_of(const std::string& topic) const;

 private:
    struct Expression {
        TopicFilter filter;
        std::int32_t streams;
    };
    const MemberSubscription* subscription_;
    std::vector<Expression> expressions_;
};

/// A member whose registration could be read.
class SubscribedMember {
 public:
    explicit SubscribedMember(const GroupMember& member) : member_(&member), filter_(member.subscription) {}
    const std::string& id() const { return member_->id; }
    std::int32_t streams_of(const std::string& topic) const { return filter_.streams_of(topic); }

 private:
    const GroupMember* member_;
    SubscriptionFilter filter_;
};

/// Those of members that count under all rules but `original`. They look at members for as long as they live.
std::vector<SubscribedMember> subscribed(const std::vector<GroupMember>& members);

}  // namespace kwire
