// The plan of a group: one node that says which member is to own which partition, and that every member can replace.
//
// Purpose: reads the plan, decides when this member writes a better one, and sees to it that members whose views of a
// topic differ do not fight about it. A function without I/O, clock or thread.
//
// How it works: the plan is followed as it stands. The first member by id replaces it as soon as members or topics ask
// for another; the others do if the first did not for a while, one after the other.
// A plan keeps partitions that its writer does not see, since others may: they leave it only after their owner nodes
// were seen to be missing for long, and stay for good if somebody puts them back.
// A plan that cannot be read is reported. One of an unknown version is never replaced; anything else that stands in its
// place, or that it is gone, makes members write the plan again that they followed.
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

#include "coordinators/zookeeper/group_view.h"
#include "membership_protocol.h"
#include "turn.h"

namespace kwire {

class PlanKeeper {
 public:
    struct Settings {
        Duration patience;      ///< How long a member that is not the first leaves it to the first to write.
        Duration patience_max;  ///< The patience doubles with each plan of ours that somebody replaces.
        Duration pace;          ///< Between two plans of the first member of a group of 50 or more.
        Duration stagger;       ///< So much later than the one before it by id does each of the others write.
    };

    PlanKeeper(Settings settings, Turn& turn) : settings_(settings), turn_(turn) {}

    /// Each returns true if partitions may have to be divided anew.
    bool on(const event::PlanRead& e);
    bool on(const event::PlanWritten& e);
    void on(const event::PlanChanged& e);
    /// Members or topics are others.
    void inputs_changed() { inputs_changed_ = true; }
    /// The session is another one.
    void begin_anew();

    void read_if_due(SessionNumber session);
    /// To be called when everything is known that the plan goes by.
    void replace_if_due(SessionNumber session, const TopicPartitions& partitions,
                        const std::vector<GroupMember>& members, const std::string& member_id);
    bool write_is_due() const { return write_at_ && turn_.due(*write_at_); }
    std::optional<TimePoint> next_read() const;
    std::optional<TimePoint> next_write() const { return write_at_; }

    const OwnerPlan& owners() const { return owners_; }
    bool up_to_date() const { return reading_.up_to_date(); }
    bool known() const { return reading_.known; }
    bool writing() const { return write_under_way_; }
    /// It is of a version that we do not know: nothing can be decided by it.
    bool frozen() const { return frozen_; }

    /// The partitions of topic that the plan has.
    std::vector<std::int32_t> partitions_of(const std::string& topic) const;
    /// What is seen of topics, and what the plan has of them beyond that.
    TopicPartitions with_planned(const std::map<std::string, GroupView::Topic>& topics) const;
    /// Nobody owns tp, which we do not see and the plan has: it may leave the plan, unless somebody put it back before.
    bool let_go(const TopicPartition& tp);
    /// Our view of topic changed: what was concluded of it is void.
    void view_changed(const std::string& topic);
    /// A topic whose number of partitions in the plan changed back and forth three times while our view of it stayed.
    struct Dispute {
        std::string topic;
        std::size_t smaller;
        std::size_t larger;
    };
    std::vector<Dispute> take_disputes() { return std::exchange(disputes_, {}); }
    /// The plan was seen to shrink for topic.
    bool has_shrunk(const std::string& topic) const { return shapes_.count(topic) > 0; }

 private:
    struct Shape {
        bool shrank_last = true;
        int flips = 0;
    };
    void follow(OwnerPlan owners);
    void note_shapes(const OwnerPlan& owners);

    const Settings settings_;
    Turn& turn_;
    Reading reading_;
    OwnerPlan owners_;
    bool stands_ = false;  // the node holds owners_
    bool frozen_ = false;
    std::int32_t version_ = -1;
    std::optional<std::int32_t> reported_version_;

    OwnerPlan being_written_;
    bool write_under_way_ = false;
    bool inputs_changed_ = true;         // since we last wrote or agreed
    std::optional<TimePoint> write_at_;  // there may be a better plan, and it is to be written then
    TimePoint next_at_{};                // of ours, as the first member
    Duration patience_{};
    Retry write_;

    std::set<TopicPartition> let_go_;
    std::set<TopicPartition> put_back_;
    std::map<std::string, Shape> shapes_;
    std::vector<Dispute> disputes_;
};

}  // namespace kwire
