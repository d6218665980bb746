#include "membership_simulation.h"

#include <chrono>
#include <utility>
#include <variant>

#include "member_id.h"

namespace kwire::simulation {
namespace {

using std::chrono::microseconds;

constexpr int network_microseconds_max = 3'000;
constexpr int processing_microseconds_max = 300'000;

}  // namespace

// ---- Process

Process::Process(World& world, std::string name, MembershipConfig config)
    : world_(world), name_(std::move(name)), membership_(std::make_unique<Membership>(std::move(config))) {
    carry_out(action::OpenSession{1});
}

void Process::handle(const MembershipEvent& event) {
    if (!alive || closed_) return;
    for (const auto& order : membership_->handle(event, world_.now())) {
        std::visit([this](const auto& a) { carry_out(a); }, order);
    }
    arm_timer();
}

void Process::arm_timer() {
    const auto next = membership_->next_timer();
    if (!next || (timer_ && *timer_ <= *next && *timer_ > world_.now())) return;
    timer_ = std::max(*next, world_.now());
    world_.after(*timer_ - world_.now(), [this] {
        timer_.reset();
        handle(event::Tick{});
    });
}

void Process::ask(std::function<zk::Code()> operation, std::function<MembershipEvent(zk::Code)> answer) {
    ++world_.operations;
    if (!connected) return tell(answer(zk::Code::connection_loss));
    const auto connection = connection_;
    const auto session = zookeeper_session_;
    world_.after(world_.delay(network_microseconds_max), [=, this] {
        // What was sent may arrive although the connection is gone by now, or may not.
        const bool arrives = connection == connection_ || world_.random() % 2 == 0;
        const bool session_lives = session == zookeeper_session_;
        auto code = zk::Code::connection_loss;
        if (arrives && session_lives && alive) code = operation();
        world_.after(world_.delay(network_microseconds_max), [=, this] {
            handle(answer(connection == connection_ ? code : zk::Code::connection_loss));
        });
    });
}

void Process::tell(MembershipEvent event) {
    world_.after(world_.delay(network_microseconds_max), [this, event] { handle(event); });
}

void Process::carry_out(const action::OpenSession& a) {
    world_.after(world_.delay(10 * network_microseconds_max), [this, a] {
        if (!alive) return;
        if (!connected) return handle(event::SessionOpenFailed{a.session});
        zookeeper_session_ = world_.next_session++;
        member_id_ = name_ + '-' + std::to_string(a.session);
        handle(event::SessionOpened{a.session, member_id_});
    });
}

void Process::carry_out(const action::Register& a) {
    const auto create = [this] {
        const auto [node, created] = world_.ids.try_emplace(member_id_, zookeeper_session_);
        if (created) world_.members_changed();
        return node->second == zookeeper_session_ ? zk::Code::ok : zk::Code::node_exists;
    };
    ask(create, [a](zk::Code code) { return event::Registered{a.session, code}; });
}

void Process::carry_out(const action::ReadMembers& a) {
    auto members = std::make_shared<std::vector<GroupMember>>();
    const auto read = [this, members, a] {
        for (const auto& [id, session] : world_.ids) {
            MemberSubscription subscription;
            for (const auto& [topic, partitions] : world_.topics) subscription.streams[topic] = 1;
            members->push_back({id, true, subscription});
        }
        world_.member_watches_.push_back([this, a] { tell(event::MembersChanged{a.session}); });
        return zk::Code::ok;
    };
    ask(read, [a, members](zk::Code code) {
        event::MembersRead e{a.session, {}};
        if (code == zk::Code::ok) e.members = *members;
        return e;
    });
}

void Process::carry_out(const action::ReadTopic& a) {
    auto partitions = std::make_shared<std::optional<std::vector<PartitionLeader>>>();
    const auto read = [this, a, partitions] {
        if (const auto found = world_.topics.find(a.topic); found != world_.topics.end()) {
            *partitions = found->second;
        }
        world_.topic_watches_[a.topic].push_back([this, a] { tell(event::TopicChanged{a.session, a.topic}); });
        return zk::Code::ok;
    };
    ask(read, [a, partitions](zk::Code code) {
        using Outcome = event::TopicRead::Outcome;
        if (code != zk::Code::ok) return event::TopicRead{a.session, a.topic, Outcome::failed, {}};
        if (!*partitions) return event::TopicRead{a.session, a.topic, Outcome::missing, {}};
        return event::TopicRead{a.session, a.topic, Outcome::found, **partitions};
    });
}

void Process::carry_out(const action::ListOwners& a) {
    auto listed = std::make_shared<std::vector<std::int32_t>>();
    const auto read = [this, a, listed] {
        for (const auto& [tp, owner] : world_.owners) {
            if (tp.topic == a.topic) listed->push_back(tp.partition);
        }
        return zk::Code::ok;
    };
    ask(read, [a, listed](zk::Code code) {
        event::OwnersListed e{a.session, a.topic, {}};
        if (code == zk::Code::ok) e.partitions = *listed;
        return e;
    });
}

void Process::carry_out(const action::ReportMissingTopic&) {}

void Process::carry_out(const action::Claim& a) {
    const auto create = [this, a] {
        const auto [node, created] = world_.owners.try_emplace(a.tp, World::Owner{zookeeper_session_, a.owner_text});
        return node->second.session == zookeeper_session_ ? zk::Code::ok : zk::Code::node_exists;
    };
    ask(create, [a](zk::Code code) { return event::ClaimAnswered{a.span, code}; });
}

void Process::carry_out(const action::WatchOwner& a) {
    auto gone = std::make_shared<bool>(false);
    const auto read = [this, a, gone] {
        *gone = world_.owners.count(a.tp) == 0;
        if (!*gone) world_.owner_watches_[a.tp].push_back([this, a] { tell(event::OwnerGone{a.span}); });
        return zk::Code::ok;
    };
    ask(read, [a, gone](zk::Code code) -> MembershipEvent {
        if (code != zk::Code::ok) return event::OwnerUnreadable{a.span};
        if (*gone) return event::OwnerGone{a.span};
        return event::Tick{};
    });
}

void Process::carry_out(const action::Assigned&) {}

void Process::carry_out(const action::Start& a) {
    starting_[a.span] = a.tp;
    world_.after(world_.delay(20 * network_microseconds_max), [this, a] {
        if (starting_.erase(a.span) == 0) return;
        if (world_.random() % 20 == 0) return handle(event::NotStarted{a.span});
        reading[a.tp] = a.span;
        held_[a.span] = a.tp;
        world_.check_overlap(a.tp);
        handle(event::Started{a.span});
    });
}

void Process::carry_out(const action::CancelStart& a) {
    if (starting_.erase(a.span) > 0) tell(event::NotStarted{a.span});
}

void Process::carry_out(const action::Revoked&) {}

void Process::carry_out(const action::Stop& a) {
    // The program has messages in its hands until then: they count as being read.
    world_.after(world_.delay(processing_microseconds_max), [this, a] {
        if (held_.count(a.span) > 0) handle(event::Drained{a.span});
    });
}

void Process::carry_out(const action::Finalize& a) {
    if (const auto found = held_.find(a.span); found != held_.end()) {
        reading.erase(found->second);
        held_.erase(found);
    }
    ask([] { return zk::Code::ok; }, [a](zk::Code) { return event::Finalized{a.span}; });
}

void Process::carry_out(const action::Release& a) {
    const auto remove = [this, a] {
        const auto node = world_.owners.find(a.tp);
        if (node == world_.owners.end()) return zk::Code::no_node;
        if (node->second.session != zookeeper_session_) return zk::Code::node_exists;
        world_.owners.erase(node);
        world_.owner_gone(a.tp);
        return zk::Code::ok;
    };
    ask(remove, [a](zk::Code code) { return event::Released{a.span, code}; });
}

void Process::carry_out(const action::Lost& a) {
    for (const auto& lost : a.spans) {
        starting_.erase(lost.span);
        held_.erase(lost.span);
        const auto found = reading.find(lost.tp);
        if (found != reading.end() && found->second == lost.span) reading.erase(found);
    }
}

void Process::carry_out(const action::SuspendReading&) { suspended = true; }
void Process::carry_out(const action::ResumeReading&) {
    suspended = false;
    for (const auto& [tp, span] : reading) world_.check_overlap(tp);
}

void Process::carry_out(const action::Deregister& a) {
    const auto remove = [this] {
        if (world_.ids.erase(member_id_) > 0) world_.members_changed();
        return zk::Code::ok;
    };
    ask(remove, [a](zk::Code code) { return event::Deregistered{a.session, code}; });
}

void Process::carry_out(const action::Closed&) {
    closed_ = true;
    world_.end_session(zookeeper_session_);
}

// ---- World

Process& World::add(std::string name, MembershipConfig config) {
    processes.push_back(std::make_unique<Process>(*this, std::move(name), std::move(config)));
    return *processes.back();
}

void World::after(Duration delay, std::function<void()> what) {
    queue_.push({now_ + delay, next_order_++, std::move(what)});
}

Duration World::delay(int microseconds_max) {
    return microseconds(1 + random() % static_cast<std::uint64_t>(microseconds_max));
}

void World::run_for(Duration duration) {
    const auto end = now_ + duration;
    while (!queue_.empty() && queue_.top().when <= end) {
        auto entry = queue_.top();
        queue_.pop();
        now_ = entry.when;
        entry.what();
    }
    now_ = end;
}

void World::set_topic(const std::string& topic, std::int32_t partitions) {
    auto& infos = topics[topic];
    infos.clear();
    for (std::int32_t p = 0; p < partitions; ++p) {
        infos.push_back({p, static_cast<std::int32_t>(random() % 3)});
    }
    topic_changed(topic);
}

void World::lose_connection(Process& process) {
    if (!process.connected || !process.alive) return;
    process.connected = false;
    ++process.connection_;
    process.handle(event::SessionSuspended{});
}

void World::restore_connection(Process& process) {
    if (process.connected || !process.alive) return;
    process.connected = true;
    ++process.connection_;
    process.handle(event::SessionResumed{});
}

void World::expire(Process& process) {
    if (!process.alive || process.closed()) return;
    // The client cannot know before it is connected again: it was suspended long before.
    lose_connection(process);
    end_session(std::exchange(process.zookeeper_session_, 0));
    after(delay(2'000'000), [this, &process] {
        process.connected = true;
        process.handle(event::SessionExpired{});
    });
}

void World::kill(Process& process) {
    process.alive = false;
    process.reading.clear();
    after(std::chrono::seconds(6), [this, &process] { end_session(process.session()); });
}

void World::end_session(std::uint64_t session) {
    if (std::erase_if(ids, [&](const auto& node) { return node.second == session; }) > 0) members_changed();
    std::vector<TopicPartition> gone;
    for (const auto& [tp, owner] : owners) {
        if (owner.session == session) gone.push_back(tp);
    }
    for (const auto& tp : gone) {
        owners.erase(tp);
        owner_gone(tp);
    }
}

void World::members_changed() {
    for (auto& watch : std::exchange(member_watches_, {})) watch();
}
void World::owner_gone(const TopicPartition& tp) {
    for (auto& watch : std::exchange(owner_watches_[tp], {})) watch();
}
void World::topic_changed(const std::string& topic) {
    for (auto& watch : std::exchange(topic_watches_[topic], {})) watch();
}

void World::check_overlap(const TopicPartition& tp) {
    std::string readers;
    int count = 0;
    for (const auto& process : processes) {
        if (!process->alive || process->suspended || process->reading.count(tp) == 0) continue;
        readers += ' ' + process->member_id();
        ++count;
    }
    if (count > 1 && first_overlap.empty()) first_overlap = tp.to_string() + " is read by" + readers;
}

std::string World::unread() const {
    std::set<TopicPartition> read;
    for (const auto& process : processes) {
        if (!process->alive || process->suspended) continue;
        for (const auto& [tp, span] : process->reading) read.insert(tp);
    }
    for (const auto& [topic, partitions] : topics) {
        for (const auto& info : partitions) {
            const TopicPartition tp{topic, info.partition};
            if (read.count(tp) == 0) return tp.to_string();
        }
    }
    return {};
}

}  // namespace kwire::simulation
