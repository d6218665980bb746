#include <string>

#include <kwire/group/consumer_group.h>
#include <kwire/group/properties.h>

#include "properties_of.h"

namespace kwire {
namespace {

constexpr PropertyScopes group_scopes =
    PropertyScope::cluster | PropertyScope::fetch | PropertyScope::group;

}  // namespace

void GroupConfig::set(std::string_view name, std::string_view value) {
    set_property(ConfigTarget{this, nullptr}, group_scopes, name, value);
}

GroupConfig GroupConfig::from_properties(const std::map<std::string, std::string>& properties) {
    GroupConfig config;
    for (const auto& [name, value] : properties) config.set(name, value);
    config.validate();
    return config;
}

void GroupConfig::validate() const {
    validate_properties(ConfigView{this, nullptr}, group_scopes);
}

}  // namespace kwire
