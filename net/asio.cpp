// Asio's own functions, compiled once here instead of in every file that includes it (ASIO_SEPARATE_COMPILATION).
#include <cstdlib>  // first: Asio takes memory from aligned_alloc only if it knows the library, and all files must do the same

#include <asio/impl/src.hpp>
