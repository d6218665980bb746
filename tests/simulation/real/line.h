// The connection of one member to the ensemble in memory: a Session whose requests and answers take their time, in order.
//
// A request that is on its way when the connection breaks never took effect; an answer that is on its way is lost, and
// what it answers has taken effect. Watches and changes of state arrive on the member's own runtime, behind what was on its
// way before them.
#pragma once

#include <functional>
#include <memory>

#include <kwire/zk/session.h>

namespace kwire::seeds {

/// What a message between a member and the ensemble takes.
using Latency = std::function<Duration()>;

/// below: a session of the ensemble; runtime: the member's.
std::shared_ptr<zk::Session> make_line(std::shared_ptr<zk::Session> below, std::shared_ptr<Runtime> runtime,
                                       Latency latency);

}  // namespace kwire::seeds
