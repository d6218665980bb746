// Every subcommand adds itself to the command line; each has a file of its own.
#pragma once

#include "command_line.h"

namespace kwire::tools {

void add_consume(Command root);
void add_produce(Command root);
void add_topics(Command root);
void add_offsets(Command root);
void add_group(Command root);
void add_apis(Command root);
void add_decode(Command root);
void add_encode(Command root);
void add_proxy(Command root);
void add_log(Command root);
void add_raw(Command root);
void add_bench(Command root);
void add_config(Command root);

}  // namespace kwire::tools
