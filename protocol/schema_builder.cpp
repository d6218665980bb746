#include "schema_builder.h"

#include <algorithm>

namespace kwire::protocol {

void add_field(Schema& schema, std::string_view name, std::size_t offset, const Type& type,
               FieldSpec spec, std::optional<std::uint32_t> tag) {
    if (!tag) {
        schema.fields.push_back({name, offset, &type, spec, tag});
        return;
    }
    const auto next = std::find_if(schema.tagged.begin(), schema.tagged.end(),
                                   [tag](const Field& field) { return field.tag > tag; });
    schema.tagged.insert(next, {name, offset, &type, spec, tag});
}

}  // namespace kwire::protocol
