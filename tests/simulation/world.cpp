#include "world.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace kwire::simulation {
namespace {

using namespace std::chrono_literals;

constexpr double messages_per_second = 20;  // written to each partition

}  // namespace

// ---- time

World::World(std::uint64_t seed) : random_(seed) {
    nodes.on_members_changed = [this] { fire(member_watches_); };
    nodes.on_member_changed = [this](const std::string& id) { fire(registration_watches_[id]); };
    nodes.on_owner_gone = [this](const TopicPartition& tp) { fire(owner_watches_[tp]); };
    nodes.on_plan_changed = [this] { fire(plan_watches_); };
}

Process& World::add(std::string name, MembershipConfig config) {
    note(name + " starts");
    processes.push_back(std::make_unique<Process>(*this, std::move(name), std::move(config)));
    return *processes.back();
}

void World::after(Duration delay, std::function<void()> what) {
    queue_.push({now_ + delay, next_order_++, std::move(what)});
}

Duration World::delay(Duration max) {
    const auto most = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(max).count());
    return std::chrono::microseconds(1 + random_() % most);
}

std::size_t World::choose(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

bool World::chance(double probability) {
    return static_cast<double>(random_() >> 11) < probability * 9007199254740992.0;  // 2^53
}

void World::run_for(Duration duration) {
    const auto end = now_ + duration;
    while (!queue_.empty() && queue_.top().when <= end && broken_.empty()) {
        auto entry = std::move(const_cast<Entry&>(queue_.top()));
        queue_.pop();
        now_ = entry.when;
        entry.what();
    }
    now_ = end;
}

// ---- what happens

void World::set_topic(const std::string& topic, std::int32_t partitions) {
    note(topic + " has " + std::to_string(partitions) + " partitions");
    const bool is_new = topics.count(topic) == 0;
    auto& infos = topics[topic];
    infos.clear();
    for (std::int32_t p = 0; p < partitions; ++p) infos.push_back({p, static_cast<std::int32_t>(choose(3))});
    fire(topic_watches_[topic]);
    if (is_new) fire(topics_watches_);
}

void World::delete_topic(const std::string& topic) {
    if (topics.erase(topic) == 0) return;
    note(topic + " is deleted");
    fire(topic_watches_[topic]);
    fire(topics_watches_);
}

void World::close(Process& process) {
    note(process.name() + " is asked to close");
    process.handle(event::CloseRequested{});
    // Promised: within what the program may take, and 5 s.
    expect_closed(process, process.config_.processing_timeout + 5s, process.stood_still());
}

/// Fails unless it is closed when it has had that much time, of which what it stands still from now on is no part.
void World::expect_closed(Process& process, Duration within, Duration stood_still) {
    after(within, [this, &process, stood_still] {
        if (!process.alive_ || process.closed_) return;
        const auto stood = process.stood_still();
        if (stood == stood_still) return fail(process.name() + " does not close");
        expect_closed(process, stood - stood_still, stood);
    });
}

void World::kill(Process& process) {
    if (!process.alive_) return;
    note(process.name() + " is killed");
    for (auto& [id, span] : process.spans_) process.count(span);
    process.alive_ = false;
    if (!process.closed_) schedule_expiry(process);
}

void World::cut(Process& process) {
    if (!process.link_ || !process.alive_ || process.closed_) return;
    note(process.name() + " is cut off");
    process.link_ = false;
    ++process.cuts_;
    // A client that hears nothing gives its server up after two thirds of the timeout, before that one gives up on it.
    after(delay(session_timeout * 2 / 3), [this, &process, cuts = process.cuts_] {
        if (cuts != process.cuts_) return;
        if (process.paused_) {
            process.waiting_.push_back([&process] { process.notice_cut(); });
        } else {
            process.notice_cut();
        }
    });
    schedule_expiry(process);
}

void World::mend(Process& process) {
    if (process.link_ || !process.alive_ || process.closed_) return;
    note(process.name() + " is connected again");
    process.link_ = true;
    ++process.cuts_;
    const auto come_back = [this, &process] {
        if (!process.alive_ || process.closed_ || process.session_ == 0) return;
        process.notice_cut();
        if (!session_lives(process.session_)) {
            process.session_ = 0;
            return process.handle(event::SessionExpired{});
        }
        process.connected_ = true;
        notify_missed(process);
        process.prove();  // reading is resumed by its answer
    };
    if (process.paused_) {
        process.waiting_.push_back(come_back);
    } else {
        come_back();
    }
}

void World::schedule_expiry(Process& process) {
    after(session_timeout, [this, &process, cuts = process.cuts_, pauses = process.pauses_, session = process.session_] {
        const bool heard_of = process.alive_ && !process.closed_ && (cuts != process.cuts_ || process.link_) &&
                              (pauses != process.pauses_ || !process.paused_);
        if (!heard_of && session != 0 && zookeeper_runs_) end_session(session);
    });
}

void World::expire(Process& process) {
    if (!process.alive_ || process.closed_ || process.session_ == 0) return;
    note(process.name() + " loses its session by force");
    // The server hangs up with the session: told at once, as far as the network goes.
    end_session(std::exchange(process.session_, 0));
    after(delay(network_max), [&process] {
        process.notice_cut();
        process.handle(event::SessionExpired{});
    });
}

void World::pause(Process& process, Duration duration) { stand_still(process, duration, false); }

void World::block(Process& process, Duration duration) { stand_still(process, duration, true); }

void World::stand_still(Process& process, Duration duration, bool readers_go_on) {
    if (!process.alive_ || process.closed_ || process.paused_) return;
    note(process.name() + (readers_go_on ? " blocks its strand" : " stands still"));
    for (auto& [id, span] : process.spans_) process.count(span);
    process.paused_ = true;
    process.paused_at_ = now_;
    process.readers_go_on_ = readers_go_on;
    ++process.pauses_;
    schedule_expiry(process);
    after(duration, [this, &process] {
        if (process.alive_ && !process.closed_) wake(process);
    });
}

void World::wake(Process& process) {
    note(process.name() + " goes on");
    for (auto& [id, span] : process.spans_) process.count(span);
    process.paused_ = process.readers_go_on_ = false;
    process.stood_still_ += now_ - process.paused_at_;
    // The reading threads may be the first to run.
    for (const auto& [id, span] : process.spans_) {
        if (span.started) check_owner(span.tp);
    }
    for (auto& what : std::exchange(process.waiting_, {})) what();
    if (process.session_ == 0 || process.closed_ || !process.link_ || session_lives(process.session_)) return;
    process.session_ = 0;
    process.notice_cut();
    process.handle(event::SessionExpired{});
}

void World::stop_zookeeper(Duration duration) {
    note("ZooKeeper stops");
    zookeeper_runs_ = false;
    std::vector<Process*> cut_off;
    for (const auto& process : processes) {
        if (!process->alive_ || process->closed_ || !process->link_) continue;
        cut_off.push_back(process.get());
        process->link_ = false;
        ++process->cuts_;
        process->notice_cut();
    }
    after(duration, [this, cut_off] {
        note("ZooKeeper is back");
        zookeeper_runs_ = true;
        // A new leader gives every session its whole timeout again.
        for (const auto& process : processes) {
            if (!process->alive_ || process->closed_ || process->paused_) schedule_expiry(*process);
        }
        for (auto* process : cut_off) mend(*process);
    });
}

void World::end_session(SessionId session) {
    if (session == 0 || !ended_.insert(session).second) return;
    nodes.end_session(session);
}

void World::watch(Watches& watches, Process& process, std::function<void()> call) {
    watches.push_back({&process, process.session_, std::move(call)});
}

void World::fire(Watches& watches) {
    for (auto& watch : std::exchange(watches, {})) {
        auto& process = *watch.process;
        if (!process.alive_ || process.closed_ || watch.session != process.session_) continue;
        if (process.link_ && process.connected_) {
            notify(process, std::move(watch.call));
        } else {
            process.missed_.push_back(std::move(watch.call));
        }
    }
}

void World::notify(Process& process, std::function<void()> call) {
    process.answered_until_ = std::max(process.answered_until_, now_ + delay(network_max));
    after(process.answered_until_ - now_, [this, &process, cuts = process.cuts_, session = process.session_, call = std::move(call)] {
        if (session != process.session_) return;
        if (cuts == process.cuts_) return call();
        process.missed_.push_back(call);
        if (process.link_ && process.connected_) notify_missed(process);
    });
}

/// As a server does that a client sends its watches to when it is back.
void World::notify_missed(Process& process) {
    for (auto& call : std::exchange(process.missed_, {})) notify(process, std::move(call));
}

// ---- what must hold

std::int64_t World::log_end() const {
    return static_cast<std::int64_t>(seconds(now_.time_since_epoch()) * messages_per_second);
}

void World::check_owner(const TopicPartition& tp) {
    std::string readers;
    int count = 0;
    for (const auto& process : processes) {
        if (!process->hands_out(tp)) continue;
        readers += ' ' + process->name();
        ++count;
    }
    if (count > 1) fail(tp.to_string() + " is read by" + readers);
}

std::string World::unread() const {
    for (const auto& [topic, partitions] : topics) {
        const bool wanted = std::any_of(processes.begin(), processes.end(),
                                        [&, name = &topic](const auto& process) { return process->reads(*name); });
        if (!wanted) continue;
        for (const auto& info : partitions) {
            const TopicPartition tp{topic, info.partition};
            const bool read = std::any_of(processes.begin(), processes.end(),
                                          [&](const auto& process) { return process->hands_out(tp); });
            if (!read) return tp.to_string();
        }
    }
    return {};
}

std::string World::describe() const {
    std::string text = "members:";
    for (const auto& process : processes) {
        if (!process->alive_ || process->closed_) continue;
        text += ' ' + process->member_id() + (process->well() ? "" : " (not well)") +
                (process->suspended_ ? " (suspended)" : "") + (process->membership().registered() ? "" : " (unregistered)") +
                " reads " + std::to_string(process->reading().size());
    }
    text += "; registered:";
    for (const auto& [id, node] : nodes.members()) text += ' ' + id;
    text += "; owners:";
    for (const auto& [tp, owner] : nodes.owners()) text += ' ' + tp.to_string() + '=' + owner.text;
    text += "; plan " + std::to_string(nodes.plan_version()) + ':';
    for (const auto& [tp, owner] : nodes.plan()) text += ' ' + tp.to_string() + '=' + owner;
    return text;
}

void World::fail(const std::string& what) {
    if (broken_.empty()) broken_ = "after " + std::to_string(seconds(now_.time_since_epoch())) + " s: " + what;
    note("BROKEN: " + what);
}

void World::note(const std::string& what) {
    if (trace) trace(std::to_string(seconds(now_.time_since_epoch())) + ' ' + what);
}

}  // namespace kwire::simulation
