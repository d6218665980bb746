#include "coordinators/zookeeper/zookeeper_coordinator.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "assignment/member_id.h"

namespace kwire {
namespace {

/// The longest that members of a large group take to come back one after the other.
constexpr Duration spread_max = std::chrono::seconds(1);
constexpr Duration spread_of_one = std::chrono::milliseconds(10);

template <class Part, class Event>
constexpr bool handles = requires(Part& part, const Event& e) { part.on(e); };

}  // namespace

ZookeeperCoordinator::ZookeeperCoordinator(MembershipConfig config, Tenancy& tenancy, Turn& turn)
    : config_(std::move(config)),
      tenancy_(tenancy),
      turn_(turn),
      session_(config_.subscription, turn),
      view_(config_.rule, config_.subscription, turn),
      plan_({config_.plan_patience, config_.plan_patience_max, config_.plan_pace, config_.plan_stagger}, turn),
      claims_(turn),
      adoption_({view_, plan_, claims_, tenancy}, config_.sweep_interval, config_.sweeps_before_adoption, turn) {}

void ZookeeperCoordinator::handle(const MembershipEvent& event) {
    std::visit(
        [this](const auto& e) {
            if constexpr (requires { e.session; }) {
                if (e.session != session_.number()) return;  // an answer of an older session
            }
            on(e);
        },
        event);
}

template <class Event>
void ZookeeperCoordinator::on(const Event& e) {
    if constexpr (handles<GroupView, Event>) view_.on(e);
    if constexpr (handles<PlanKeeper, Event>) plan_.on(e);
    if constexpr (handles<OwnerClaims, Event>) claims_.on(e);
}

void ZookeeperCoordinator::progress() {
    if (!closing_) session_.open_if_due();
    if (live()) {
        session_.register_if_due(view_.topics_known());
        if (turn_.due(read_not_before_)) {
            view_.read_if_due(session_.number(), registered());
            if (balanced()) plan_.read_if_due(session_.number());
        }
        take_changes();
        divide_if_known();
        if (inputs_known()) adoption_.list_if_due(session_.number());
    }
    settle();
}

// ---- the session

void ZookeeperCoordinator::on(const event::SessionOpened& e) {
    if (!session_.opened(e, config_.register_patience)) return;
    claims_.set_owner_text(owner_text(view_.rule(), session_.member_id()));
    if (std::exchange(reading_suspended_, false)) turn_.order(action::ResumeReading{});
}

void ZookeeperCoordinator::on(const event::SessionOpenFailed&) { session_.open_failed(); }

void ZookeeperCoordinator::on(const event::SessionSuspended&) {
    if (!session_.suspended()) return;
    reading_suspended_ = true;
    turn_.order(action::SuspendReading{});
    claims_.suspend();
    tenancy_.suspend();
}

/// Watches have survived, and ZooKeeper reports what they missed: only what has none is read again, by one member of a
/// large group after the other.
void ZookeeperCoordinator::on(const event::SessionResumed&) {
    if (!session_.resumed()) return;
    read_not_before_ = turn_.now() + turn_.jitter(spread());
    reading_suspended_ = false;
    turn_.order(action::ResumeReading{});
    claims_.resume();
    tenancy_.resume();
}

void ZookeeperCoordinator::on(const event::SessionExpired&) {
    const bool had_partitions = !tenancy_.empty();
    if (!session_.expired(spread())) return;
    lose_all();
    if (closing_) return finish(!had_partitions);
    view_.begin_anew();
    plan_.begin_anew();
    adoption_.stop();
}

/// Over which members come back that lost their servers at the same time.
Duration ZookeeperCoordinator::spread() const {
    return std::min(spread_max, spread_of_one * static_cast<std::int64_t>(view_.members().size()));
}

void ZookeeperCoordinator::lose_all() {
    tenancy_.lose_all();
    tenancy_.resume();
    claims_.clear();
}

void ZookeeperCoordinator::on(const event::Registered& e) {
    if (session_.registered(e.code)) view_.read_members_again();
}

void ZookeeperCoordinator::on(const event::RegistrationUpdated& e) {
    if (session_.updated(e.code)) view_.read_members_again();  // the others see it by their watches
}

void ZookeeperCoordinator::on(const event::Deregistered& e) { session_.deregistered(e.code); }

void ZookeeperCoordinator::on(const event::Fenced&) {
    lose_all();
    finish(false);
}

void ZookeeperCoordinator::on(const event::SubscriptionChanged& e) {
    if (!closing_ && session_.subscribe(e.subscription)) view_.subscribe(e.subscription);
}

void ZookeeperCoordinator::on(const event::MembersRead& e) {
    const bool listed = view_.on(e, session_.member_id());
    if (!listed && registered()) session_.registration_gone();  // somebody deleted our node though the session lives
}

// ---- who gets what

void ZookeeperCoordinator::on(const event::PlanRead& e) {
    if (plan_.on(e)) inputs_changed_ = true;
}

void ZookeeperCoordinator::on(const event::PlanWritten& e) {
    if (plan_.on(e)) inputs_changed_ = true;
}

void ZookeeperCoordinator::take_changes() {
    for (const auto& name : view_.take_changed_topics()) {
        plan_.view_changed(name);
        adoption_.view_changed(name);
        const auto* topic = view_.find(name);
        if (topic == nullptr || !topic->came_back) continue;
        // It was made anew: what the plan has beyond it is of the old one.
        for (const auto partition : plan_.partitions_of(name)) {
            if (!topic->sees(partition)) plan_.let_go({name, partition});
        }
    }
    if (view_.take_change()) {
        inputs_changed_ = true;
        plan_.inputs_changed();
    }
    adoption_.report_disputes();
}

bool ZookeeperCoordinator::inputs_known() const {
    return live() && registered() && view_.all_known() && (!balanced() || plan_.up_to_date());
}

void ZookeeperCoordinator::divide_if_known() {
    const bool plan_due = balanced() && !plan_.frozen() && plan_.write_is_due();
    if ((!inputs_changed_ && !plan_due) || !inputs_known()) return;
    if (balanced() && plan_.frozen()) {
        // Everything stays where it is, and what nobody owns is adopted.
        inputs_changed_ = false;
        return adoption_.begin(session_.member_id());
    }
    const auto partitions = known_partitions();
    if (balanced()) plan_.replace_if_due(session_.number(), partitions, view_.members(), session_.member_id());
    if (!std::exchange(inputs_changed_, false)) return;
    claims_.set_owner_text(owner_text(view_.rule(), session_.member_id()));
    claims_.forget_adoptions();
    tenancy_.want_only(assigned_to_us(partitions));
    adoption_.begin(session_.member_id());
}

TopicPartitions ZookeeperCoordinator::known_partitions() const {
    if (balanced()) return plan_.with_planned(view_.topics());
    TopicPartitions partitions;
    for (const auto& [name, topic] : view_.topics()) {
        if (topic.exists) partitions.emplace_hint(partitions.end(), name, topic.partitions);
    }
    return partitions;
}

std::set<TopicPartition> ZookeeperCoordinator::assigned_to_us(const TopicPartitions& partitions) const {
    std::set<TopicPartition> ours;
    if (!balanced()) {
        for (const auto& [tp, who] : assign(view_.rule(), partitions, view_.members())) {
            if (who.member == session_.member_id()) ours.insert(tp);
        }
        return ours;
    }
    for (const auto& [tp, owner] : plan_.owners()) {
        if (owner != session_.member_id()) continue;
        const auto* topic = view_.find(tp.topic);
        if (topic == nullptr || !topic->ours) continue;
        // Of a topic that could not be read yet the plan says what others saw.
        if (topic->was_read ? topic->sees(tp.partition) : tp.partition >= 0) ours.insert(tp);
    }
    return ours;
}

std::map<TopicPartition, std::string> ZookeeperCoordinator::assigned_members() const {
    if (balanced()) return plan_.owners();
    std::map<TopicPartition, std::string> members;
    for (const auto& [tp, who] : assign(view_.rule(), known_partitions(), view_.members())) members[tp] = who.member;
    return members;
}

void ZookeeperCoordinator::on(const event::OwnersListed& e) {
    if (inputs_known() && adoption_.judge(e)) inputs_changed_ = true;
}

// ---- how it is granted

void ZookeeperCoordinator::carry_out(const Tenancy::Request& request) {
    if (request.kind == Tenancy::Request::Kind::acquire) {
        claims_.acquire(request.span, request.tp);
    } else {
        claims_.release(request.span, request.tp);
    }
}

void ZookeeperCoordinator::settle() {
    using Kind = OwnerClaims::Outcome::Kind;
    claims_.progress();
    for (const auto& outcome : claims_.take_outcomes()) {
        switch (outcome.kind) {
            case Kind::granted: tenancy_.granted(outcome.span); break;
            case Kind::released: tenancy_.released(outcome.span); break;
            case Kind::withdrawn: tenancy_.withdrawn(outcome.span); break;
            case Kind::refused: tenancy_.unwant(outcome.tp); break;
        }
    }
}

// ---- leaving

void ZookeeperCoordinator::on(const event::CloseRequested& e) {
    closing_ = true;
    tenancy_.close(e.drain.value_or(config_.processing_timeout));
    if (config_.static_member) claims_.leave_nodes();  // they keep our place until the session ends
    adoption_.stop();
}

void ZookeeperCoordinator::leave_if_done() {
    if (!closing_ || closed_) return;
    // Only the program may take its time.
    if (!leave_deadline_ && !tenancy_.held_by_program()) leave_deadline_ = turn_.now() + config_.leave_timeout;
    if (leave_deadline_ && turn_.due(*leave_deadline_)) {
        lose_all();
        return finish(false);
    }
    if (!tenancy_.empty() || session_.registering()) return;
    if (session_.nothing_stands() || session_.opening() || config_.static_member) return finish(true);
    session_.deregister_if_due();
}

void ZookeeperCoordinator::finish(bool clean) {
    session_.end();
    closed_ = true;
    turn_.order(action::Closed{clean, clean && config_.static_member});
}

// ---- time

void ZookeeperCoordinator::on(const event::Tick&) {}

std::optional<TimePoint> ZookeeperCoordinator::next_timer() const {
    auto next = earlier(session_.next_timer(closing_), leave_deadline_);
    if (session_.live()) next = earlier(next, claims_.next_timer());
    if (!live()) return next;
    auto read = view_.next_timer(registered());
    if (balanced()) read = earlier(read, plan_.next_read());
    if (read) next = earlier(next, std::max(*read, read_not_before_));
    if (!inputs_known()) return next;
    if (balanced() && !plan_.frozen()) next = earlier(next, plan_.next_write());
    return earlier(next, adoption_.next_timer());
}

}  // namespace kwire
