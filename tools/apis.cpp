#include "subcommands.h"

namespace kwire::tools {
void add_apis(Command) {}
}  // namespace kwire::tools
