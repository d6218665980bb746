#include <kwire/protocol/delete_records.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<DeleteRecordsRequest>();
template const Schema& schema_of<DeleteRecordsResponse>();

}  // namespace kwire::protocol
