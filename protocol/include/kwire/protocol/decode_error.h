// What a decoder says of input that it cannot read. Decoders return it and never throw on input.
#pragma once

#include <cstddef>
#include <string>

namespace kwire {

struct DecodeError {
    /// Where in the message's own terms, such as `FetchResponse.responses[1].partitions[0].records`.
    std::string path;
    /// What is wrong, such as `needs 812 bytes, 40 left`.
    std::string what;
    /// The byte at which it is wrong, counted from the start of what was decoded.
    std::size_t offset = 0;

    /// One sentence: `<path>: <what> at byte <offset>`.
    std::string message() const { return path + ": " + what + " at byte " + std::to_string(offset); }
};

}  // namespace kwire
