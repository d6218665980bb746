#include "fetch_session.h"

#include <limits>
#include <string_view>
#include <utility>

#include "fetch_partition.h"

namespace kwire {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr std::int16_t first_version_with_sessions = 7;
constexpr std::int16_t first_version_with_topic_ids = 13;
constexpr std::int32_t epoch_of_no_session = -1;

std::string_view bytes_of(const Uuid& id) {
    return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

bool same(const FetchRequest::Partition& a, const FetchRequest::Partition& b) {
    return a.fetch_offset == b.fetch_offset && a.partition_max_bytes == b.partition_max_bytes &&
           a.current_leader_epoch == b.current_leader_epoch;
}

}  // namespace

// ---- asking

void FetchSession::begin(std::int16_t version) {
    const bool by_id = version >= first_version_with_topic_ids;
    if (by_id != by_id_) {
        // A session is of one kind. The new one takes its place at the broker.
        clear();
        epoch_ = 0;
    }
    by_id_ = by_id;
    version_ = version;
    told_all_ = epoch_ == 0;
    ++round_;
    wanted_ = answered_ = 0;
    news_.clear();
}

FetchSession::Topic& FetchSession::topic_of(const FetchPartition& partition) {
    const std::string& name = partition.tp().topic;
    const std::string_view key = by_id_ ? bytes_of(partition.where.topic_id()) : std::string_view(name);
    const auto found = topics_.find(key);
    if (found != topics_.end()) return found->second;
    Topic& topic = topics_[std::string(key)];
    topic.name = name;
    topic.id = partition.where.topic_id();
    return topic;
}

void FetchSession::want(const PartitionPtr& partition, const Asked& asked) {
    Member* member = partition->member;
    bool is_news = told_all_;
    // A topic that was deleted and created anew has another id.
    const bool known = member != nullptr && member->session == this &&
                       (!by_id_ || member->topic->id == partition->where.topic_id());
    if (!known) {
        Topic& topic = topic_of(*partition);
        const auto [entry, is_new] =
            topic.members.try_emplace(asked.partition, Member{this, &topic, partition, asked, 0, 0});
        member = &entry->second;
        if (is_new) {
            ++members_;
            is_news = true;
        } else if (member->partition->member == member) {  // assigned anew: the old span is over
            member->partition->member = nullptr;
        }
        member->partition = partition;
        partition->member = member;
    }
    if (member->round != round_) ++wanted_;
    member->round = round_;
    if (!is_news && same(member->asked, asked)) return;
    member->asked = asked;
    Topic& topic = *member->topic;
    if (topic.round != round_) {
        topic.round = round_;
        topic.place = news_.size();
        news_.push_back({topic.name, topic.id, {}});
    }
    news_[topic.place].partitions.push_back(asked);
}

void FetchSession::finish(FetchRequest& request) {
    request.topics = std::move(news_);
    news_.clear();
    std::vector<FetchRequest::ForgottenTopic> forgotten;
    if (wanted_ != members_) forget_the_unwanted(forgotten);
    if (version_ < first_version_with_sessions) return;
    if (without_session_) {
        request.session_epoch = epoch_of_no_session;
        return;
    }
    request.session_id = id_;
    request.session_epoch = epoch_;
    if (!told_all_) request.forgotten_topics_data = std::move(forgotten);
}

void FetchSession::forget_the_unwanted(std::vector<FetchRequest::ForgottenTopic>& forgotten) {
    for (auto at = topics_.begin(); at != topics_.end();) {
        Topic& topic = at->second;
        FetchRequest::ForgottenTopic leaving{topic.name, topic.id, {}};
        std::erase_if(topic.members, [&](const auto& entry) {
            const Member& member = entry.second;
            if (member.round == round_) return false;
            leaving.partitions.push_back(entry.first);
            if (member.partition->member == &member) member.partition->member = nullptr;
            return true;
        });
        members_ -= leaving.partitions.size();
        if (!leaving.partitions.empty()) forgotten.push_back(std::move(leaving));
        at = topic.members.empty() ? topics_.erase(at) : std::next(at);
    }
}

void FetchSession::clear() {
    for (auto& [key, topic] : topics_) {
        for (auto& [index, member] : topic.members) {
            if (member.partition->member == &member) member.partition->member = nullptr;
        }
    }
    topics_.clear();
    members_ = 0;
}

// ---- the answer

FetchSession::Outcome FetchSession::take(const FetchResponse& response) {
    const std::int32_t asked_in = std::exchange(epoch_, 0);  // whatever goes wrong: all is named next
    switch (response.error_code) {
        case ErrorCode::none:
            break;
        case ErrorCode::fetch_session_id_not_found:
            id_ = 0;
            [[fallthrough]];
        case ErrorCode::invalid_fetch_session_epoch:
        case ErrorCode::fetch_session_topic_id_error:
            return told_all_ ? Outcome::refused : Outcome::renewed;
        default:
            return Outcome::refused;
    }
    if (version_ < first_version_with_sessions || without_session_) return Outcome::good;
    id_ = response.session_id;
    if (id_ == 0) return Outcome::good;  // its table is full, or it waits for a quota: no session this time
    epoch_ = asked_in == std::numeric_limits<std::int32_t>::max() ? 1 : asked_in + 1;
    return Outcome::good;
}

void FetchSession::lost() {
    epoch_ = 0;
}

FetchSession::Topic* FetchSession::find(const std::string& name, const Uuid& id) {
    const auto found = topics_.find(by_id_ ? bytes_of(id) : std::string_view(name));
    return found == topics_.end() ? nullptr : &found->second;
}

const FetchSession::PartitionPtr* FetchSession::answered(Topic& topic, std::int32_t partition, bool& repeated) {
    const auto found = topic.members.find(partition);
    // Not in the last request: the broker has not heard of it yet, or not since it was last told.
    if (found == topic.members.end() || found->second.round != round_) return nullptr;
    Member& member = found->second;
    repeated = member.answered == round_;
    if (!repeated) ++answered_;
    member.answered = round_;
    return &member.partition;
}

}  // namespace kwire
