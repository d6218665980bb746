#include <kwire/protocol/end_txn.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<EndTxnRequest>();
template const Schema& schema_of<EndTxnResponse>();

}  // namespace kwire::protocol
