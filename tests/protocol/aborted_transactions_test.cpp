#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <kwire/protocol/aborted_transactions.h>

#include "records_support.h"

namespace kwire {
namespace {

/// A log as read_committed meets it, and the offsets that come through.
class Log {
 public:
    void data(std::int64_t producer, int records, bool is_transactional = true) {
        RecordBatchBuilder builder({.base_offset = next_,
                                    .producer_id = producer,
                                    .producer_epoch = 0,
                                    .is_transactional = is_transactional});
        for (int i = 0; i < records; ++i) builder.append(1, std::nullopt, "v");
        Compressor compressor;
        bytes_ += builder.build(compressor);
        next_ += records;
    }
    void end(std::int64_t producer, ControlRecord::Type type) {
        bytes_ += build_control_batch(next_++, 1, producer, 0, type);
    }
    std::string& bytes() { return bytes_; }

    std::vector<std::int64_t> delivered(std::vector<AbortedTransaction> listed) {
        std::vector<std::int64_t> offsets;
        AbortedTransactions aborted(std::move(listed));
        RecordBatchCursor cursor(Bytes::copy_of(bytes_));
        RecordReader reader;
        for (RecordBatch batch; cursor.next(batch);) {
            const BatchVerdict verdict = aborted.judge(batch, reader, {});
            if (verdict == BatchVerdict::corrupt) {
                EXPECT_TRUE(reader.error());
                offsets.push_back(-1);
                break;
            }
            if (verdict == BatchVerdict::skip) continue;
            EXPECT_TRUE(reader.open(batch, {}));
            for (Record r; reader.next(r);) offsets.push_back(r.offset);
        }
        EXPECT_FALSE(cursor.error());
        return offsets;
    }

 private:
    std::string bytes_;
    std::int64_t next_ = 0;
};

using Offsets = std::vector<std::int64_t>;
constexpr auto abort_marker = ControlRecord::Type::abort;
constexpr auto commit_marker = ControlRecord::Type::commit;

TEST(AbortedTransactions, OnlyMarkersAreSkippedWithoutAList) {
    Log log;
    log.data(1, 2);
    log.end(1, abort_marker);
    log.data(-1, 1, false);
    EXPECT_EQ(log.delivered({}), (Offsets{0, 1, 3}));
}

TEST(AbortedTransactions, AreSkippedUpToTheirMarker) {
    Log log;
    log.data(1, 2);             // 0 1
    log.data(2, 2);             // 2 3 aborted
    log.data(-1, 1, false);     // 4
    log.data(2, 1);             // 5 aborted
    log.end(1, commit_marker);  // 6
    log.end(2, abort_marker);   // 7
    log.data(2, 1);             // 8 committed
    log.end(2, commit_marker);  // 9
    EXPECT_EQ(log.delivered({{2, 2}}), (Offsets{0, 1, 4, 8}));
}

TEST(AbortedTransactions, OfOneProducerFollowEachOther) {
    Log log;
    log.data(1, 1);             // 0 aborted
    log.end(1, abort_marker);   // 1
    log.data(1, 1);             // 2 committed
    log.end(1, commit_marker);  // 3
    log.data(1, 1);             // 4 aborted
    log.end(1, abort_marker);   // 5
    log.data(1, 1);             // 6 committed
    EXPECT_EQ(log.delivered({{1, 4}, {1, 0}}), (Offsets{2, 6}));
}

TEST(AbortedTransactions, BeginWithinABatchThatReachesThem) {
    Log log;
    log.data(1, 3);  // 0 1 2; listed from 1 on, as when the response begins in the middle
    log.end(1, abort_marker);
    log.data(1, 1);
    EXPECT_EQ(log.delivered({{1, 1}}), (Offsets{4}));
}

TEST(AbortedTransactions, CommitMarkerOfAnEarlierTransactionDoesNotEndTheSkipping) {
    Log log;
    log.data(1, 1);             // 0 aborted
    log.end(1, commit_marker);  // 1: cannot be, and must not bring back the rest
    log.data(1, 1);             // 2
    EXPECT_EQ(log.delivered({{1, 0}}), (Offsets{}));
}

TEST(AbortedTransactions, MarkerThatCannotBeReadIsAnError) {
    Log log;
    log.data(1, 1);
    log.end(1, abort_marker);
    log.bytes().back() = '\x7f';
    EXPECT_EQ(log.delivered({{1, 0}}), (Offsets{-1}));
}

}  // namespace
}  // namespace kwire
