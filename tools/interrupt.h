// SIGINT and SIGTERM ask the command to end cleanly; a second one, a moment later, ends it at once.
#pragma once

namespace kwire::tools {

/// From now on the two signals are noted. They stay blocked in this thread, and in those it starts,
/// until receive_interrupts(): so start the runtime in between, and they arrive in the thread that
/// can act on them.
void install_interrupts();
void receive_interrupts();

bool interrupt_requested();

}  // namespace kwire::tools
