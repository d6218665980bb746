// Partitions that nobody owns, and what else the lists of owners show.
//
// Purpose: has owners listed (OwnerSweep), has our own nodes looked at if they are missing there, adopts what nobody owns, and
// finds out whether members see different numbers of partitions. A function without I/O, clock or thread.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinators/zookeeper/group_view.h"
#include "coordinators/zookeeper/owner_claims.h"
#include "coordinators/zookeeper/owner_sweep.h"
#include "coordinators/zookeeper/plan_keeper.h"
#include "tenancy/tenancy.h"
#include "turn.h"

namespace kwire {

class Adoption {
 public:
    struct Parts {
        const GroupView& view;
        PlanKeeper& plan;
        OwnerClaims& claims;
        Tenancy& tenancy;
    };

    /// looks: how often in a row a partition must be seen without an owner before it is adopted.
    Adoption(Parts parts, Duration interval, int looks, Turn& turn)
        : parts_(parts), looks_(looks), turn_(turn), sweep_(interval, turn) {}

    /// Partitions were divided anew, for this member.
    void begin(const std::string& member_id);
    void stop() { sweep_.stop(); }
    void list_if_due(SessionNumber session) { sweep_.list_if_due(session); }
    std::optional<TimePoint> next_timer() const { return sweep_.next_timer(); }

    /// True if the plan is to be looked at again: something may leave it.
    bool judge(const event::OwnersListed& e);
    /// Reports what the plan's ups and downs show.
    void report_disputes();
    /// Our view of topic is another.
    void view_changed(const std::string& topic) { reported_.erase(topic); }

 private:
    struct Unseen {
        bool changes_plan = false;
        bool unsettled = false;
    };
    Unseen judge_unseen(const std::string& name, const GroupView::Topic& topic, const std::set<std::int32_t>& owned);
    void adopt(const std::vector<TopicPartition>& unowned);
    void report(const std::string& name, const GroupView::Topic& topic, std::size_t planned);
    bool balanced() const { return parts_.view.rule() == Assignment::balanced; }

    const Parts parts_;
    const int looks_;
    Turn& turn_;
    OwnerSweep sweep_;
    std::string member_id_;
    std::map<std::string, std::size_t> reported_;  // disagreements: topic -> how many partitions the plan had
};

}  // namespace kwire
