#include "membership.h"

#include <algorithm>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

#include "assignment/member_id.h"
#include "assignment/subscribed_member.h"

namespace kwire {
namespace {

template <class Event>
constexpr bool about_one_span = requires(const Event& e) { e.span; };

}  // namespace

Membership::Membership(MembershipConfig config)
    : config_(std::move(config)),
      subscription_(config_.subscription),
      rule_(config_.rule == Assignment::automatic ? Assignment::balanced : config_.rule),
      drain_time_(config_.processing_timeout) {
    follow_topics();
}

Membership::Actions Membership::handle(const MembershipEvent& event, TimePoint now) {
    if (closed_) return {};
    now_ = std::max(now_, now);
    actions_.clear();
    std::visit(
        [this](const auto& e) {
            all_touched_ = !about_one_span<std::decay_t<decltype(e)>>;
            on(e);
        },
        event);
    progress();
    touched_.clear();
    return std::exchange(actions_, {});
}

void Membership::progress() {
    if (closed_) return;
    open_session_if_due();
    register_if_due();
    read_if_due();
    reassign_if_known();
    sweep_if_due();
    revoke();
    advance_spans();
    announce_claimed();
    leave_if_empty();
}

// ---- the session

void Membership::on(const event::SessionOpened& e) {
    if (e.session != session_ || session_phase_ != SessionPhase::opening) return;
    open_under_way_ = false;
    open_backoff_.reset();
    session_phase_ = SessionPhase::live;
    register_by_ = now_ + config_.register_patience;
    member_id_ = e.member_id;
    if (std::exchange(reading_suspended_, false)) order(action::ResumeReading{});
}

void Membership::on(const event::SessionOpenFailed& e) {
    if (e.session != session_ || session_phase_ != SessionPhase::opening) return;
    open_under_way_ = false;
    back_off(open_not_before_, open_backoff_);
}

void Membership::on(const event::SessionSuspended&) {
    if (!live()) return;
    session_phase_ = SessionPhase::suspended;
    reading_suspended_ = true;
    order(action::SuspendReading{});
}

void Membership::on(const event::SessionResumed&) {
    if (session_phase_ != SessionPhase::suspended) return;
    session_phase_ = SessionPhase::live;
    reading_suspended_ = false;
    order(action::ResumeReading{});
    // Watches should have survived; to look once more costs little and does not depend on it.
    read_all_again();
    register_not_before_ = now_;
    for (auto& [tp, span] : spans_) {
        span.not_before = now_;
        if (span.step == Step::blocked) span.step = Step::to_claim;
    }
}

void Membership::on(const event::SessionExpired&) {
    if (session_phase_ == SessionPhase::opening) return;
    const bool had_spans = !spans_.empty();
    lose_everything();
    if (closing_) return finish(!had_spans);
    session_phase_ = SessionPhase::opening;
    registration_ = Registration::wanted;
    register_backoff_.reset();
    register_not_before_ = now_;
    members_.clear();
    members_reading_ = {};
    for (auto& [name, topic] : topics_) topic.reading = {};
    all_topics_reading_ = {};
    plan_ = {};
    update_ = {.known = true, .again = false};  // the registration of the new session says it
    adopted_.clear();
    next_sweep_.reset();
    open_next_session();
}

void Membership::open_next_session() {
    ++session_;
    open_under_way_ = true;
    order(action::OpenSession{session_});
}

void Membership::open_session_if_due() {
    if (session_phase_ != SessionPhase::opening || open_under_way_ || closing_) return;
    if (due(open_not_before_)) open_next_session();
}

void Membership::lose_everything() {
    std::vector<action::LostSpan> lost;
    for (auto& [tp, span] : spans_) {
        if (span.holds_node || span.may_hold_node) lost.push_back({span.id, tp});
        set_holds_node(span, false);
    }
    spans_.clear();
    span_names_.clear();
    to_announce_.clear();
    claims_under_way_ = 0;
    if (!lost.empty()) order(action::Lost{std::move(lost)});
}

// ---- registration

void Membership::register_if_due() {
    if (!live() || closing_ || registration_ != Registration::wanted) return;
    if (!due(register_not_before_) || (!topics_known() && !due(register_by_))) return;
    registration_ = Registration::under_way;
    order(action::Register{session_, subscription_, !ever_registered_});
}

void Membership::on(const event::Registered& e) {
    if (e.session != session_ || registration_ != Registration::under_way) return;
    if (e.code == zk::Code::ok) {
        registration_ = Registration::done;
        ever_registered_ = true;
        register_backoff_.reset();
        members_reading_.again = true;
    } else {
        // Also where our name is taken: it may be our own node of a session that is about to expire.
        registration_ = Registration::wanted;
        back_off(register_not_before_, register_backoff_);
    }
}

void Membership::on(const event::Deregistered& e) {
    if (e.session != session_ || registration_ != Registration::deregistering) return;
    // Where it failed the node goes with the session, which is about to be closed.
    registration_ = outcome_unknown(e.code) ? Registration::done : Registration::gone;
    if (registration_ == Registration::done) back_off(register_not_before_, register_backoff_);
}

void Membership::on(const event::SubscriptionChanged& e) {
    if (closing_ || subscription_ == e.subscription) return;
    subscription_ = e.subscription;
    update_.again = true;
    update_.not_before = now_;
    follow_topics();
    inputs_changed_ = true;
}

void Membership::on(const event::RegistrationUpdated& e) {
    if (e.session != session_ || !update_.under_way) return;
    update_.under_way = false;
    if (e.code == zk::Code::ok) {
        update_.backoff.reset();
        members_reading_.again = true;  // its watch tells the others
        members_reading_.not_before = now_;
    } else {
        update_.again = true;
        back_off(update_.not_before, update_.backoff);
    }
}

void Membership::on(const event::Fenced&) {
    lose_everything();
    finish(false);
}

// ---- what the others see too

void Membership::read_all_again() {
    members_reading_.again = true;
    members_reading_.not_before = now_;
    all_topics_reading_.again = true;
    all_topics_reading_.not_before = now_;
    plan_.reading.again = true;
    plan_.reading.not_before = now_;
    for (auto& [name, topic] : topics_) {
        topic.reading.again = true;
        topic.reading.not_before = now_;
    }
}

void Membership::on(const event::MembersChanged& e) {
    if (e.session != session_) return;
    members_reading_.again = true;
    members_reading_.not_before = now_;
    if (rule_ != Assignment::original) return;
    // The leaders are looked at anew at each rebalance, as Go members do.
    for (auto& [name, topic] : topics_) {
        topic.reading.again = true;
        topic.reading.not_before = now_;
    }
}

void Membership::on(const event::TopicsChanged& e) {
    if (e.session != session_) return;
    all_topics_reading_.again = true;
    all_topics_reading_.not_before = now_;
}

void Membership::on(const event::PlanChanged& e) {
    if (e.session != session_) return;
    plan_.reading.again = true;
    plan_.reading.not_before = now_;
}

void Membership::on(const event::TopicChanged& e) {
    const auto found = topics_.find(e.topic);
    if (e.session != session_ || found == topics_.end()) return;
    found->second.reading.again = true;
    found->second.reading.not_before = now_;
}

void Membership::read_if_due() {
    if (!live() || closing_) return;
    const auto begin = [this](Reading& reading) {
        if (!reading.again || reading.under_way || !due(reading.not_before)) return false;
        reading.again = false;
        reading.under_way = true;
        return true;
    };
    // Before we are registered the list of members would be without us.
    if (registered() && begin(members_reading_)) order(action::ReadMembers{session_});
    if (registered() && begin(update_)) order(action::UpdateRegistration{session_, subscription_});
    if (rule_ == Assignment::balanced && begin(plan_.reading)) order(action::ReadPlan{session_});
    if (needs_all_topics() && begin(all_topics_reading_)) order(action::ListTopics{session_});
    for (auto& [name, topic] : topics_) {
        if (begin(topic.reading)) order(action::ReadTopic{session_, name, rule_ == Assignment::original});
    }
}

void Membership::on(const event::MembersRead& e) {
    if (e.session != session_ || !members_reading_.under_way) return;
    members_reading_.under_way = false;
    if (!e.members) {
        members_reading_.again = true;
        back_off(members_reading_.not_before, members_reading_.backoff);
        return;
    }
    members_reading_.backoff.reset();
    const bool listed = std::any_of(e.members->begin(), e.members->end(),
                                    [this](const auto& m) { return m.id == member_id_; });
    if (!listed && registered()) {
        // Somebody deleted our node though the session lives.
        registration_ = Registration::wanted;
        back_off(register_not_before_, register_backoff_);
        return;
    }
    auto members = *e.members;
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    if (!members_reading_.known || members_ != members) inputs_changed_ = plan_.inputs_changed = true;
    members_reading_.known = true;
    members_ = std::move(members);
    choose_rule();
    follow_topics();
}

void Membership::choose_rule() {
    if (config_.rule != Assignment::automatic) return;
    const auto rule = rule_for(members_);
    if (rule == rule_ && rule_told_) return;
    order(action::RuleChosen{rule, kinds_disagree(members_)});
    rule_told_ = true;
    if (std::exchange(rule_, rule) == rule) return;
    inputs_changed_ = true;
    if (rule != Assignment::original) return;
    for (auto& [name, topic] : topics_) {  // now the leaders count
        topic.reading.again = true;
        topic.reading.not_before = now_;
    }
}

bool Membership::divides_topics_of_peers() const {
    return rule_ == Assignment::balanced || rule_ == Assignment::java_roundrobin ||
           rule_ == Assignment::java_roundrobin_08;
}

bool Membership::needs_all_topics() const {
    const auto by_expression = [](const MemberSubscription& subscription) {
        return subscription.pattern != MemberSubscription::Pattern::static_list;
    };
    if (by_expression(subscription_)) return true;
    return divides_topics_of_peers() && std::any_of(members_.begin(), members_.end(), [&](const auto& m) {
               return m.readable && by_expression(m.subscription);
           });
}

/// topics_ becomes what we subscribe to, and what peers do where the rule divides all of it together.
void Membership::follow_topics() {
    std::map<std::string, bool> wanted;  // to whether it is ours
    const auto add = [&](const MemberSubscription& subscription, bool ours) {
        if (subscription.pattern == MemberSubscription::Pattern::static_list) {
            for (const auto& [topic, streams] : subscription.streams) wanted[topic] |= ours;
            return;
        }
        const SubscriptionFilter filter(subscription);
        for (const auto& topic : all_topics_) {
            if (filter.streams_of(topic) > 0) wanted[topic] |= ours;
        }
    };
    add(subscription_, true);
    if (divides_topics_of_peers()) {
        for (const auto& member : members_) {
            if (member.readable && member.id != member_id_) add(member.subscription, false);
        }
    }
    for (const auto& [name, ours] : wanted) {
        const auto [topic, is_new] = topics_.try_emplace(name);
        if (!is_new && topic->second.ours == ours) continue;
        topic->second.ours = ours;
        inputs_changed_ = plan_.inputs_changed = true;
    }
    const auto gone = std::erase_if(topics_, [&](const auto& entry) { return wanted.count(entry.first) == 0; });
    if (gone > 0) inputs_changed_ = plan_.inputs_changed = true;
}

void Membership::on(const event::TopicsListed& e) {
    if (e.session != session_ || !all_topics_reading_.under_way) return;
    all_topics_reading_.under_way = false;
    if (!e.topics) {
        all_topics_reading_.again = true;
        back_off(all_topics_reading_.not_before, all_topics_reading_.backoff);
        return;
    }
    all_topics_reading_.known = true;
    all_topics_reading_.backoff.reset();
    all_topics_ = {e.topics->begin(), e.topics->end()};
    follow_topics();
}

void Membership::on(const event::TopicRead& e) {
    const auto found = topics_.find(e.topic);
    if (e.session != session_ || found == topics_.end() || !found->second.reading.under_way) return;
    auto& topic = found->second;
    topic.reading.under_way = false;
    const bool unreadable = e.outcome == event::TopicRead::Outcome::unreadable;
    if (unreadable || e.outcome == event::TopicRead::Outcome::failed) {
        topic.reading.again = true;
        back_off(topic.reading.not_before, topic.reading.backoff);
        // The other topics do not wait for this one, of which counts what was known before.
        if (unreadable && !std::exchange(topic.reading.known, true)) inputs_changed_ = plan_.inputs_changed = true;
        return;
    }
    const bool exists = e.outcome == event::TopicRead::Outcome::found;
    const bool same_partitions =
        std::equal(topic.partitions.begin(), topic.partitions.end(), e.partitions.begin(),
                   e.partitions.end(),
                   [](const auto& a, const auto& b) { return a.partition == b.partition; });
    // A leader that moved is no reason to rebalance: peers would not follow.
    if (!topic.reading.known || !topic.was_read || topic.exists != exists || !same_partitions) {
        inputs_changed_ = plan_.inputs_changed = true;
    }
    topic.reading.known = topic.was_read = true;
    topic.reading.backoff.reset();
    topic.exists = exists;
    topic.partitions = e.partitions;
    if (!exists && topic.ours && !std::exchange(topic.reported_missing, true)) {
        order(action::ReportMissingTopic{e.topic});
    }
    if (exists) topic.reported_missing = false;
}

// ---- assignment

bool Membership::topics_known() const {
    if (needs_all_topics() && !all_topics_reading_.known) return false;
    return std::all_of(topics_.begin(), topics_.end(), [](const auto& entry) { return entry.second.reading.known; });
}

bool Membership::all_known() const {
    const auto up_to_date = [](const Reading& reading) { return reading.known && !reading.under_way; };
    if (!live() || closing_ || !registered() || !up_to_date(members_reading_)) return false;
    if (rule_ == Assignment::balanced && !up_to_date(plan_.reading)) return false;
    // A broker that keeps us waiting for its answer about a topic holds nothing up: what was known before counts. But
    // original goes by the leaders as they are now, and looks at each only when members change.
    if (rule_ != Assignment::original) return topics_known();
    return topics_known() && std::all_of(topics_.begin(), topics_.end(), [&](const auto& entry) {
               return up_to_date(entry.second.reading);
           });
}

void Membership::reassign_if_known() {
    const bool plan_due = rule_ == Assignment::balanced && plan_.write_at && due(*plan_.write_at);
    if ((!inputs_changed_ && !plan_due) || !all_known()) return;
    const auto partitions = known_partitions();
    if (rule_ == Assignment::balanced) replace_plan_if_due(partitions);
    if (!inputs_changed_) return;
    inputs_changed_ = false;
    all_touched_ = true;
    adopted_.clear();
    next_sweep_ = now_ + config_.sweep_interval;
    for (auto& [name, topic] : topics_) topic.ownerless.clear();

    const auto ours = assigned_to_us(partitions);
    for (auto& [tp, span] : spans_) span.wanted = ours.count(tp) > 0;
    for (const auto& tp : ours) want(tp);
}

TopicPartitions Membership::known_partitions() const {
    TopicPartitions partitions;
    for (const auto& [name, topic] : topics_) {
        if (topic.exists) partitions[name] = topic.partitions;
    }
    if (rule_ != Assignment::balanced) return partitions;
    // A topic that could not be read yet: the plan says what others saw of it, and a plan of ours must not drop that.
    for (const auto& [tp, owner] : plan_.owners) {
        const auto topic = topics_.find(tp.topic);
        if (topic == topics_.end() || topic->second.was_read) continue;
        partitions[tp.topic].push_back({tp.partition, -1});
    }
    return partitions;
}

std::set<TopicPartition> Membership::assigned_to_us(const TopicPartitions& partitions) const {
    std::set<TopicPartition> ours;
    if (rule_ != Assignment::balanced) {
        for (const auto& [tp, who] : assign(rule_, partitions, members_)) {
            if (who.member == member_id_) ours.insert(tp);
        }
        return ours;
    }
    for (const auto& [name, infos] : partitions) {
        if (!topics_.at(name).ours) continue;
        for (const auto& info : infos) {
            const auto found = plan_.owners.find({name, info.partition});
            if (found != plan_.owners.end() && found->second == member_id_) ours.insert(found->first);
        }
    }
    return ours;
}

// ---- the plan

void Membership::on(const event::PlanRead& e) {
    if (e.session != session_ || !plan_.reading.under_way) return;
    plan_.reading.under_way = false;
    if (!e.plan) {
        plan_.reading.again = true;
        back_off(plan_.reading.not_before, plan_.reading.backoff);
        return;
    }
    plan_.reading.backoff.reset();
    if (!plan_.reading.known || plan_.version != e.version || plan_.owners != *e.plan) inputs_changed_ = true;
    plan_.reading.known = true;
    plan_.version = e.version;
    plan_.owners = *e.plan;
}

void Membership::replace_plan_if_due(const TopicPartitions& partitions) {
    if (plan_.write_under_way || members_.empty()) return;
    if (plan_.inputs_changed || plan_.patience == Duration{}) plan_.patience = config_.plan_patience;
    const auto rank = std::count_if(members_.begin(), members_.end(), [this](const auto& m) { return m.id < member_id_; });
    const bool at_once = rank == 0 && plan_.inputs_changed;
    const auto wanted = at_once ? std::max(now_, plan_.next_at) : now_ + plan_.patience + rank * config_.plan_stagger;
    const auto at = std::max(wanted, plan_.write_not_before);
    plan_.write_at = std::min(plan_.write_at.value_or(at), at);
    if (!due(*plan_.write_at)) return;
    // Not before it is time: in a large group every member looks at every step of the others.
    plan_.write_at.reset();
    auto better = balance(partitions, members_, plan_.owners);
    plan_.inputs_changed = false;
    if (better == plan_.owners) return;
    plan_.write_under_way = true;
    // In a small group a plan costs little, and who joins need not wait.
    plan_.next_at = now_ + config_.plan_pace * std::min<std::int64_t>(std::ssize(members_), 50) / 50;
    plan_.patience = std::min(plan_.patience * 2, config_.plan_patience_max);
    plan_.writing = better;
    order(action::WritePlan{session_, std::move(better), plan_.version});
}

void Membership::on(const event::PlanWritten& e) {
    if (e.session != session_ || !plan_.write_under_way) return;
    plan_.write_under_way = false;
    inputs_changed_ = true;
    auto written = std::exchange(plan_.writing, {});
    if (e.code == zk::Code::ok) {
        // Its watch brings it once more, and that is enough.
        plan_.write_backoff.reset();
        plan_.owners = std::move(written);
        plan_.version = e.version;
        return;
    }
    plan_.inputs_changed = true;
    const bool lost_race = e.code == zk::Code::bad_version || e.code == zk::Code::node_exists;
    if (lost_race) {
        plan_.write_backoff.reset();
    } else {
        back_off(plan_.write_not_before, plan_.write_backoff);
    }
    // What stands there now counts, whoever wrote it.
    plan_.reading.again = true;
    plan_.reading.not_before = now_;
}

void Membership::want(const TopicPartition& tp) {
    auto& span = spans_[tp];
    span.wanted = true;
    touched_.insert(tp);
    if (span.id == 0) renew(tp, span);
}

void Membership::renew(const TopicPartition& tp, Span& span) {
    span_names_.erase(span.id);
    span.id = next_span_++;
    span.not_before = now_;
    span.backoff.reset();
    span.drained = span.revoking = false;
    span_names_[span.id] = tp;
}

// ---- partitions that nobody owns

void Membership::sweep_if_due() {
    if (!next_sweep_ || !due(*next_sweep_) || !all_known()) return;
    next_sweep_ = now_ + config_.sweep_interval;
    for (const auto& [name, topic] : topics_) {
        if (topic.ours && topic.exists) order(action::ListOwners{session_, name});
    }
}

void Membership::on(const event::OwnersListed& e) {
    const auto found = topics_.find(e.topic);
    if (e.session != session_ || found == topics_.end() || !e.partitions || !all_known()) return;
    const std::set<std::int32_t> owned(e.partitions->begin(), e.partitions->end());
    auto& topic = found->second;
    std::map<std::int32_t, int> ownerless;
    std::vector<TopicPartition> forsaken;
    for (const auto& info : topic.partitions) {
        if (owned.count(info.partition) > 0) continue;
        const int sweeps = topic.ownerless[info.partition] + 1;
        ownerless[info.partition] = sweeps;
        const TopicPartition tp{e.topic, info.partition};
        const auto span = spans_.find(tp);
        if (span == spans_.end()) {
            if (sweeps >= config_.sweeps_before_adoption) forsaken.push_back(tp);
        } else if (span->second.step == Step::blocked) {
            span->second.step = Step::to_claim;  // a watch went astray
        }
    }
    topic.ownerless = std::move(ownerless);
    adopt(forsaken);
}

void Membership::adopt(const std::vector<TopicPartition>& ownerless) {
    if (ownerless.empty() || members_.empty()) return;
    // Every member sees the same list at about the same time: each begins elsewhere and takes its share.
    const std::size_t share = (ownerless.size() + members_.size() - 1) / members_.size();
    const std::size_t first = std::hash<std::string>{}(member_id_) % ownerless.size();
    for (std::size_t i = 0; i < share; ++i) {
        const auto& tp = ownerless[(first + i) % ownerless.size()];
        adopted_.insert(tp);
        want(tp);
    }
}

// ---- leaving

void Membership::on(const event::CloseRequested& e) {
    closing_ = true;
    drain_time_ = e.drain.value_or(config_.processing_timeout);
    for (auto& [tp, span] : spans_) {
        span.wanted = false;
        span.drain_deadline = std::min(span.drain_deadline, later(now_, drain_time_));
    }
}

void Membership::on(const event::Tick&) {}

void Membership::leave_if_empty() {
    if (!closing_) return;
    const auto held = [this](const auto& entry) { return held_by_program(entry.second); };
    // Only the program may take its time.
    if (!leave_deadline_ && std::none_of(spans_.begin(), spans_.end(), held)) {
        leave_deadline_ = now_ + config_.leave_timeout;
    }
    if (leave_deadline_ && due(*leave_deadline_)) {
        lose_everything();
        return finish(false);
    }
    if (!spans_.empty() || registration_ == Registration::under_way) return;
    const bool nothing_stands = registration_ == Registration::wanted || registration_ == Registration::gone;
    if (nothing_stands || session_phase_ == SessionPhase::opening || config_.static_member) return finish(true);
    if (registration_ == Registration::done && live() && due(register_not_before_)) {
        registration_ = Registration::deregistering;
        order(action::Deregister{session_});
    }
}

void Membership::finish(bool clean) {
    session_phase_ = SessionPhase::ended;
    closed_ = true;
    order(action::Closed{clean, clean && config_.static_member});
}

// ---- time

void Membership::back_off(TimePoint& not_before, Backoff& backoff) {
    if (backoff.failures() == 0) {
        if (backoff_seed_) ++*backoff_seed_;
        backoff = Backoff(config_.retry_backoff, config_.retry_backoff_max, backoff_seed_);
    }
    not_before = now_ + backoff.next();
}

std::optional<TimePoint> Membership::next_timer() const {
    std::optional<TimePoint> next;
    const auto consider = [&](TimePoint when) {
        if (!next || when < *next) next = when;
    };
    if (closed_) return next;
    if (leave_deadline_) consider(*leave_deadline_);
    if (session_phase_ == SessionPhase::opening && !open_under_way_) consider(open_not_before_);
    if (spans_timer_) consider(*spans_timer_);
    if (!live()) return next;
    const bool register_later =
        registration_ == Registration::wanted || (closing_ && registration_ == Registration::done);
    if (register_later && !due(register_not_before_)) consider(register_not_before_);
    if (registration_ == Registration::wanted && !due(register_by_)) consider(register_by_);
    const auto consider_reading = [&](const Reading& reading) {
        if (reading.again && !reading.under_way && !due(reading.not_before)) consider(reading.not_before);
    };
    consider_reading(members_reading_);
    consider_reading(update_);
    if (needs_all_topics()) consider_reading(all_topics_reading_);
    if (rule_ == Assignment::balanced) {
        consider_reading(plan_.reading);
        if (plan_.write_at && all_known()) consider(*plan_.write_at);
    }
    for (const auto& [name, topic] : topics_) consider_reading(topic.reading);
    if (next_sweep_ && all_known()) consider(*next_sweep_);
    return next;
}

}  // namespace kwire
