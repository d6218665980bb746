// What a member knows of its group and of the topics: who the members are, which rule they agree on, which topics there
// are and how many partitions each has; and what of it must be read again.
//
// Purpose: keeps the view and orders the reads, as a function without I/O, clock or thread.
// Invariant: an event about one topic costs as much as that topic, not as all there are.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "membership_protocol.h"
#include "schedule.h"
#include "turn.h"

namespace kwire {

class GroupView {
 public:
    struct Topic {
        bool ours = true;  ///< Else only peers read it, which matters to some rules.
        Reading reading{};
        bool exists = false;
        bool was_read = false;  ///< Ever; else partitions is not known, though reading goes on without.
        bool came_back = false;     ///< As last read, it exists again after it was gone.
        bool reported_missing = false;
        std::vector<PartitionLeader> partitions{};  ///< Ascending.

        bool sees(std::int32_t partition) const;
    };

    /// rule: automatic follows what the members agree on.
    GroupView(Assignment rule, const MemberSubscription& subscription, Turn& turn);

    void on(const event::MembersChanged& e);
    /// False if member_id is not among them; nothing is taken over then.
    bool on(const event::MembersRead& e, const std::string& member_id);
    void on(const event::TopicsListed& e);
    void on(const event::TopicsChanged& e);
    void on(const event::TopicChanged& e);
    void on(const event::TopicRead& e);
    void subscribe(const MemberSubscription& subscription);
    /// Nothing of it is known any more, but the topics that were seen.
    void begin_anew();
    /// Our own registration is new, or says something else.
    void read_members_again() { members_reading_.ask_again(turn_); }

    void read_if_due(SessionNumber session, bool registered);
    std::optional<TimePoint> next_timer(bool registered) const;

    Assignment rule() const { return rule_; }
    const std::vector<GroupMember>& members() const { return members_; }
    bool is_member(const std::string& id) const;
    const std::map<std::string, Topic>& topics() const { return topics_; }
    const Topic* find(const std::string& topic) const;
    const MemberSubscription& subscription() const { return subscription_; }
    /// The list of members, and of topics if expressions need it, were read.
    bool lists_known() const { return members_reading_.known && (!needs_all_topics_ || all_topics_reading_.known); }
    bool topics_known() const { return unknown_ == 0 && (!needs_all_topics_ || all_topics_reading_.known); }
    /// Nothing that the rule goes by is unread or being read.
    bool all_known() const;
    /// True once after anything changed that partitions are divided by.
    bool take_change() { return std::exchange(changed_, false); }
    /// True once after the topic was seen to have other partitions, or none.
    std::set<std::string> take_changed_topics() { return std::exchange(changed_topics_, {}); }

 private:
    void choose_rule();
    void follow_topics();
    bool divides_topics_of_peers() const;
    void read_all_topics_again();
    void add_topic(const std::string& name, bool ours);
    /// After its reading changed.
    template <class Change>
    void change_reading(const std::string& name, Topic& topic, Change change);

    const Assignment configured_rule_;
    Turn& turn_;
    Assignment rule_;
    bool rule_reported_ = false;
    std::string member_id_;
    MemberSubscription subscription_;
    Reading members_reading_;
    std::vector<GroupMember> members_;
    Reading all_topics_reading_;
    std::set<std::string> all_topics_;
    bool needs_all_topics_ = false;
    std::vector<MemberSubscription> followed_;  // what topics_ was made of, ours first
    bool followed_is_old_ = true;
    std::map<std::string, Topic> topics_;
    Schedule<std::string> to_read_;
    std::size_t unknown_ = 0;     // of topics_
    std::size_t under_way_ = 0;   // of topics_
    std::set<std::string> changed_topics_;
    bool changed_ = false;
};

}  // namespace kwire
