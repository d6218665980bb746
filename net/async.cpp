#include <kwire/net/async.h>

#include <asio/error.hpp>
#include <asio/system_error.hpp>

#include <kwire/net/error.h>

namespace kwire::detail {

std::exception_ptr wait_cancelled() {
    return std::make_exception_ptr(asio::system_error(asio::error::operation_aborted, "the waiting was cancelled"));
}

std::exception_ptr loop_ended() {
    return std::make_exception_ptr(Error(errc::closed, "the runtime's loop was destroyed before the operation ended"));
}

}  // namespace kwire::detail
