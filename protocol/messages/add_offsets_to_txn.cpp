#include <kwire/protocol/add_offsets_to_txn.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<AddOffsetsToTxnRequest>();
template const Schema& schema_of<AddOffsetsToTxnResponse>();

}  // namespace kwire::protocol
