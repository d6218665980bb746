#include <kwire/protocol/create_topics.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<CreateTopicsRequest>();
template const Schema& schema_of<CreateTopicsResponse>();

}  // namespace kwire::protocol
