#include <algorithm>
#include <utility>

#include <kwire/offsets/dual_offset_manager.h>
#include <kwire/zk/gather.h>

namespace kwire {

namespace {

using ManagerPtr = std::shared_ptr<OffsetManager>;

Task<std::int64_t> initialize_both(ManagerPtr first, ManagerPtr second, TopicPartition tp) {
    std::vector<Task<std::int64_t>> tasks;
    tasks.push_back(first->initialize_partition(tp));
    tasks.push_back(second->initialize_partition(tp));
    std::exception_ptr failure;
    std::vector<std::int64_t> next;
    try {
        next = co_await zk::gather(std::move(tasks));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        // One alone would keep, and later write, what the caller believes is not kept.
        first->abandon_partition(tp);
        second->abandon_partition(tp);
        std::rethrow_exception(failure);
    }
    const std::int64_t higher = std::max(next[0], next[1]);
    // The one that is behind has something to write now.
    first->mark_as_processed(tp, higher);
    second->mark_as_processed(tp, higher);
    co_return higher;
}

/// A partition that failed in both stores is one failure, the first's.
std::vector<CommitFailure> merged(std::vector<std::vector<CommitFailure>> both) {
    std::vector<CommitFailure> all = std::move(both[0]);
    for (CommitFailure& each : both[1]) {
        const bool known = std::ranges::any_of(
            all, [&](const CommitFailure& other) { return other.tp == each.tp; });
        if (!known) all.push_back(std::move(each));
    }
    return all;
}

Task<std::vector<CommitFailure>> both_of(Task<std::vector<CommitFailure>> first,
                                         Task<std::vector<CommitFailure>> second) {
    std::vector<Task<std::vector<CommitFailure>>> tasks;
    tasks.push_back(std::move(first));
    tasks.push_back(std::move(second));
    std::vector<std::vector<CommitFailure>> both = co_await zk::gather(std::move(tasks));
    co_return merged(std::move(both));
}

Task<std::optional<CommitFailure>> finalize_both(ManagerPtr first, ManagerPtr second,
                                                 TopicPartition tp, TimePoint deadline) {
    std::vector<Task<std::optional<CommitFailure>>> tasks;
    tasks.push_back(first->finalize_partition(tp, deadline));
    tasks.push_back(second->finalize_partition(tp, deadline));
    std::vector<std::optional<CommitFailure>> both = co_await zk::gather(std::move(tasks));
    co_return both[0] ? std::move(both[0]) : std::move(both[1]);
}

}  // namespace

DualOffsetManager::DualOffsetManager(std::shared_ptr<OffsetManager> first,
                                     std::shared_ptr<OffsetManager> second)
    : first_(std::move(first)), second_(std::move(second)) {}

DualOffsetManager::~DualOffsetManager() = default;

void DualOffsetManager::use_identity(CommitIdentity identity) {
    first_->use_identity(identity);
    second_->use_identity(std::move(identity));
}

Task<std::int64_t> DualOffsetManager::initialize_partition(TopicPartition tp) {
    return initialize_both(first_, second_, std::move(tp));
}

bool DualOffsetManager::mark_as_processed(const TopicPartition& tp, std::int64_t next) {
    const bool in_first = first_->mark_as_processed(tp, next);
    const bool in_second = second_->mark_as_processed(tp, next);
    return in_first && in_second;
}

void DualOffsetManager::restart_partition(const TopicPartition& tp, std::int64_t next) {
    first_->restart_partition(tp, next);
    second_->restart_partition(tp, next);
}

Task<std::vector<CommitFailure>> DualOffsetManager::flush() {
    return both_of(first_->flush(), second_->flush());
}

Task<std::optional<CommitFailure>> DualOffsetManager::finalize_partition(TopicPartition tp,
                                                                         TimePoint deadline) {
    return finalize_both(first_, second_, std::move(tp), deadline);
}

void DualOffsetManager::abandon_partition(const TopicPartition& tp) {
    first_->abandon_partition(tp);
    second_->abandon_partition(tp);
}

Task<std::vector<CommitFailure>> DualOffsetManager::close(TimePoint deadline) {
    return both_of(first_->close(deadline), second_->close(deadline));
}

std::optional<std::int64_t> DualOffsetManager::committed(const TopicPartition& tp) const {
    const auto first = first_->committed(tp);
    const auto second = second_->committed(tp);
    if (!first || !second) return std::nullopt;
    return std::min(*first, *second);
}

}  // namespace kwire
