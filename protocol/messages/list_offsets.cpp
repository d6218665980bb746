#include <kwire/protocol/list_offsets.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<ListOffsetsRequest>();
template const Schema& schema_of<ListOffsetsResponse>();

}  // namespace kwire::protocol
