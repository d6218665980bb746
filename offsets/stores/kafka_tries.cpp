#include "stores/kafka_tries.h"

#include <utility>

#include "stores/commit_answers.h"

namespace kwire {
namespace {

using Outcome = OffsetStore::Outcome;
using Outcomes = OffsetStore::Outcomes;
using Write = OffsetStore::Write;

ErrorWhere place(const char* api, const Write& write) {
    return {.api = api, .topic = write.tp.topic, .partition = write.tp.partition, .offset = write.next};
}

std::string explained(CommitAction action, const std::string& group) {
    switch (action) {
        case CommitAction::group_has_members:
            return "the broker coordinates members of a group named '" + group +
                   "' itself, so it takes no offsets from outside; stop them or use another name";
        case CommitAction::fenced: return "another process has joined the group with this group.instance.id";
        case CommitAction::member_lost: return "the coordinator does not know this member of group '" + group + "' any more";
        default: return "the offset was not stored in Kafka";
    }
}

bool may_pass(CommitAction action) {
    return action == CommitAction::retry || action == CommitAction::find_coordinator ||
           action == CommitAction::retry_with_new_epoch || action == CommitAction::retry_after_heartbeat;
}

Outcome commit_outcome(const Write& write, const std::map<TopicPartition, ErrorCode>& codes, CommitAction action,
                       const std::string& group) {
    const auto found = codes.find(write.tp);
    if (found != codes.end()) {
        if (action == CommitAction::stored) return {{.next = write.next, .leader_epoch = write.leader_epoch}, {}, false};
        return {{}, Error(found->second, explained(action, group), place("OffsetCommit", write)), may_pass(action)};
    }
    if (!write.may_begin()) return OffsetStore::not_begun(write);
    return {{},
            Error(errc::bad_answer, "the answer leaves out this partition, though it was asked for",
                  place("OffsetCommit", write)),
            true};
}

/// Why an offset cannot be read, if it cannot.
std::optional<Error> problem_of(const TopicPartition& tp, const FetchedOffset& found) {
    const ErrorWhere where{.api = "OffsetFetch", .topic = tp.topic, .partition = tp.partition};
    if (found.left_out) {
        return Error(errc::bad_answer, "the answer leaves out this partition, though it was asked for", where);
    }
    if (found.error != ErrorCode::none) return Error(found.error, "the offset cannot be read from Kafka", where);
    if (found.next >= -1) return std::nullopt;
    return Error(errc::bad_stored_offset, "Kafka answers with the offset " + std::to_string(found.next), where);
}

bool may_pass(CoordinatorAdvice what) { return what == CoordinatorAdvice::wait || what == CoordinatorAdvice::look_again; }

}  // namespace

Task<Outcomes> try_commit(std::shared_ptr<Cluster> cluster, std::string group, std::vector<Write> writes,
                          CommitIdentity identity, TimePoint deadline) {
    Outcomes outcomes;
    const bool as_member = identity.generation_or_epoch >= 0;
    std::map<TopicPartition, ErrorCode> codes;
    std::exception_ptr thrown;
    try {
        codes = co_await commit_once(cluster, group, writes, std::move(identity), deadline);
    } catch (...) {
        thrown = std::current_exception();
    }
    bool look_again = false;
    if (thrown) {
        const Error error = as_error(thrown);
        const CoordinatorAdvice what = advice(error);
        const bool passes = may_pass(what) || error.condition() == errc::not_owner;
        look_again = what == CoordinatorAdvice::look_again;
        for (const Write& write : writes) outcomes[write.tp] = {{}, error.at(place("OffsetCommit", write)), passes};
    } else {
        for (const Write& write : writes) {
            const auto found = codes.find(write.tp);
            const auto action = found == codes.end() ? CommitAction::retry : commit_action(found->second, as_member);
            look_again = look_again || action == CommitAction::find_coordinator;
            outcomes[write.tp] = commit_outcome(write, codes, action, group);
        }
    }
    if (look_again) cluster->forget_coordinator(group);
    co_return outcomes;
}

Task<FetchTry> try_fetch(std::shared_ptr<Cluster> cluster, std::string group,
                         std::optional<std::vector<TopicPartition>> which, TimePoint deadline) {
    FetchTry result;
    bool look_again = false;
    std::exception_ptr thrown;
    std::map<TopicPartition, FetchedOffset> fetched;
    try {
        fetched = co_await fetch_once(cluster, group, std::move(which), deadline);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) {
        result.error = as_error(thrown);
        const CoordinatorAdvice what = advice(*result.error);
        result.try_again = may_pass(what);
        look_again = what == CoordinatorAdvice::look_again;
    }
    for (const auto& [tp, found] : fetched) {
        Outcome& outcome = result.offsets[tp];
        outcome.error = problem_of(tp, found);
        if (!outcome.error) {
            outcome.stored = {.next = found.next, .leader_epoch = found.next >= 0 ? found.leader_epoch : -1};
            continue;
        }
        const CoordinatorAdvice what = advice(*outcome.error);
        outcome.try_again = may_pass(what);
        result.try_again = result.try_again || outcome.try_again;
        look_again = look_again || what == CoordinatorAdvice::look_again;
    }
    if (look_again) cluster->forget_coordinator(group);
    co_return result;
}

}  // namespace kwire
