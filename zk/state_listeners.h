// Who wants to hear of a session's changes of state.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <kwire/zk/session.h>

namespace kwire::zk {

class StateListeners {
 public:
    /// Calls listener until the handle goes.
    std::shared_ptr<void> add(std::function<void(SessionState)> listener);
    void call(SessionState state);

 private:
    std::vector<std::weak_ptr<std::function<void(SessionState)>>> listeners_;
};

}  // namespace kwire::zk
