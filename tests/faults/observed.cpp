#include "observed.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <nlohmann/json.hpp>

#include "kwire_command.h"

namespace kwire::faults {
namespace {

using Json = nlohmann::json;

struct Claim {
    int partition;
    Clock::time_point from;
    Clock::time_point to = Clock::time_point::max();
    const Member* member;
};

struct Commit {
    int partition;
    std::int64_t next;
    Clock::time_point at;
};

Clock::time_point time_of(const Json& event) {
    return Clock::time_point(std::chrono::microseconds(event.at("time_us").get<std::int64_t>()));
}

void read_events(const Member& member, std::vector<Claim>& claims, std::vector<Commit>& commits) {
    std::map<int, std::size_t> open;
    const auto text = member.events_text();
    for (const auto& line : real::split_lines(text.substr(0, text.rfind('\n') + 1))) {
        const auto event = Json::parse(line);
        const auto what = event.at("event").get<std::string>();
        if (!event.contains("partition")) continue;
        const int partition = event.at("partition").get<int>();
        if (what == "assigned") {
            open[partition] = claims.size();
            claims.push_back({partition, time_of(event), Clock::time_point::max(), &member});
        } else if (what == "committed") {
            commits.push_back({partition, event.at("offset").get<std::int64_t>(), time_of(event)});
        } else if (const auto claim = open.find(partition); claim != open.end()) {
            claims[claim->second].to = time_of(event);
            open.erase(claim);
        }
    }
    for (const auto& [partition, index] : open) {
        if (member.killed_at()) claims[index].to = *member.killed_at();
    }
}

void find_overlaps(std::vector<Claim> claims, Verdict& verdict) {
    std::sort(claims.begin(), claims.end(), [](const auto& a, const auto& b) {
        return a.partition != b.partition ? a.partition < b.partition : a.from < b.from;
    });
    for (std::size_t i = 1; i < claims.size(); ++i) {
        const auto& before = claims[i - 1];
        const auto& after = claims[i];
        if (before.partition != after.partition || before.member == after.member || after.from >= before.to) continue;
        // While it stood still it could not tell that it had lost the partition.
        if (before.member->stopped_at(after.from)) continue;
        ++verdict.overlaps;
        verdict.what = "partition " + std::to_string(after.partition) + " is claimed by " + after.member->name() +
                       " while " + before.member->name() + " has it";
    }
}

void look_at_commits(std::vector<Commit> commits, const std::map<int, std::int64_t>& delivered, Verdict& verdict) {
    std::stable_sort(commits.begin(), commits.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    std::map<int, std::int64_t> newest;
    for (const auto& commit : commits) {
        auto& before = newest[commit.partition];
        if (commit.next < before) {
            ++verdict.commits_back;
            verdict.what = "the offset of partition " + std::to_string(commit.partition) + " goes back from " +
                           std::to_string(before) + " to " + std::to_string(commit.next);
        }
        before = std::max(before, commit.next);
        const auto most = delivered.find(commit.partition);
        if (commit.next > 0 && (most == delivered.end() || commit.next > most->second + 1)) ++verdict.commits_ahead;
    }
}

}  // namespace

Member::Member(const real::RealCluster& cluster, const std::string& group, const std::string& topic, std::string name,
               const std::string& events, const std::vector<std::string>& more)
    : name_(std::move(name)), events_(events + '/' + name_ + ".jsonl") {
    std::vector<std::string> arguments{"--events", events_, "-X", "auto.commit.interval.ms=1000", "-X",
                                       "zookeeper.session.timeout.ms=4000"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process_ = std::make_unique<real::Process>(real::consume_command(cluster, group, {topic}, arguments));
}

void Member::kill() {
    gone_ = true;
    process_->signal(SIGKILL);
    process_->wait(std::chrono::seconds(10));
    killed_at_ = Clock::now();
    look();
}

void Member::leave() {
    if (gone_) return;
    gone_ = true;
    process_->signal(SIGTERM);
    process_->wait(std::chrono::seconds(90));
    look();
}

void Member::pause(std::chrono::milliseconds duration) {
    const auto from = Clock::now();
    process_->signal(SIGSTOP);
    std::this_thread::sleep_for(duration);
    process_->signal(SIGCONT);
    pauses_.emplace_back(from, Clock::now());
}

bool Member::stopped_at(Clock::time_point when) const {
    return std::any_of(pauses_.begin(), pauses_.end(),
                       [&](const auto& pause) { return pause.first <= when && when <= pause.second; });
}

void Member::look() {
    const auto text = process_->out();
    const auto end = text.rfind('\n');
    if (end == std::string::npos || end + 1 <= read_) return;
    const auto now = Clock::now();
    for (const auto& record : real::parse_records(std::string_view(text).substr(read_, end + 1 - read_))) {
        deliveries_.push_back({record.partition, record.offset, record.value.value_or(""), now});
    }
    read_ = end + 1;
}

std::string Member::events_text() const {
    std::ifstream in(events_);
    return {std::istreambuf_iterator<char>(in), {}};
}

Verdict judge(const std::vector<real::Record>& log, const std::vector<std::unique_ptr<Member>>& members) {
    Verdict verdict;
    verdict.written = log.size();
    std::set<std::pair<int, std::int64_t>> delivered;
    std::map<int, std::int64_t> highest;
    std::vector<Claim> claims;
    std::vector<Commit> commits;
    for (const auto& member : members) {
        const auto first_claim = claims.size();
        read_events(*member, claims, commits);
        std::map<int, std::size_t> claimed;
        for (std::size_t i = first_claim; i < claims.size(); ++i) ++claimed[claims[i].partition];
        std::map<int, std::int64_t> last;
        std::map<int, std::size_t> falls;
        for (const auto& delivery : member->deliveries()) {
            if (!delivered.emplace(delivery.partition, delivery.offset).second) ++verdict.duplicates;
            auto& top = highest[delivery.partition];
            top = std::max(top, delivery.offset);
            const auto [before, first] = last.try_emplace(delivery.partition, delivery.offset);
            if (!first && delivery.offset <= before->second) ++falls[delivery.partition];
            before->second = delivery.offset;
        }
        for (const auto& [partition, count] : falls) {
            const auto allowed = std::max<std::size_t>(claimed[partition], 1) - 1;  // each new claim may begin anew
            if (count > allowed) verdict.disorder += count - allowed;
        }
    }
    for (const auto& record : log) {
        if (delivered.count({record.partition, record.offset}) > 0) continue;
        ++verdict.lost;
        verdict.what = "offset " + std::to_string(record.offset) + " of partition " + std::to_string(record.partition) +
                       " was handed to nobody";
    }
    find_overlaps(std::move(claims), verdict);
    look_at_commits(std::move(commits), highest, verdict);
    return verdict;
}

}  // namespace kwire::faults
