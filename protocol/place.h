// Where in a message a walker is: the source of the paths in errors.
//
// One Place per struct being walked, on the walker's own stack, each pointing at the one around it.
// Moving on costs one store a field; the text is only made once something is wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <kwire/protocol/schema.h>

namespace kwire::protocol {

struct Place {
    static constexpr std::size_t not_in_array = static_cast<std::size_t>(-1);

    Place* around = nullptr;
    const Field* field = nullptr;
    std::size_t index = not_in_array;
};

/// Makes a Place the innermost one for as long as it lives.
class EnteredPlace {
 public:
    explicit EnteredPlace(Place*& innermost) : innermost_(innermost), place_{innermost} {
        innermost_ = &place_;
    }
    ~EnteredPlace() { innermost_ = place_.around; }
    EnteredPlace(const EnteredPlace&) = delete;
    EnteredPlace& operator=(const EnteredPlace&) = delete;

    Place* operator->() { return &place_; }

 private:
    Place*& innermost_;
    Place place_;
};

/// `FetchResponse.responses[1].partitions[0].records`.
inline std::string path(std::string_view message, const Place* innermost) {
    std::string text;
    for (const Place* place = innermost; place; place = place->around) {
        std::string part;
        if (place->field) part.append(".").append(place->field->name);
        if (place->index != Place::not_in_array) {
            part.append("[").append(std::to_string(place->index)).append("]");
        }
        text.insert(0, part);
    }
    return text.insert(0, message);
}

}  // namespace kwire::protocol
