#include <kwire/protocol/find_coordinator.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<FindCoordinatorRequest>();
template const Schema& schema_of<FindCoordinatorResponse>();

}  // namespace kwire::protocol
