#include <kwire/protocol/metadata.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<MetadataRequest>();
template const Schema& schema_of<MetadataResponse>();

}  // namespace kwire::protocol
