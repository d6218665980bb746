// Turns a struct's list of fields into its Schema. Only the file that instantiates a message's
// schema_of includes this.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::protocol {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
constexpr Kind kind_of() {
    if constexpr (std::is_enum_v<T>) {
        return kind_of<std::underlying_type_t<T>>();
    } else if constexpr (std::same_as<T, bool>) {
        return Kind::boolean;
    } else if constexpr (std::same_as<T, std::int8_t>) {
        return Kind::int8;
    } else if constexpr (std::same_as<T, std::int16_t>) {
        return Kind::int16;
    } else if constexpr (std::same_as<T, std::uint16_t>) {
        return Kind::uint16;
    } else if constexpr (std::same_as<T, std::int32_t>) {
        return Kind::int32;
    } else if constexpr (std::same_as<T, std::uint32_t>) {
        return Kind::uint32;
    } else if constexpr (std::same_as<T, std::int64_t>) {
        return Kind::int64;
    } else if constexpr (std::same_as<T, double>) {
        return Kind::float64;
    } else if constexpr (std::same_as<T, Uuid>) {
        return Kind::uuid;
    } else if constexpr (std::same_as<T, std::string>) {
        return Kind::string;
    } else if constexpr (std::same_as<T, Bytes>) {
        return Kind::bytes;
    } else if constexpr (is_vector<T>) {
        return Kind::array;
    } else {
        return Kind::structure;
    }
}

template <class T>
const Type& type_of();

template <class T>
Type plain_type() {
    Type type;
    type.kind = kind_of<T>();
    type.size = sizeof(T);
    type.get = [](const void* value) { return value; };
    type.emplace = [](void* value) { return value; };
    if constexpr (is_vector<T>) {
        using Element = typename T::value_type;
        static_assert(!std::same_as<Element, bool>,
                      "std::vector<bool> has no elements to point at");
        type.element = &type_of<Element>();
        type.count = [](const void* v) { return static_cast<const T*>(v)->size(); };
        type.elements = [](const void* v) -> const void* {
            return static_cast<const T*>(v)->data();
        };
        type.make_elements = [](void* v, std::size_t count) -> void* {
            auto& elements = *static_cast<T*>(v);
            elements = T(count);
            return elements.data();
        };
    } else if constexpr (kind_of<T>() == Kind::structure) {
        type.schema = &schema_of<T>;
    }
    return type;
}

template <class T>
Type make_type() {
    if constexpr (is_optional<T>) {
        Type type = plain_type<typename T::value_type>();
        type.optional = true;
        type.size = sizeof(T);
        type.get = [](const void* value) -> const void* {
            const auto& held = *static_cast<const T*>(value);
            return held ? &*held : nullptr;
        };
        // With a value, for Clang settles whether a struct within a struct can be made of nothing before it knows.
        type.emplace = [](void* value) -> void* {
            return &static_cast<T*>(value)->emplace(typename T::value_type{});
        };
        type.reset = [](void* value) { static_cast<T*>(value)->reset(); };
        return type;
    } else {
        return plain_type<T>();
    }
}

// Schemas, their types and defaults are never destroyed: a thread that outlives main() may still decode.
template <class T>
const Type& type_of() {
    static const Type& type = *new const Type(make_type<T>());
    return type;
}

// What needs no template stays out of them: a message is to compile in a fraction of a second.
void add_field(Schema& schema, std::string_view name, std::size_t offset, const Type& type,
               FieldSpec spec, std::optional<std::uint32_t> tag);

/// What a struct's `fields` is called with.
template <class T>
class SchemaBuilder {
 public:
    explicit SchemaBuilder(Schema& schema) : schema_(schema) {}

    template <class V>
    void operator()(std::string_view name, V T::*member, FieldSpec spec = {}) {
        add_field(schema_, name, offset(member), type_of<V>(), spec, std::nullopt);
    }
    template <class V>
    void tagged(std::uint32_t tag, std::string_view name, V T::*member, FieldSpec spec) {
        add_field(schema_, name, offset(member), type_of<V>(), spec, tag);
    }

 private:
    template <class V>
    std::size_t offset(V T::*member) const {
        const T& sample = *static_cast<const T*>(schema_.defaults);
        return static_cast<std::size_t>(reinterpret_cast<const char*>(&(sample.*member)) -
                                        reinterpret_cast<const char*>(&sample));
    }

    Schema& schema_;
};

template <class T>
Schema make_schema() {
    static const T& defaults = *new const T{};
    Schema schema;
    schema.defaults = &defaults;
    SchemaBuilder<T> builder(schema);
    T::fields(builder);
    if constexpr (Message<T>) {
        schema.make = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };
        schema.name = T::name;
        schema.versions = T::versions;
        schema.flexible = T::flexible;
        if constexpr (requires { T::api_key; }) schema.api_key = T::api_key;
    }
    return schema;
}

template <class T>
const Schema& schema_of() {
    static const Schema& schema = *new const Schema(make_schema<T>());
    return schema;
}

}  // namespace kwire::protocol
