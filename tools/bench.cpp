#include "subcommands.h"

namespace kwire::tools {
void add_bench(Command) {}
}  // namespace kwire::tools
