#include "random_message.h"

#include <array>
#include <string>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/uuid.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;

class Filler {
 public:
    Filler(std::int16_t version, std::mt19937_64& random, bool unicode)
        : version_(version), random_(random), unicode_(unicode) {}

    void fill(const Schema& schema, void* structure) {
        for (const auto* list : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *list) {
                if (!field.spec.versions.contains(version_)) continue;
                if (field.tag && one_in(3)) continue;
                fill_value(field, *field.type, field.in(structure));
            }
        }
    }

 private:
    bool one_in(std::uint64_t n) { return random_() % n == 0; }

    template <class T>
    void fill_number(void* value) {
        *static_cast<T*>(value) =
            one_in(2) ? static_cast<T>(random_()) : static_cast<T>(random_() % 100);
    }

    std::string text() {
        std::string bytes(one_in(10) ? random_() % 300 : random_() % 12, '\0');
        for (char& c : bytes) c = static_cast<char>(random_());
        return bytes;
    }

    std::string unicode_text() {
        constexpr std::array pieces{
            "a", "topic-", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x90\x9f", "\"", "\\", "\n", "\x01",
            "z", "\x7f",   "/",        "orders.eu"};
        std::string text;
        for (auto left = one_in(20) ? 150 : random_() % 6; left > 0; --left) {
            text += pieces[random_() % pieces.size()];
        }
        return text;
    }

    void fill_value(const Field& field, const Type& type, void* holder) {
        if (type.optional) {
            type.reset(holder);
            if (field.spec.nullable.contains(version_) && one_in(4)) return;
        }
        void* value = type.emplace(holder);
        switch (type.kind) {
            case Kind::boolean:
                *static_cast<bool*>(value) = one_in(2);
                return;
            case Kind::int8:
                return fill_number<std::int8_t>(value);
            case Kind::int16:
                return fill_number<std::int16_t>(value);
            case Kind::uint16:
                return fill_number<std::uint16_t>(value);
            case Kind::int32:
                return fill_number<std::int32_t>(value);
            case Kind::uint32:
                return fill_number<std::uint32_t>(value);
            case Kind::int64:
                return fill_number<std::int64_t>(value);
            case Kind::float64:
                *static_cast<double*>(value) = static_cast<double>(random_()) / 7;
                return;
            case Kind::uuid:
                for (auto& byte : static_cast<Uuid*>(value)->bytes) {
                    byte = static_cast<std::uint8_t>(random_());
                }
                return;
            case Kind::string:
                *static_cast<std::string*>(value) = unicode_ ? unicode_text() : text();
                return;
            case Kind::bytes:
                *static_cast<Bytes*>(value) = Bytes::own(text());
                return;
            case Kind::array: {
                const std::size_t count = random_() % 4;
                auto* elements = static_cast<std::byte*>(type.make_elements(value, count));
                for (std::size_t i = 0; i < count; ++i) {
                    fill_value(field, *type.element, elements + i * type.element->size);
                }
                return;
            }
            case Kind::structure:
                return fill(type.schema(), value);
        }
    }

    std::int16_t version_;
    std::mt19937_64& random_;
    bool unicode_;
};

}  // namespace

void fill_randomly(const Schema& schema, void* message, std::int16_t version,
                   std::mt19937_64& random, bool unicode) {
    Filler(version, random, unicode).fill(schema, message);
}

}  // namespace kwire::test
