#include <kwire/protocol/api_versions.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<ApiVersionsRequest>();
template const Schema& schema_of<ApiVersionsResponse>();

}  // namespace kwire::protocol
