// Messages with random contents, from their schemas.
#pragma once

#include <cstdint>
#include <random>

#include <kwire/protocol/schema.h>

namespace kwire::test {

/// Fills every field that the version has; the others keep their defaults. What it makes can be
/// encoded. `unicode`: strings are text and not any bytes.
void fill_randomly(const protocol::Schema& schema, void* message, std::int16_t version,
                   std::mt19937_64& random, bool unicode = false);

template <protocol::Message M>
M random_message(std::mt19937_64& random, std::int16_t version) {
    M message;
    fill_randomly(protocol::schema_of<M>(), &message, version, random);
    return message;
}

}  // namespace kwire::test
