#include <kwire/protocol/offset_for_leader_epoch.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<OffsetForLeaderEpochRequest>();
template const Schema& schema_of<OffsetForLeaderEpochResponse>();

}  // namespace kwire::protocol
