#include "subcommands.h"

namespace kwire::tools {
void add_offsets(Command) {}
}  // namespace kwire::tools
