#include "error_log.h"

#include <iterator>
#include <utility>

namespace kwire {

void ErrorLog::add(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (errors_.size() == errors_max) {
        errors_.pop_front();
        ++dropped_;
    }
    errors_.push_back(error);
}

std::vector<Error> ErrorLog::take() {
    std::deque<Error> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(errors_);
    }
    return {std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end())};
}

std::uint64_t ErrorLog::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

}  // namespace kwire
