// Takes a Fetch answer apart: what it brought goes into chunks, what it refuses changes where a partition is read.
//
// Purpose: an answer is compared with its question. What is missing, repeated or was not asked for, and records or numbers
// that cannot be, are named, followed by a backoff, and reported if they stay; nothing of them is taken.
// Threads: the strand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <kwire/protocol/fetch.h>

#include "fetch_context.h"

namespace kwire {

class FetchAnswerReader {
 public:
    FetchAnswerReader(FetchContext& context, FetchSession& session, std::int32_t broker)
        : context_(context), session_(session), broker_(broker) {}

    /// reserved: what was reserved of the buffer for the answer. False if the broker refuses the whole, see refusal().
    bool take(protocol::FetchResponse response, std::int64_t reserved);

    // ---- of the last answer

    const std::optional<Error>& refusal() const { return refusal_; }
    /// What it brought, and failures behind it, to be pushed in this order.
    std::vector<FetchQueue::Delivery>& deliveries() { return deliveries_; }
    /// Those that are not read here any more.
    FetchPartitions& departed() { return departed_; }
    bool any_records() const { return any_records_; }
    /// Nothing but partitions that have nothing new.
    bool brought_nothing() const { return !any_records_ && !any_trouble_; }

 private:
    using Partition = std::shared_ptr<FetchPartition>;
    using Answer = protocol::FetchResponse::Partition;
    /// What the batch headers of an answer say.
    struct Headers {
        std::int64_t next_offset = 0;    ///< Where the next Fetch begins.
        std::int32_t epoch = -1;         ///< Of the last batch.
        std::int64_t older_end = -1;     ///< Where the batches before the asked offset end; -1: there are none.
        std::size_t cut_bytes = 0;       ///< Of a batch that is cut off at the end; its whole size if it is known.
        std::size_t needed_bytes = 0;
        bool broken = false;             ///< A header that cannot be right follows what was read.
        std::optional<std::int64_t> goes_back_to;
    };

    void take_topics(protocol::FetchResponse& response, const std::shared_ptr<FrameShare>& share);
    void take_partition(const Partition& partition, Answer& answer, const std::shared_ptr<FrameShare>& share);
    void take_records(const Partition& partition, Answer& answer, const std::shared_ptr<FrameShare>& share);
    Headers walk(const FetchPartition& partition, const Answer& answer) const;
    void note_going_back(FetchPartition& partition, const Headers& headers);
    void take_nothing_new(const Partition& partition, const Headers& headers, std::size_t bytes);
    void take_preferred(const Partition& partition, std::int32_t replica);
    void take_error(const Partition& partition, ErrorCode code);
    void fail_answer(const Partition& partition, std::string what);
    void stop(const Partition& partition, Error failure);
    void refused(const Partition& partition, LeaderErrorKind kind);
    void note_foreign(const std::string& topic, std::int32_t partition);
    TimePoint now() const { return context_.runtime().now(); }

    FetchContext& context_;
    FetchSession& session_;
    const std::int32_t broker_;
    std::optional<Error> refusal_;
    std::vector<FetchQueue::Delivery> deliveries_;
    FetchPartitions departed_;
    TimePoint answered_at_{};
    bool any_records_ = false;
    bool any_trouble_ = false;
    bool foreign_reported_ = false;
};

}  // namespace kwire
