// The configurations that properties are set on, or read from. A client without a producer has none
// of one.
#pragma once

#include <string_view>

#include <kwire/group/properties.h>

namespace kwire {

struct ConfigTarget {
    GroupConfig* group;
    ProducerConfig* producer;
};
struct ConfigView {
    const GroupConfig* group;
    const ProducerConfig* producer;
};

void set_property(ConfigTarget target, PropertyScopes scopes, std::string_view name,
                  std::string_view value);
void validate_properties(ConfigView view, PropertyScopes scopes);

}  // namespace kwire
