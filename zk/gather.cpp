#include <kwire/zk/gather.h>

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

namespace kwire::zk::detail {

void Gathering::finish(std::exception_ptr problem) {
    if (problem && !failure) failure = std::move(problem);
    if (--left == 0) done.cancel();
}

Task<void> Gathering::wait(std::shared_ptr<Gathering> self) {
    while (self->left > 0) {
        asio::error_code cancelled;
        co_await self->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    if (self->failure) std::rethrow_exception(self->failure);
}

}  // namespace kwire::zk::detail
