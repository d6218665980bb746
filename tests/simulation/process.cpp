// A member in the simulated world: what happens to it, and what it does of what its state machine orders.
#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "assignment/member_id.h"
#include "world.h"

namespace kwire::simulation {
namespace {

using namespace std::chrono_literals;
using zk::Code;

constexpr Duration broker_max = 60ms;
constexpr Duration processing_max = 300ms;
constexpr Duration commit_interval = 5s;
constexpr Duration trust = session_timeout * 2 / 3;  // from the question on that the server answered
constexpr Duration between_proofs = session_timeout / 6;
constexpr Duration callback_max = 5ms;       // but for slow ones
constexpr Duration slow_callback_max = 3s;   // longer than the time it has
constexpr double read_messages_per_second = 2000;  // by each span

}  // namespace

// ---- what happens to it

Process::Process(World& world, std::string name, MembershipConfig config)
    : world_(world), name_(std::move(name)), config_(config), membership_(std::make_unique<Membership>(config)) {
    carry_out(action::OpenSession{1});
    world_.after(world_.delay(commit_interval), [this] { commit_all(); });
    world_.after(between_proofs, [this] { prove_now_and_then(); });
}

void Process::handle(const MembershipEvent& event) {
    if (!alive_ || closed_) return;
    if (paused_) {
        waiting_.push_back([this, event] { handle(event); });
        return;
    }
    world_.digest = world_.digest * 1099511628211U + event.index() + static_cast<std::uint64_t>(world_.now().time_since_epoch().count());
    if (world_.trace) world_.note(name_ + " event " + std::to_string(event.index()));
    if (trust_told_ && !trusted()) {
        trust_told_ = false;
        carry_out_all(membership_->handle(event::SessionSuspended{}, world_.now()));
    }
    carry_out_all(membership_->handle(event, world_.now()));
    arm_timer();
}

void Process::carry_out_all(const Membership::Actions& actions) {
    for (const auto& order : actions) {
        if (world_.trace) world_.note(name_ + "   action " + std::to_string(order.index()));
        std::visit([this](const auto& a) { carry_out(a); }, order);
    }
}

Duration Process::stood_still() const {
    return stood_still_ + (paused_ ? world_.now() - paused_at_ : Duration{});
}

// ---- whether its session stands

bool Process::trusted() const { return world_.now() < trusted_until_; }

void Process::prove_now_and_then() {
    if (!alive_ || closed_) return;
    prove();
    world_.after(between_proofs, [this] { prove_now_and_then(); });
}

void Process::prove() {
    if (paused_ || !connected_ || session_ == 0) return;
    ask([] {}, [this, until = world_.now() + trust, session = session_](zk::Code code) -> MembershipEvent {
        if (code != Code::ok || session != session_) return event::Tick{};
        if (!paused_) return trust_until(until);
        waiting_.push_back([this, until, session] {
            if (session == session_) handle(trust_until(until));
        });
        return event::Tick{};
    });
}

MembershipEvent Process::trust_until(TimePoint until) {
    for (auto& [id, span] : spans_) count(span);
    const bool was_trusted = trusted();
    trusted_until_ = std::max(trusted_until_, until);
    if (!trusted()) return event::Tick{};
    for (const auto& [id, span] : spans_) {
        if (span.started && !was_trusted) world_.check_owner(span.tp);
    }
    if (trust_told_ || !connected_) return event::Tick{};
    trust_told_ = true;
    return event::SessionResumed{};
}

void Process::arm_timer() {
    const auto next = membership_->next_timer();
    if (!next || (timer_ && *timer_ <= *next && *timer_ > world_.now())) return;
    timer_ = std::max(*next, world_.now());
    world_.after(*timer_ - world_.now(), [this, at = *timer_] {
        if (timer_ == at) timer_.reset();
        const auto due = membership_->next_timer();
        if (due && *due <= world_.now()) {
            handle(event::Tick{});
        } else {
            arm_timer();
        }
    });
}

void Process::tell(MembershipEvent event) {
    answered_until_ = std::max(answered_until_, world_.now() + world_.delay(network_max));
    world_.after(answered_until_ - world_.now(), [this, event] { handle(event); });
}

/// Runs effect at the server after a while and tells its answer after another.
void Process::ask(std::function<void()> effect, std::function<MembershipEvent(zk::Code)> answer) {
    ++world_.operations;
    if (!connected_) {
        return world_.after(1us, [this, answer = std::move(answer)] { handle(answer(Code::connection_loss)); });
    }
    const auto number = next_operation_++;
    in_flight_[number] = std::move(answer);
    sent_until_ = std::max(sent_until_, world_.now() + world_.delay(network_max));
    world_.after(sent_until_ - world_.now(), [this, number, cuts = cuts_, session = session_, effect = std::move(effect)] {
        // What was sent may have arrived although the connection broke, or may not.
        const bool arrives = (cuts == cuts_ && link_) || world_.chance(0.5);
        if (!arrives || !world_.session_lives(session) || !world_.zookeeper_runs_) return;
        effect();
        answered_until_ = std::max(answered_until_, world_.now() + world_.delay(network_max));
        world_.after(answered_until_ - world_.now(), [this, number, cuts] {
            if (cuts != cuts_ || !link_) return;
            const auto found = in_flight_.find(number);
            if (found == in_flight_.end()) return;
            const auto tell_it = std::move(found->second);
            in_flight_.erase(found);
            handle(tell_it(Code::ok));
        });
    });
}

void Process::notice_cut() {
    if (!alive_ || closed_ || !connected_) return;
    connected_ = false;
    trust_told_ = false;
    handle(event::SessionSuspended{});
    for (auto& [number, answer] : std::exchange(in_flight_, {})) handle(answer(Code::connection_loss));
}

// ---- how far it has read

void Process::count(Span& span) {
    const auto until = std::min(world_.now(), trusted_until_);
    const bool running = span.started && !span.stopping && !suspended_ && (!paused_ || readers_go_on_) && alive_;
    if (running && until > span.counted_until) {
        span.position = std::min(static_cast<double>(std::max(world_.log_end(), span.start)),
                                 span.position + seconds(until - span.counted_until) * read_messages_per_second);
        auto& log = world_.logs_[span.tp];
        log.delivered = std::max(log.delivered, static_cast<std::int64_t>(span.position));
    }
    span.counted_until = world_.now();
}

std::int64_t Process::processed(Span& span) {
    count(span);
    const auto done = std::max(span.start, static_cast<std::int64_t>(span.position) - span.held);
    auto& log = world_.logs_[span.tp];
    log.processed = std::max(log.processed, done);
    return done;
}

std::map<TopicPartition, SpanId> Process::reading() const {
    std::map<TopicPartition, SpanId> result;
    for (const auto& [id, span] : spans_) {
        if (span.started) result[span.tp] = id;
    }
    return result;
}

bool Process::hands_out(const TopicPartition& tp) const {
    if (!alive_ || (paused_ && !readers_go_on_) || suspended_ || !trusted()) return false;
    return std::any_of(spans_.begin(), spans_.end(), [&](const auto& entry) {
        return entry.second.started && entry.second.tp == tp;
    });
}

bool Process::reads(const std::string& topic) const {
    const auto node = world_.nodes.members().find(member_id_);
    return well() && node != world_.nodes.members().end() && node->second.subscription.streams_of(topic) > 0;
}

void Process::set_suspended(bool suspended) {
    for (auto& [id, span] : spans_) count(span);
    suspended_ = suspended;
    if (suspended) return;
    for (auto& [id, span] : spans_) {
        if (span.started) world_.check_owner(span.tp);
    }
}

void Process::begin_reading(SpanId id, Nodes::Offset stored) {
    const auto found = spans_.find(id);
    if (found == spans_.end()) return;
    Span& span = found->second;
    if (world_.chance(world_.failing_starts)) {
        spans_.erase(found);
        return handle(event::NotStarted{id});
    }
    span.started = true;
    span.start = std::max<std::int64_t>(stored.next, 0);
    span.position = static_cast<double>(span.start);
    span.held = static_cast<std::int64_t>(world_.choose(4));
    span.counted_until = world_.now();
    span.committed = stored.next;
    span.version = stored.version;
    auto& log = world_.logs_[span.tp];
    if (span.start > log.processed) world_.fail(span.tp.to_string() + " is begun at " + std::to_string(span.start) +
                                                " and only what is before " + std::to_string(log.processed) + " was processed");
    if (span.start < log.left_at) world_.fail(span.tp.to_string() + " is read twice without a fault");
    if (span.start < log.delivered) world_.duplicates += static_cast<std::size_t>(log.delivered - span.start);
    world_.check_owner(span.tp);
    handle(event::Started{id});
}

void Process::end_span(SpanId id, bool graceful) {
    const auto found = spans_.find(id);
    if (found == spans_.end()) return;
    count(found->second);
    auto& span = found->second;
    if (span.started && graceful) {
        auto& left_at = world_.logs_[span.tp].left_at;
        left_at = std::max(left_at, static_cast<std::int64_t>(span.position));
    }
    spans_.erase(found);
}

// ---- committing

void Process::commit_all() {
    if (!alive_ || closed_) return;
    world_.after(commit_interval, [this] { commit_all(); });
    if (!connected_ || paused_ || !trusted()) return;
    std::vector<SpanId> ids;
    for (const auto& [id, span] : spans_) {
        if (span.started && !span.stopping && !span.writing) ids.push_back(id);
    }
    for (const auto id : ids) commit(id, nullptr);
}

void Process::commit(SpanId id, std::function<void(zk::Code)> then) {
    Span& span = spans_.at(id);
    const auto next = processed(span);
    if (next <= span.committed) {
        if (then) then(Code::ok);
        return;
    }
    span.writing = true;
    const auto result = std::make_shared<Nodes::Versioned>();
    const auto tp = span.tp;
    const auto write = [this, result, tp, next, version = span.version, session = session_, member = member_id_] {
        const auto before = world_.nodes.offset(tp);
        *result = world_.nodes.commit_offset(session, member, tp, next, version);
        if (result->code == Code::bad_version || result->code == Code::node_exists) {
            // As the store settles it: what is there stands unless it is lower and we are the owner.
            const auto owner = world_.nodes.owners().find(tp);
            const bool ours = owner != world_.nodes.owners().end() && owner->second.session == session;
            if (before.next >= next) {
                *result = {Code::ok, before.version};
            } else if (ours) {
                *result = world_.nodes.commit_offset(session, member, tp, next, before.version);
            }
        }
        const auto after = world_.nodes.offset(tp);
        if (after.next == before.next) return;
        const auto owner = world_.nodes.owners().find(tp);
        const bool ours = owner != world_.nodes.owners().end() && owner->second.session == session;
        if (after.next < before.next) world_.fail("the offset of " + tp.to_string() + " goes back");
        if (!ours) world_.fail(name_ + " commits " + tp.to_string() + " and is not its owner");
        if (after.next > world_.logs_[tp].processed) world_.fail(name_ + " commits more than was processed");
    };
    ask(write, [this, id, result, next, then = std::move(then)](zk::Code code) -> MembershipEvent {
        const auto outcome = code == Code::ok ? result->code : code;
        if (const auto found = spans_.find(id); found != spans_.end()) {
            found->second.writing = false;
            if (outcome == Code::ok) {
                found->second.committed = next;
                found->second.version = result->version;
            }
        }
        if (then) then(outcome);
        return event::Tick{};
    });
}

void Process::finalize(SpanId id, TimePoint deadline) {
    const auto found = spans_.find(id);
    if (found == spans_.end() || !alive_ || closed_) return;
    const auto again = [this, id, deadline] { finalize(id, deadline); };
    if (world_.now() >= deadline) {
        end_span(id, false);
        return handle(event::Finalized{id});
    }
    if (found->second.writing || !connected_ || paused_) return world_.after(20ms, again);
    commit(id, [this, id, deadline, again](zk::Code code) {
        if (code == Code::connection_loss) return world_.after(20ms, again);
        const auto span = spans_.find(id);
        end_span(id, code == Code::ok && span != spans_.end() && span->second.held == 0);
        world_.after(1us, [this, id] { handle(event::Finalized{id}); });
    });
}

// ---- what it is ordered

void Process::carry_out(const action::OpenSession& a) {
    world_.after(world_.delay(10 * network_max), [this, a] {
        if (!alive_ || closed_) return;
        if (!link_ || !world_.zookeeper_runs_) return handle(event::SessionOpenFailed{a.session});
        connected_ = true;
        session_ = world_.next_session_++;
        member_id_ = config_.static_member ? name_ : name_ + '-' + std::to_string(a.session);
        in_flight_.clear();
        missed_.clear();
        trusted_until_ = world_.now() + trust;
        trust_told_ = true;
        handle(event::SessionOpened{a.session, member_id_});
    });
}

void Process::carry_out(const action::Register& a) {
    const auto code = std::make_shared<Code>();
    ask([this, a, code, session = session_, id = member_id_] {
        *code = world_.nodes.register_member(session, id, a.subscription);
        if (*code == Code::node_exists && config_.static_member) {
            *code = world_.nodes.take_over_member(session, id, a.subscription);
        }
    }, [a, code](zk::Code answered) {
        return event::Registered{a.session, answered == Code::ok ? *code : answered};
    });
}

void Process::carry_out(const action::UpdateRegistration& a) {
    const auto code = std::make_shared<Code>();
    ask([this, a, code, session = session_, id = member_id_] {
        *code = world_.nodes.update_member(session, id, a.subscription);
    }, [a, code](zk::Code answered) {
        return event::RegistrationUpdated{a.session, answered == Code::ok ? *code : answered};
    });
}

void Process::carry_out(const action::RuleChosen&) {}

void Process::carry_out(const action::ReadMembers& a) {
    const auto members = std::make_shared<std::vector<GroupMember>>();
    const auto taken = std::make_shared<bool>(false);
    ask([this, members, taken, a, session = session_] {
        const auto changed = [this, a] { handle(event::MembersChanged{a.session}); };
        for (const auto& [id, node] : world_.nodes.members()) {
            members->push_back({id, true, node.subscription, PeerKind::kwire});
            if (id == member_id_ && node.session != session) *taken = true;
            world_.watch(world_.registration_watches_[id], *this, changed);
        }
        world_.watch(world_.member_watches_, *this, changed);
    }, [this, a, members, taken](zk::Code code) -> MembershipEvent {
        if (code == Code::ok && *taken && config_.static_member) return event::Fenced{};
        event::MembersRead e{a.session, {}};
        if (code == Code::ok) e.members = *members;
        return e;
    });
}

void Process::carry_out(const action::ListTopics& a) {
    const auto names = std::make_shared<std::vector<std::string>>();
    ask([this, names, a] {
        for (const auto& [name, partitions] : world_.topics) names->push_back(name);
        world_.watch(world_.topics_watches_, *this, [this, a] { handle(event::TopicsChanged{a.session}); });
    }, [a, names](zk::Code code) {
        event::TopicsListed e{a.session, {}};
        if (code == Code::ok) e.topics = *names;
        return e;
    });
}

void Process::carry_out(const action::ReadPlan& a) {
    const auto read = std::make_shared<event::PlanRead>(event::PlanRead{a.session, {}});
    ask([this, read, a] {
        read->plan = world_.nodes.plan();
        read->version = world_.nodes.plan_version();
        world_.watch(world_.plan_watches_, *this, [this, a] { handle(event::PlanChanged{a.session}); });
    }, [a, read](zk::Code code) { return code == Code::ok ? *read : event::PlanRead{a.session, {}}; });
}

void Process::carry_out(const action::WritePlan& a) {
    const auto written = std::make_shared<Nodes::Versioned>();
    ask([this, written, a, session = session_, id = member_id_] {
        *written = world_.nodes.write_plan(session, id, a.plan, a.version);
    }, [a, written](zk::Code code) {
        return event::PlanWritten{a.session, code == Code::ok ? written->code : code, written->version};
    });
}

void Process::carry_out(const action::ReadTopic& a) {
    const auto partitions = std::make_shared<std::optional<std::vector<PartitionLeader>>>();
    ask([this, a, partitions] {
        if (const auto found = world_.topics.find(a.topic); found != world_.topics.end()) *partitions = found->second;
        world_.watch(world_.topic_watches_[a.topic], *this,
                     [this, a] { handle(event::TopicChanged{a.session, a.topic}); });
    }, [a, partitions](zk::Code code) {
        using Outcome = event::TopicRead::Outcome;
        if (code != Code::ok) return event::TopicRead{a.session, a.topic, Outcome::failed, {}};
        if (!*partitions) return event::TopicRead{a.session, a.topic, Outcome::missing, {}};
        return event::TopicRead{a.session, a.topic, Outcome::found, **partitions};
    });
}

void Process::carry_out(const action::ListOwners& a) {
    const auto listed = std::make_shared<std::vector<std::int32_t>>();
    ask([this, a, listed] {
        for (const auto& [tp, owner] : world_.nodes.owners()) {
            if (tp.topic == a.topic) listed->push_back(tp.partition);
        }
    }, [a, listed](zk::Code code) {
        event::OwnersListed e{a.session, a.topic, {}};
        if (code == Code::ok) e.partitions = *listed;
        return e;
    });
}

void Process::carry_out(const action::ReportMissingTopic&) {}
void Process::carry_out(const action::ReportPlan&) {}
void Process::carry_out(const action::ReportDisagreement&) {}
void Process::carry_out(const action::ReportBlocked&) {}

/// Owner nodes go with their sessions here, or by their owners' own hands.
void Process::carry_out(const action::WatchClaim& a) {
    const auto seen = std::make_shared<event::ClaimSeen::State>();
    ask([this, a, seen, session = session_] {
        using State = event::ClaimSeen::State;
        const auto owner = world_.nodes.owners().find(a.tp);
        *seen = owner == world_.nodes.owners().end() ? State::gone
                : owner->second.session == session   ? State::ours
                                                     : State::foreign;
        if (*seen == State::gone) return;
        world_.watch(world_.owner_watches_[a.tp], *this, [this, a] {
            const auto look = [this, a] {
                if (spans_.count(a.span) > 0) carry_out(a);
            };
            if (paused_) {
                waiting_.push_back(look);
            } else {
                look();
            }
        });
    }, [a, seen](zk::Code code) {
        return event::ClaimSeen{a.span, code == Code::ok ? *seen : event::ClaimSeen::State::unreadable};
    });
}

void Process::carry_out(const action::Claim& a) {
    const auto code = std::make_shared<Code>();
    ++world_.claims;
    ask([this, a, code, session = session_, id = member_id_] {
        *code = config_.static_member ? world_.nodes.claim_again(session, id, a.tp, a.owner_text)
                                    : world_.nodes.claim(session, id, a.tp, a.owner_text);
    }, [a, code](zk::Code answered) {
        return event::ClaimAnswered{a.span, answered == Code::ok ? *code : answered};
    });
}

void Process::carry_out(const action::WatchOwner& a) {
    const auto gone = std::make_shared<bool>(false);
    ask([this, a, gone] {
        *gone = world_.nodes.owners().count(a.tp) == 0;
        if (*gone) return;
        world_.watch(world_.owner_watches_[a.tp], *this, [this, a] { handle(event::OwnerGone{a.span}); });
    }, [a, gone](zk::Code code) -> MembershipEvent {
        if (code != Code::ok) return event::OwnerUnreadable{a.span};
        if (*gone) return event::OwnerGone{a.span};
        return event::Tick{};
    });
}

Duration Process::callback_time() {
    return world_.delay(world_.chance(world_.slow_callbacks) ? slow_callback_max : callback_max);
}

void Process::carry_out(const action::Assigned&) {
    callbacks_until_ = std::max(callbacks_until_, world_.now()) + callback_time();
}

void Process::carry_out(const action::Start& a) {
    Span span;
    span.tp = a.tp;
    span.program_hangs = world_.chance(world_.hanging_programs);
    spans_[a.span] = span;
    const auto stored = std::make_shared<Nodes::Offset>();
    ask([this, a, stored] { *stored = world_.nodes.offset(a.tp); }, [this, a, stored](zk::Code code) -> MembershipEvent {
        if (spans_.count(a.span) == 0) return event::Tick{};
        if (code != Code::ok) {
            spans_.erase(a.span);
            return event::NotStarted{a.span};
        }
        const auto told = std::max(callbacks_until_, world_.now()) - world_.now();
        world_.after(std::max(told, world_.delay(broker_max)), [this, a, stored] {
            if (paused_) {
                waiting_.push_back([this, a, stored] { begin_reading(a.span, *stored); });
            } else if (alive_ && !closed_) {
                begin_reading(a.span, *stored);
            }
        });
        return event::Tick{};
    });
}

void Process::carry_out(const action::CancelStart& a) {
    const auto found = spans_.find(a.span);
    if (found == spans_.end() || found->second.started) return;
    spans_.erase(found);
    world_.after(1us, [this, a] { handle(event::NotStarted{a.span}); });
}

void Process::carry_out(const action::Revoked& a) {
    const auto deadline = world_.now() + config_.processing_timeout;
    for (const auto id : a.spans) revoking_[id] = deadline;
    callbacks_until_ = std::max(callbacks_until_, world_.now()) + callback_time();
    world_.after(callbacks_until_ - world_.now(), [this, a] {
        for (const auto id : a.spans) revoking_.erase(id);
        handle(event::RevokeReturned{a.spans});
    });
}

void Process::carry_out(const action::Stop& a) {
    // The program has messages in its hands until then: they count as being read.
    Span& span = spans_.at(a.span);
    count(span);
    span.stopping = true;
    if (span.program_hangs) return;
    world_.after(world_.delay(processing_max), [this, a] {
        const auto found = spans_.find(a.span);
        if (found == spans_.end()) return;
        found->second.held = 0;
        handle(event::Drained{a.span});
    });
}

void Process::carry_out(const action::Finalize& a) {
    finalize(a.span, a.deadline);
}

void Process::carry_out(const action::Release& a) {
    const auto revoking = revoking_.find(a.span);
    if (revoking != revoking_.end() && world_.now() < revoking->second) {
        world_.fail(name_ + " releases " + a.tp.to_string() + ", which its program was not yet told of");
    }
    const auto code = std::make_shared<Code>();
    ask([this, a, code, session = session_, id = member_id_] { *code = world_.nodes.release(session, id, a.tp); },
        [a, code](zk::Code answered) { return event::Released{a.span, answered == Code::ok ? *code : answered}; });
}

void Process::carry_out(const action::Lost& a) {
    for (const auto& lost : a.spans) end_span(lost.span, false);
}

void Process::carry_out(const action::SuspendReading&) {
    set_suspended(true);
}
void Process::carry_out(const action::ResumeReading&) {
    set_suspended(false);
}

void Process::carry_out(const action::Deregister& a) {
    const auto code = std::make_shared<Code>();
    ask([this, code, session = session_, id = member_id_] { *code = world_.nodes.deregister_member(session, id); },
        [a, code](zk::Code answered) { return event::Deregistered{a.session, answered == Code::ok ? *code : answered}; });
}

void Process::carry_out(const action::Closed& a) {
    world_.note(name_ + " is closed");
    for (auto& [id, span] : spans_) count(span);
    closed_ = true;
    if (link_ && world_.zookeeper_runs_ && !a.static_member) {
        world_.end_session(session_);
    } else {
        world_.schedule_expiry(*this);
    }
}

}  // namespace kwire::simulation
