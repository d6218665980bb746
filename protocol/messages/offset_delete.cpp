#include <kwire/protocol/offset_delete.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<OffsetDeleteRequest>();
template const Schema& schema_of<OffsetDeleteResponse>();

}  // namespace kwire::protocol
