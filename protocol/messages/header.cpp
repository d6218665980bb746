#include <kwire/protocol/header.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<RequestHeader>();
template const Schema& schema_of<ResponseHeader>();

}  // namespace kwire::protocol
