#include <kwire/protocol/produce.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<ProduceRequest>();
template const Schema& schema_of<ProduceResponse>();

}  // namespace kwire::protocol
