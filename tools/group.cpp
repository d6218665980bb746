#include "subcommands.h"

namespace kwire::tools {
void add_group(Command) {}
}  // namespace kwire::tools
