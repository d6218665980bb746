#include <kwire/offsets/offset_store.h>

#include <utility>

namespace kwire {

OffsetStore::Permit::Permit(std::shared_ptr<TimeSource> time, std::shared_ptr<const Lease> lease, TimePoint deadline,
                            Flag given_up)
    : time_(std::move(time)), lease_(std::move(lease)), deadline_(deadline), given_up_(std::move(given_up)) {}

bool OffsetStore::Permit::holds() const {
    const TimePoint now = time_->now();
    return now < deadline_ && lease_->holds(now) && !given_up_->load(std::memory_order_acquire);
}

OffsetStore::Outcome OffsetStore::not_begun(const Write& write) {
    return {{},
            Error(errc::not_owner,
                  "the offset was not stored: nothing has confirmed in time that this member still owns the partition",
                  {.topic = write.tp.topic, .partition = write.tp.partition, .offset = write.next}),
            true};
}

Task<void> OffsetStore::reset(OffsetReset) {
    throw Error(errc::invalid_config,
                "this OffsetStore cannot forget what is stored: override OffsetStore::reset, or leave offsets.reset_offsets off");
}

Task<void> OffsetManager::reset(OffsetReset) {
    throw Error(errc::invalid_config, "GroupConfig::offset_manager cannot forget what is stored: override "
                                      "OffsetManager::reset, or leave offsets.reset_offsets off");
}

}  // namespace kwire
