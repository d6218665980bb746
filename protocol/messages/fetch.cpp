#include <kwire/protocol/fetch.h>

#include "../schema_builder.h"

namespace kwire::protocol {

template const Schema& schema_of<FetchRequest>();
template const Schema& schema_of<FetchResponse>();

}  // namespace kwire::protocol
