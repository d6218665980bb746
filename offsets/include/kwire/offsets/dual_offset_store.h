// Offsets in two stores at once, for a group that moves from one to the other (dual.commit.enabled).
//
// Writes both and reads the higher: whichever members have moved already, nothing is read twice.
// The store that is behind is brought up by the next flush. A failure of either is a failure, with one exception: a
// broker that refuses because the group has members that the broker coordinates. They commit there themselves, so the
// other store alone counts, and on_refused is told once. Threads: the runtime's strand.
#pragma once

#include <functional>
#include <memory>

#include <kwire/net/error.h>
#include <kwire/offsets/offset_store.h>

namespace kwire {

std::shared_ptr<OffsetStore> dual_offset_store(std::shared_ptr<OffsetStore> first, std::shared_ptr<OffsetStore> second,
                                               std::function<void(const Error&)> on_refused = {});

}  // namespace kwire
