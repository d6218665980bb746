#include "world.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kwire::seeds {
namespace {

using namespace std::chrono_literals;
using Kind = zk::MemoryOperation::Kind;

constexpr Duration step = 100ms;
constexpr Duration join_takes_at_most = 60s;
// Until a member has seen that its owner node is gone and has claimed again, or lost it.
constexpr Duration disturbed_for = 15s;
constexpr Duration close_takes_at_most = 5s;

std::string broker_node(const HostPort& address) {
    return R"({"version":1,"host":")" + address.host + R"(","port":)" + std::to_string(address.port) +
           R"(,"jmx_port":-1,"timestamp":"1"})";
}

std::optional<std::int64_t> number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

World::World(std::uint64_t seed, Scenarios allowed, std::function<void(const std::string&)> said)
    : random(seed),
      judge([this] { return loop.now(); }, std::move(said)),
      brokers(loop, random,
              [this](const std::string& client, const TopicPartition& tp, std::int64_t next, bool late) {
                  const auto* process = process_of(client);
                  if (process == nullptr) return judge.fail("a client named " + client + " commits");
                  judge.committed(process->id(), "Kafka", tp, next, may_commit(process->id(), tp), late);
              }) {
    const double share = random.chance(0.1) ? 0 : random.chance(0.5) ? 0.2 : 0.5;
    for (std::size_t i = 0; i < scenario_count; ++i) {
        const bool drawn = random.chance(share);  // in any case, so that a switch changes as little as possible
        if (drawn && allowed.test(i)) scenarios_.set(i);
    }
    for (std::size_t i = 0; i < scenario_count; ++i) {
        if (scenarios_.test(i)) judge.say("with " + std::string(scenario_names[i]));
    }
    if (on(Scenario::slow_callbacks)) judge.callbacks_are_late();
    for (int id = 1; id <= 2; ++id) {
        ensemble.put("/brokers/ids/" + std::to_string(id), broker_node(brokers.cluster().server(id).address()));
    }
    ensemble.on_operation([this](const zk::MemoryOperation& o) { return operation(o); });
}

World::~World() {
    ensemble.on_operation(nullptr);
    put_off_.clear();
    processes.clear();
}

// ---- time

void World::run_for(Duration duration) {
    const TimePoint end = loop.now() + duration;
    while (loop.now() < end && judge.broken().empty()) {
        loop.advance(std::min<Duration>(step, end - loop.now()));
        tick();
    }
}

void World::after(Duration delay, std::function<void()> action) {
    put_off_.emplace(loop.now() + delay, std::move(action));
}

void World::tick() {
    while (!put_off_.empty() && put_off_.begin()->first <= loop.now()) {
        const auto action = std::move(put_off_.begin()->second);
        put_off_.erase(put_off_.begin());
        action();
    }
    watch_silence();
    watch_processes();
    if (std::exchange(wrote_, false)) look_at_offsets();
}

void World::watch_silence() {
    for (auto& [id, info] : sessions_) {
        // Abandoned: its client is gone, and the session lives on at the ensemble.
        if (info.session.expired() && !info.silent_since) info.silent_since = loop.now();
        if (info.over || !info.silent_since || loop.now() - *info.silent_since < session_timeout) continue;
        judge.say("the session of p" + std::to_string(info.process) + " has run out");
        session_over(info, 0s);
        ensemble.expire(id);
    }
}

void World::watch_processes() {
    for (const auto& process : processes) {
        if (process->stands()) continue;
        const Duration since = loop.now() - process->phase_since();
        if (process->phase() == Process::Phase::joining && since > join_takes_at_most) {
            judge.fail(process->name() + ": join has not returned for a minute");
        }
        if (process->phase() == Process::Phase::closing && since > close_takes_at_most + processing_timeout + 1s) {
            judge.fail(process->name() + ": close takes longer than it may");
        }
    }
}

// ---- processes and topics

Process& World::start(Process::Plan plan) {
    const auto id = static_cast<ProcessId>(processes.size()) + 1;
    judge.say('p' + std::to_string(id) + " starts" + (plan.instance.empty() ? "" : " as " + plan.instance));
    processes.push_back(Process::start(*this, id, std::move(plan)));
    return *processes.back();
}

Process* World::process_of(const std::string& client) {
    const auto found = std::find_if(processes.begin(), processes.end(),
                                    [&](const auto& process) { return process->name() == client; });
    return found == processes.end() ? nullptr : found->get();
}

void World::create_topic(const std::string& topic, int count) {
    topics[topic] = count;
    brokers.create_topic(topic, count);
    write_topic_node(topic, count);
}

void World::grow_topic(const std::string& topic, int count, bool in_zookeeper) {
    judge.say(topic + " grows to " + std::to_string(count) + " partitions");
    brokers.cluster().add_partitions(topic, count - topics[topic]);
    topics[topic] = count;
    if (in_zookeeper) write_topic_node(topic, count);
}

void World::write_topic_node(const std::string& topic, int count) {
    std::string text;
    for (int p = 0; p < count; ++p) {
        const auto name = std::to_string(p);
        text += (p > 0 ? ",\"" : "\"") + name + "\":[1,2]";
        ensemble.put("/brokers/topics/" + topic + "/partitions/" + name + "/state",
                     R"({"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1,2]})");
    }
    ensemble.put("/brokers/topics/" + topic, R"({"version":1,"partitions":{)" + text + "}}");
}

