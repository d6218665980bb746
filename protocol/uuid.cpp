#include <cstring>

#include <kwire/protocol/uuid.h>

#include "base64.h"

namespace kwire {

std::string Uuid::to_string() const {
    return base64_url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    const auto data = from_base64_url(text);
    if (!data || data->size() != 16) return std::nullopt;
    Uuid id;
    std::memcpy(id.bytes.data(), data->data(), id.bytes.size());
    return id;
}

}  // namespace kwire
