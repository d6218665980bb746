#include <kwire/protocol/init_producer_id.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<InitProducerIdRequest>();
template const Schema& schema_of<InitProducerIdResponse>();

}  // namespace kwire::protocol