std::vector<TopicPartition> World::partitions() const {
    std::vector<TopicPartition> all;
    for (const auto& [topic, count] : topics) {
        for (int p = 0; p < count; ++p) all.push_back({topic, p});
    }
    return all;
}

// ---- sessions

void World::session_opened(ProcessId process, std::int64_t id, std::string password, std::weak_ptr<zk::Session> session) {
    sessions_[id] = {process, std::move(password), std::move(session), std::nullopt, false};
}

std::optional<std::int64_t> World::session_of(ProcessId process) const {
    std::optional<std::int64_t> newest;
    for (const auto& [id, info] : sessions_) {
        if (info.process == process && !info.over) newest = id;
    }
    return newest;
}

void World::session_over(SessionInfo& info, Duration grace) {
    info.over = true;
    judge.excuse(info.process, grace);
}

void World::expire(ProcessId process) {
    const auto id = session_of(process);
    if (!id) return;
    judge.say("the session of p" + std::to_string(process) + " is ended at the ensemble");
    // Sooner than a server may: nobody can know of it before it is said.
    session_over(sessions_.at(*id), session_timeout);
    ensemble.expire(*id);
}

void World::disconnect(ProcessId process) {
    judge.say('p' + std::to_string(process) + " is cut off from the ensemble");
    for (auto& [id, info] : sessions_) {
        if (info.process != process) continue;
        if (!info.silent_since) info.silent_since = loop.now();
        ensemble.disconnect(id);
    }
}

void World::reconnect(ProcessId process) {
    judge.say('p' + std::to_string(process) + " can reach the ensemble again");
    for (auto& [id, info] : sessions_) {
        if (info.process != process) continue;
        info.silent_since.reset();
        ensemble.reconnect(id);
    }
}

void World::fall_silent(ProcessId process) {
    for (auto& [id, info] : sessions_) {
        if (info.process == process && !info.silent_since) info.silent_since = loop.now();
    }
}

void World::speak_again(ProcessId process) {
    for (auto& [id, info] : sessions_) {
        if (info.process == process) info.silent_since.reset();
    }
}

void World::disturb(const TopicPartition& tp) {
    for (const auto& process : processes) judge.disturbed(process->id(), tp, disturbed_for);
    disturbed_until_[tp] = loop.now() + disturbed_for;
    // A member that has claimed it again by then is its owner as before.
    after(disturbed_for, [this, tp] {
        const auto node = ensemble.peek("/consumers/g/owners/" + tp.topic + '/' + std::to_string(tp.partition));
        for (const auto& process : processes) {
            if (node && session_of(process->id()) == node->stat.ephemeral_owner) judge.stands_again(process->id(), tp);
        }
    });
}

void World::peace() {
    peace_ = true;
    lost_answers = late_answers = expiring = 0;
    unreadable_.clear();
}

