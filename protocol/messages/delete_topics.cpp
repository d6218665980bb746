#include <kwire/protocol/delete_topics.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<DeleteTopicsRequest>();
template const Schema& schema_of<DeleteTopicsResponse>();

}  // namespace kwire::protocol
