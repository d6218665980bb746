// What a member of a group decides: when to register, what to claim, what to let go, in which order.
//
// Purpose: every decision of the group folder, as a function (event, now) -> actions without I/O, clock or thread, so that
// a simulation can drive it through any order of events. GroupMember carries the actions out.
//
// How it works: each partition that is wanted or held has a Span with a Step. The assignment only sets whether a span is
// wanted; advance() then takes every span one step towards that. So a change of mind in the middle of anything needs no
// special case, and a rebalance touches only the partitions that change hands.
// What the assignment says: the rules of Go's and Java's members are functions of the members and topics alone, and each
// computes its own share. kwire's members agree on a plan instead, one node that each of them can replace as long as it is
// the version it has seen. Whoever sees that members and topics ask for another plan writes the balanced one nearest to it:
// the first of the members by name at once, so that they do not all try; any other one if the first does not.
// Members do not always agree: a leader may move between two members' looks at it, a Java peer gives up after four tries, a
// Go peer counts members that do not read the topic. Then some partition has no owner. Every member looks for such ones now
// and then and adopts its part of them until the next rebalance; the owner nodes keep two from adopting the same.
// Invariants: no claim is made for a partition that the newest assignment gives to somebody else; a node that may be ours
// is always released or lost; nothing is ordered of ZooKeeper while the session is suspended; after Closed, nothing.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/net/backoff.h>

#include "membership_protocol.h"

namespace kwire {

struct MembershipConfig {
    MemberSubscription subscription;
    Assignment rule = Assignment::automatic;
    /// True: the id is the same each time (group.instance.id). Leaving keeps our place for the session's timeout.
    bool static_member = false;
    /// How long a span that stops waits until what was handed out is processed and the program's on_revoked has returned.
    Duration processing_timeout = std::chrono::seconds(60);
    /// How long to commit, to release and to deregister may take before close gives up on ZooKeeper.
    Duration leave_timeout = std::chrono::seconds(4);
    std::optional<std::uint64_t> jitter_seed = {};  ///< Of waits; another one in each member. Nothing: no jitter.
    Backoff::Milliseconds retry_backoff{100};
    Backoff::Milliseconds retry_backoff_max{5'000};
    /// How often to look for partitions that nobody owns, and how often one must be seen so before we adopt it. The product
    /// must be longer than a Java peer stays without its partitions while it rebalances: four tries, two seconds apart.
    Duration sweep_interval = std::chrono::seconds(5);
    int sweeps_before_adoption = 3;
    /// How long a member that is not the first leaves it to the first to write the plan; also how long anybody leaves a plan
    /// of another's that it does not agree with, and twice as long each time that happens again.
    Duration plan_patience = std::chrono::seconds(1);
    Duration plan_patience_max = std::chrono::seconds(30);
    /// Between two plans of the first member: where many join, each plan is read by all.
    Duration plan_pace = std::chrono::milliseconds(150);
    /// So much later than the one before it by name does each of the other members write the plan.
    Duration plan_stagger = std::chrono::milliseconds(50);
    /// How long a new member waits for its topics before it registers: peers release to it, and it must know what to claim.
    Duration register_patience = std::chrono::seconds(1);
};

class Membership {
 public:
    using Actions = std::vector<MembershipAction>;

    /// Begins where a first session is about to be opened.
    explicit Membership(MembershipConfig config);

    /// The actions are to be carried out in their order.
    Actions handle(const MembershipEvent& event, TimePoint now);
    /// When to call handle with a Tick.
    std::optional<TimePoint> next_timer() const;

    /// True while our registration stands, as far as we know.
    bool registered() const { return registration_ == Registration::done; }
    bool closed() const { return closed_; }
    /// The partitions whose node is ours.
    std::vector<TopicPartition> owned() const;
    /// Another number whenever owned() is another.
    std::uint64_t owned_version() const { return owned_version_; }
    /// What keeps the subscription from being read as a whole by this member and its peers: of a topic (partition -1), of a
    /// partition, or of everything (no topic). starting: it is ours, and where to begin is being looked up.
    struct Gap {
        enum class Kind { not_ready, topic_unread, topic_missing, unassigned, not_claimed, blocked, starting };
        Kind kind;
        TopicPartition tp;
    };
    std::vector<Gap> gaps() const;
    /// The partitions of our subscription that the assignment gives to others.
    std::vector<TopicPartition> left_to_others() const;
    /// What partitions are divided by at the moment.
    Assignment rule() const { return rule_; }

 private:
    enum class SessionPhase { opening, live, suspended, ended };
    enum class Registration { wanted, under_way, done, deregistering, gone };
    enum class Step {
        to_claim,
        claiming,
        blocked,    // somebody else's node is watched
        claimed,    // ours; waits until all claims under way are answered, to be announced together
        to_start,
        starting,
        cancelling,
        running,
        draining,
        to_finalize,
        finalizing,
        to_release,
        releasing,
    };
    struct Span {
        SpanId id = 0;
        Step step = Step::to_claim;
        bool wanted = true;
        bool drained = false;
        bool may_hold_node = false;  // a claim without a known outcome
        bool holds_node = false;
        bool announced = false;      // as assigned, and not yet as revoked
        bool revoking = false;       // the program is being told that it goes, and may use it until then
        TimePoint not_before{};  // of the next try
        Backoff backoff{};
        TimePoint drain_deadline{};
    };
    struct Reading {
        bool known = false;
        bool under_way = false;
        bool again = true;  // read it (again) as soon as possible
        TimePoint not_before{};
        Backoff backoff{};
    };
    struct Topic {
        bool ours = true;  // else only peers read it, which matters to some rules
        Reading reading;
        bool exists = false;
        bool was_read = false;  // ever: else partitions is not known, though reading goes on without
        bool reported_missing = false;
        std::map<std::int32_t, int> ownerless;  // partition -> sweeps that found it so, in a row
        std::vector<PartitionLeader> partitions;
    };
    struct Plan {
        Reading reading;
        OwnerPlan owners;
        OwnerPlan writing;  // what is under way
        TimePoint next_at{};  // of ours, as the first member
        std::int32_t version = -1;
        bool write_under_way = false;
        bool inputs_changed = true;  // since we last wrote or agreed
        std::optional<TimePoint> write_at;  // there is a better one, and it is to be written then
        Duration patience{};
        TimePoint write_not_before{};
        Backoff write_backoff{};
    };

