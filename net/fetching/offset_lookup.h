// Looks up many offsets at once (ListOffsets): each query ends by itself, with an offset or with the reason why there is none.
//
// Purpose: what one partition, leader or topic lacks holds up no other one. All leaders are asked at once; what a leader
// cannot answer now, and what has no leader, is asked again with new Metadata after a backoff; what is refused for good ends.
// Invariants: one deadline for all, the request timeout of the cluster; a leader is asked for a partition by one request
// at a time; an answer counts only if it fits its question.
// Threads: the strand. Lifetimes: held by shared_ptr by run and by the requests under way.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/net/consumer.h>
#include <kwire/protocol/list_offsets.h>

namespace kwire {

class OffsetLookup : public std::enable_shared_from_this<OffsetLookup> {
 public:
    /// Called once for each query, with its place among them.
    using Ended = std::function<void(std::size_t query, const OffsetAnswer& answer)>;

    /// all_or_nothing: the first failure is the end.
    OffsetLookup(std::shared_ptr<Cluster> cluster, std::vector<OffsetQuery> queries, IsolationLevel isolation,
                 bool all_or_nothing, Ended ended = {});

    /// Returns when all have ended.
    static Task<void> run(std::shared_ptr<OffsetLookup> self);
    /// One for each query, in order. Valid after run.
    std::vector<OffsetAnswer>& answers() { return answers_; }
    const std::optional<Error>& first_failure() const { return first_failure_; }

 private:
    using Self = std::shared_ptr<OffsetLookup>;
    using Queries = std::vector<std::size_t>;
    enum class State { open, asked, ended };

    Task<void> ask_again(TimePoint deadline, Duration wait);
    static Task<void> refresh(Self self, std::shared_ptr<bool> done);
    void ask_leaders(const ClusterView& view, TimePoint deadline);
    static Task<void> ask(Self self, std::int32_t leader, Queries queries, TimePoint deadline);
    protocol::ListOffsetsRequest make_request(const Queries& queries) const;
    void take(const Queries& queries, const protocol::ListOffsetsResponse& response);
    void take_one(std::size_t query, const protocol::ListOffsetsResponse::Partition& answer);
    void look_for_leader_again(std::size_t query, const ClusterView& view);

    bool over() const { return left_ == 0 || (all_or_nothing_ && first_failure_); }
    void again(std::size_t query, Error reason);
    void end(std::size_t query, std::optional<Error> failure);
    void end_all(const Error& failure);
    ErrorWhere where(std::size_t query) const;

    const std::shared_ptr<Cluster> cluster_;
    const std::vector<OffsetQuery> queries_;
    const IsolationLevel isolation_;
    const bool all_or_nothing_;
    const Ended ended_;
    TimePoint begun_{};
    bool told_anew_ = false;  // by Metadata since the lookup began: what was refused before may be allowed now
    std::vector<OffsetAnswer> answers_;  // error: the last reason, as long as the query has not ended
    std::vector<State> states_;
    std::size_t left_;
    std::size_t open_ = 0;
    std::optional<Error> first_failure_;
    Event changed_;
};

}  // namespace kwire
