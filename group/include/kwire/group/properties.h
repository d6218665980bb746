// The settings of kwire under Kafka's own names, as in a properties file or after `-X` of the kwire
// command.
//
// Purpose: one table says for every setting its name, what it may be, its default and what it does.
// GroupConfig::set, GroupConfig::validate, the kwire command and the list that `kwire config`
// prints all come from it. Where Kafka has a name it is Kafka's (the Java consumer's and
// producer's, old and new), else librdkafka's; a few of kwire's own follow the same form. Threads:
// everything here may be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kwire/group/consumer_group.h>
#include <kwire/net/producer.h>

namespace kwire {

/// Which part of kwire a property belongs to; a client uses one or several of them.
enum class PropertyScope : std::uint8_t { cluster = 1, fetch = 2, group = 4, producer = 8 };
std::string_view name(PropertyScope scope);

class PropertyScopes {
 public:
    constexpr PropertyScopes(PropertyScope scope) : bits_(static_cast<std::uint8_t>(scope)) {}
    constexpr bool contains(PropertyScope scope) const {
        return (bits_ & static_cast<std::uint8_t>(scope)) != 0;
    }

 private:
    friend constexpr PropertyScopes operator|(PropertyScopes a, PropertyScopes b);
    std::uint8_t bits_;
};
constexpr PropertyScopes operator|(PropertyScopes a, PropertyScopes b) {
    a.bits_ |= b.bits_;
    return a;
}
/// Without it the built-in operator would be looked for: a conversion of both sides is not
/// considered.
constexpr PropertyScopes operator|(PropertyScope a, PropertyScope b) {
    return PropertyScopes(a) | PropertyScopes(b);
}

struct PropertyInfo {
    std::string_view name;
    std::vector<std::string_view> aliases;  ///< Other names that are accepted.
    PropertyScope scope;
    std::string rule;  ///< What a value may be: `a whole number of bytes, 1 to 2147483647`.
    std::string default_value;  ///< Empty: none.
    std::string_view meaning;
};

/// Every property, in the order of the scopes, by name within one.
std::vector<PropertyInfo> property_list();

/// The configuration of a client of any kind: that of a group holds the cluster's and the fetch's.
struct ClientConfig {
    GroupConfig group;
    ProducerConfig producer;
};

/// Sets one property. Throws errc::invalid_config, as GroupConfig::set does; also where the
/// property is not in scopes.
void set_property(ClientConfig& config, PropertyScopes scopes, std::string_view name,
                  std::string_view value);

/// Holds every property of scopes against its rule, and against each other. Throws
/// errc::invalid_config.
void validate_properties(const ClientConfig& config, PropertyScopes scopes);

}  // namespace kwire
