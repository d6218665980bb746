#include <algorithm>
#include <utility>

#include <kwire/protocol/aborted_transactions.h>

namespace kwire {

AbortedTransactions::AbortedTransactions(std::vector<AbortedTransaction> listed)
    : listed_(std::move(listed)) {
    std::sort(listed_.begin(), listed_.end(),
              [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
}

BatchVerdict AbortedTransactions::judge_transactional(const RecordBatch& batch,
                                                      RecordReader& reader,
                                                      const RecordReaderOptions& options) {
    for (; begun_ < listed_.size() && listed_[begun_].first_offset <= batch.last_offset; ++begun_) {
        const std::int64_t producer = listed_[begun_].producer_id;
        if (std::find(skipped_producers_.begin(), skipped_producers_.end(), producer) ==
            skipped_producers_.end())
            skipped_producers_.push_back(producer);
    }
    const auto skipped =
        std::find(skipped_producers_.begin(), skipped_producers_.end(), batch.producer_id);
    const bool is_skipped = skipped != skipped_producers_.end();
    if (!batch.is_control)
        return is_skipped && batch.is_transactional ? BatchVerdict::skip : BatchVerdict::deliver;
    if (!is_skipped) return BatchVerdict::skip;

    Record marker;
    if (!reader.open(batch, options)) return BatchVerdict::corrupt;
    if (reader.next(marker)) {
        const auto control = ControlRecord::parse(marker);
        if (control && control->type == ControlRecord::Type::abort)
            skipped_producers_.erase(skipped);
    }
    return reader.error() ? BatchVerdict::corrupt : BatchVerdict::skip;
}

}  // namespace kwire
