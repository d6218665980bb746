#include <kwire/protocol/add_partitions_to_txn.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<AddPartitionsToTxnRequest>();
template const Schema& schema_of<AddPartitionsToTxnResponse>();

}  // namespace kwire::protocol
