# The headers of others, read once for many files: half the time that compiling a coroutine takes is reading Asio.
#
# Only headers that are not ours, so that changing one of ours compiles what includes it and no more. The preset clang is
# without, so that what a file forgets to include is noticed.
option(KWIRE_PRECOMPILE_HEADERS "Precompile the headers of the standard library, Asio and GoogleTest" ON)

set(KWIRE_STANDARD_HEADERS
    <algorithm> <array> <atomic> <chrono> <cstdint> <cstring> <deque> <exception> <functional> <list> <map> <memory>
    <mutex> <optional> <set> <stdexcept> <string> <string_view> <thread> <tuple> <utility> <variant> <vector>)
set(KWIRE_ASIO_HEADERS
    <asio/awaitable.hpp> <asio/co_spawn.hpp> <asio/io_context.hpp> <asio/ip/tcp.hpp> <asio/post.hpp>
    <asio/redirect_error.hpp> <asio/steady_timer.hpp> <asio/use_awaitable.hpp>)

# kwire_precompile(<target> <header> ...)
function(kwire_precompile target)
    if(KWIRE_PRECOMPILE_HEADERS)
        target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
endfunction()

# kwire_precompile_as(<target> <other>): what other precompiled serves target too; their flags have to be the same.
function(kwire_precompile_as target other)
    if(KWIRE_PRECOMPILE_HEADERS)
        target_precompile_headers(${target} REUSE_FROM ${other})
    endif()
endfunction()
