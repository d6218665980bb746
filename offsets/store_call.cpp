#include "store_call.h"

#include <exception>
#include <utility>

namespace kwire {
namespace {

Error thrown_by(const char* function, const std::exception_ptr& thrown, const TopicPartition& tp) {
    const ErrorWhere where{.topic = tp.topic, .partition = tp.partition};
    const Error error = as_error(thrown);
    if (error.condition() != errc::internal) return error.at(where);
    return {errc::internal, std::string(function) + ": " + error.reason(), where};
}

void fail(OffsetStore::Outcomes& outcomes, const char* function, const std::exception_ptr& thrown,
          const TopicPartition& tp) {
    const Error error = thrown_by(function, thrown, tp);
    outcomes[tp] = OffsetStore::Outcome{{}, error, may_pass(error)};
}

}  // namespace

bool may_pass(const Error& error) {
    switch (error.condition()) {
        case errc::timed_out:
        case errc::connection_lost:
        case errc::cannot_connect:
        case errc::cannot_resolve:
        case errc::zookeeper_unavailable:
        case errc::bad_answer:
        case errc::internal: return true;
        default: return false;
    }
}

Task<OffsetStore::Outcomes> read_guarded(std::shared_ptr<OffsetStore> store, std::vector<TopicPartition> which,
                                         CommitIdentity identity) {
    OffsetStore::Outcomes outcomes;
    if (which.empty()) co_return outcomes;
    std::exception_ptr thrown;
    try {
        outcomes = co_await store->read(which, std::move(identity));
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!thrown) co_return outcomes;
    outcomes.clear();
    for (const TopicPartition& tp : which) fail(outcomes, "OffsetStore::read", thrown, tp);
    co_return outcomes;
}

Task<OffsetStore::Outcomes> write_guarded(std::shared_ptr<OffsetStore> store, std::vector<OffsetStore::Write> writes,
                                          CommitIdentity identity, TimePoint deadline) {
    OffsetStore::Outcomes outcomes;
    if (writes.empty()) co_return outcomes;
    std::exception_ptr thrown;
    try {
        outcomes = co_await store->write(writes, std::move(identity), deadline);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!thrown) co_return outcomes;
    outcomes.clear();
    for (const OffsetStore::Write& write : writes) fail(outcomes, "OffsetStore::write", thrown, write.tp);
    co_return outcomes;
}

}  // namespace kwire