void World::program_commits(ProcessId process, const TopicPartition& tp, std::int64_t next) {
    judge.committed(process, "the program's store", tp, next, may_commit(process, tp), false);
}

Duration World::latency() {
    if (random.chance(late_answers)) return random.delay(2s);
    return random.chance(0.2) ? random.delay(20ms) : Duration{};
}

// ---- operations

zk::Fault World::operation(const zk::MemoryOperation& operation) {
    if (wrote_) look_at_offsets();
    wrote_ = operation.kind == Kind::set || operation.kind == Kind::multi || operation.kind == Kind::create;
    writer_ = operation.session_id;
    ++operations_;
    const auto info = sessions_.find(operation.session_id);
    if (random.chance(lost_answers)) {
        return random.chance(0.5) ? zk::Fault::connection_loss_after : zk::Fault::connection_loss_before;
    }
    if (info != sessions_.end() && random.chance(expiring)) {
        const bool before = random.chance(0.5);
        judge.say("the session of p" + std::to_string(info->second.process) + " ends with an operation on " + operation.path);
        session_over(info->second, session_timeout);
        return before ? zk::Fault::expire_before : zk::Fault::expire_after;
    }
    const bool reads = operation.kind == Kind::get || operation.kind == Kind::children;
    if (!unreadable_.empty() && reads && operation.path.starts_with(unreadable_)) return zk::Fault::no_auth;
    return zk::Fault::none;
}

std::string World::owner_path(const TopicPartition& tp) const { return "/consumers/g/owners/" + tp.to_string(); }
std::string World::offset_path(const TopicPartition& tp) const { return "/consumers/g/offsets/" + tp.to_string(); }

bool World::may_commit(ProcessId process, const TopicPartition& tp) const {
    // A tool may have deleted the node, or ended the session: then the span is excused, and says so itself.
    if (judge.excused(process, tp)) return true;
    const auto node = ensemble.peek(owner_path(tp));
    if (!node) {
        // Nobody's: taken away by a tool from whoever had it, who may not have heard of that yet.
        const auto disturbed = disturbed_until_.find(tp);
        return disturbed != disturbed_until_.end() && loop.now() <= disturbed->second;
    }
    const auto info = sessions_.find(node->stat.ephemeral_owner);
    return info != sessions_.end() && info->second.process == process;
}

/// What the operation before this one, or a tool, has changed.
void World::look_at_offsets() {
    for (const auto& tp : partitions()) {
        const auto node = ensemble.peek(offset_path(tp));
        if (!node) continue;
        auto& seen = seen_offsets_[tp];
        if (node->stat.mzxid == seen) continue;
        seen = node->stat.mzxid;
        const auto next = number(node->data);
        const auto info = writer_ ? sessions_.find(*writer_) : sessions_.end();
        if (info == sessions_.end()) continue;
        if (!next) {
            judge.fail('p' + std::to_string(info->second.process) + " stores '" + node->data + "' for " + tp.to_string());
            continue;
        }
        judge.committed(info->second.process, "ZooKeeper", tp, *next, may_commit(info->second.process, tp), false);
    }
}

void World::tool(const std::string& what, const std::function<void()>& edit) {
    look_at_offsets();
    judge.say("a tool " + what);
    edit();
    for (const auto& tp : partitions()) {
        const auto node = ensemble.peek(offset_path(tp));
        const auto mzxid = node ? node->stat.mzxid : -1;
        auto& seen = seen_offsets_[tp];
        if (mzxid == seen || (mzxid == -1 && seen == 0)) continue;
        seen = mzxid;
        judge.forget("ZooKeeper", tp);
    }
}

std::string World::left_behind(ProcessId process) {
    for (const auto& [id, info] : sessions_) {
        if (info.process != process) continue;
        if (!info.session.expired()) return "a Session object of p" + std::to_string(process) + " is still held";
        if (info.over) continue;
        zk::SessionConfig config;
        config.reopen = std::pair(id, info.password);
        try {
            const auto alive = ensemble.open(config);
            return "a session of p" + std::to_string(process) + " is still open";
        } catch (const Error&) {
            continue;
        }
    }
    return {};
}

}  // namespace kwire::seeds
