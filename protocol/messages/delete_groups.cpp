#include <kwire/protocol/delete_groups.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<DeleteGroupsRequest>();
template const Schema& schema_of<DeleteGroupsResponse>();

}  // namespace kwire::protocol
