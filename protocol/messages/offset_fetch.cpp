#include <kwire/protocol/offset_fetch.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<OffsetFetchRequest>();
template const Schema& schema_of<OffsetFetchResponse>();

}  // namespace kwire::protocol
