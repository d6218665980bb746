#include <kwire/protocol/offset_commit.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<OffsetCommitRequest>();
template const Schema& schema_of<OffsetCommitResponse>();

}  // namespace kwire::protocol
