#include "subcommands.h"

namespace kwire::tools {
void add_topics(Command) {}
}  // namespace kwire::tools