    void on(const event::SessionOpened& e);
    void on(const event::SessionOpenFailed& e);
    void on(const event::SessionSuspended& e);
    void on(const event::SessionResumed& e);
    void on(const event::SessionExpired& e);
    void on(const event::Registered& e);
    void on(const event::RegistrationUpdated& e);
    void on(const event::Fenced& e);
    void on(const event::SubscriptionChanged& e);
    void on(const event::TopicsListed& e);
    void on(const event::TopicsChanged& e);
    void on(const event::PlanRead& e);
    void on(const event::PlanChanged& e);
    void on(const event::PlanWritten& e);
    void on(const event::MembersChanged& e);
    void on(const event::MembersRead& e);
    void on(const event::TopicChanged& e);
    void on(const event::TopicRead& e);
    void on(const event::OwnersListed& e);
    void on(const event::ClaimAnswered& e);
    void on(const event::OwnerGone& e);
    void on(const event::OwnerUnreadable& e);
    void on(const event::OwnerPersistent& e);
    void on(const event::ClaimSeen& e);
    void on(const event::Started& e);
    void on(const event::NotStarted& e);
    void on(const event::Drained& e);
    void on(const event::RevokeReturned& e);
    void on(const event::Finalized& e);
    void on(const event::Released& e);
    void on(const event::Deregistered& e);
    void on(const event::CloseRequested& e);
    void on(const event::Tick& e);

    void open_next_session();
    void lose_everything();
    void finish(bool clean);
    void read_all_again();
    void choose_rule();
    void follow_topics();
    bool divides_topics_of_peers() const;
    bool needs_all_topics() const;
    void replace_plan_if_due(const TopicPartitions& partitions);

    void progress();
    void open_session_if_due();
    void register_if_due();
    void read_if_due();
    void reassign_if_known();
    void sweep_if_due();
    void adopt(const std::vector<TopicPartition>& ownerless);
    void advance_spans();
    /// Takes span one step further; false when it is done with and may go.
    bool advance(const TopicPartition& tp, Span& span);
    void revoke();
    void announce_claimed();
    void leave_if_empty();

    bool live() const { return session_phase_ == SessionPhase::live; }
    bool due(TimePoint not_before) const { return not_before <= now_; }
    void back_off(TimePoint& not_before, Backoff& backoff);
    /// The span of that id if it is in one of the steps given; null for an answer that came too late.
    Span* find(SpanId id, std::initializer_list<Step> steps);
    TopicPartitions known_partitions() const;
    std::map<TopicPartition, std::string> assigned_members() const;
    std::set<TopicPartition> assigned_to_us(const TopicPartitions& partitions) const;
    bool topics_known() const;
    bool all_known() const;
    void want(const TopicPartition& tp);
    void set_holds_node(Span& span, bool holds);
    template <class Visit>
    void for_touched(Visit visit);
    std::optional<TimePoint> timer_of(const Span& span) const;
    bool held_by_program(const Span& span) const;
    void renew(const TopicPartition& tp, Span& span);  // the same partition, another span
    template <class Action>
    void order(Action action) {
        actions_.emplace_back(std::move(action));
    }

    const MembershipConfig config_;
    std::optional<std::uint64_t> backoff_seed_ = config_.jitter_seed;
    Actions actions_;
    TimePoint now_{};

    SessionPhase session_phase_ = SessionPhase::opening;
    SessionNumber session_ = 1;
    bool open_under_way_ = true;
    TimePoint open_not_before_{};
    Backoff open_backoff_;

    std::string member_id_;
    bool ever_registered_ = false;
    Registration registration_ = Registration::wanted;
    TimePoint register_not_before_{};
    TimePoint register_by_{};  // with or without knowing the topics
    Backoff register_backoff_;

    MemberSubscription subscription_;
    Reading update_{.known = true, .again = false};  // of our registration
    Assignment rule_;
    bool rule_told_ = false;
    Reading all_topics_reading_;
    std::set<std::string> all_topics_;
    Plan plan_;

    Reading members_reading_;
    std::vector<GroupMember> members_;
    std::map<std::string, Topic> topics_;
    bool inputs_changed_ = false;
    std::set<TopicPartition> adopted_;
    std::optional<TimePoint> next_sweep_;

    std::map<TopicPartition, Span> spans_;
    std::map<SpanId, TopicPartition> span_names_;
    // Those that the event at hand may have changed something for. What is about one span costs as much as that span, not
    // as much as all there are; whatever is about more touches all.
    std::set<TopicPartition> touched_;
    bool all_touched_ = false;
    std::set<TopicPartition> to_announce_;
    int claims_under_way_ = 0;
    std::optional<TimePoint> spans_timer_;  // not later than the first moment that a span waits for
    bool reading_suspended_ = false;
    SpanId next_span_ = 1;
    std::uint64_t owned_version_ = 0;

    Duration drain_time_;
    bool closing_ = false;
    bool closed_ = false;
    std::optional<TimePoint> leave_deadline_;
};

}  // namespace kwire
