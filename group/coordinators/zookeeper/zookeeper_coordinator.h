// A group that its members coordinate themselves by nodes in ZooKeeper.
//
// Purpose: who gets what, and how it is granted, as a function without I/O, clock or thread.
//
// How it works: the rules of Go's and Java's members are functions of members and topics alone, and each member
// computes its own share. kwire's members agree on a plan instead (PlanKeeper). A partition is granted by its owner
// node (OwnerClaims). Members do not always agree: a leader may move between two members' looks at it, a Java peer
// gives up after four tries, a Go peer counts members that do not read the topic. Then some partition has no owner.
// Members look for such ones (Adoption) and adopt them until the next rebalance; the owner nodes keep two from
// adopting the same.
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator.h"
#include "coordinators/zookeeper/adoption.h"
#include "coordinators/zookeeper/group_view.h"
#include "coordinators/zookeeper/member_session.h"
#include "coordinators/zookeeper/owner_claims.h"
#include "coordinators/zookeeper/plan_keeper.h"
#include "membership_config.h"
#include "turn.h"

namespace kwire {

class ZookeeperCoordinator final : public Coordinator {
 public:
    /// tenancy and turn must outlive it.
    ZookeeperCoordinator(MembershipConfig config, Tenancy& tenancy, Turn& turn);

    void handle(const MembershipEvent& event) override;
    void progress() override;
    void carry_out(const Tenancy::Request& request) override;
    void settle() override;
    bool grants_pending() const override { return claims_.under_way(); }
    void leave_if_done() override;
    std::optional<TimePoint> next_timer() const override;

    bool registered() const override { return session_.is_registered(); }
    bool closed() const override { return closed_; }
    std::vector<TopicPartition> owned() const override { return claims_.owned(); }
    std::uint64_t owned_version() const override { return claims_.owned_version(); }
    std::vector<ReadingGap> gaps() const override;
    std::vector<TopicPartition> left_to_others() const override;
    Assignment rule() const override { return view_.rule(); }

 private:
    // ---- events
    void on(const event::SessionOpened& e);
    void on(const event::SessionOpenFailed& e);
    void on(const event::SessionSuspended& e);
    void on(const event::SessionResumed& e);
    void on(const event::SessionExpired& e);
    void on(const event::Registered& e);
    void on(const event::RegistrationUpdated& e);
    void on(const event::Deregistered& e);
    void on(const event::Fenced& e);
    void on(const event::SubscriptionChanged& e);
    void on(const event::MembersRead& e);
    void on(const event::PlanRead& e);
    void on(const event::PlanWritten& e);
    void on(const event::OwnersListed& e);
    void on(const event::CloseRequested& e);
    void on(const event::Tick& e);
    /// Those that a part handles by itself.
    template <class Event>
    void on(const Event& e);

    // ---- who gets what
    bool live() const { return session_.live() && !closing_; }
    bool balanced() const { return view_.rule() == Assignment::balanced; }
    bool inputs_known() const;
    void take_changes();
    void divide_if_known();
    TopicPartitions known_partitions() const;
    std::set<TopicPartition> assigned_to_us(const TopicPartitions& partitions) const;
    std::map<TopicPartition, std::string> assigned_members() const;

    void add_gap(const TopicPartition& tp, const std::map<TopicPartition, std::string>& assigned,
                 std::vector<ReadingGap>& gaps) const;
    Duration spread() const;
    void lose_all();
    void finish(bool clean);

    const MembershipConfig config_;
    Tenancy& tenancy_;
    Turn& turn_;
    MemberSession session_;
    GroupView view_;
    PlanKeeper plan_;
    OwnerClaims claims_;
    Adoption adoption_;
    bool inputs_changed_ = false;       // since partitions were divided
    bool reading_suspended_ = false;
    TimePoint read_not_before_{};

    bool closing_ = false;
    bool closed_ = false;
    std::optional<TimePoint> leave_deadline_;
};

}  // namespace kwire
