#include <kwire/protocol/txn_offset_commit.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<TxnOffsetCommitRequest>();
template const Schema& schema_of<TxnOffsetCommitResponse>();

}  // namespace kwire::protocol
