#include "mutation.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/error_code.h>

namespace kwire::test {
namespace {

using namespace kwire::protocol;
using Kind = Mutation::Kind;

constexpr std::string_view megabyte_marker = "~this grows to one megabyte~";
constexpr std::size_t megabyte = std::size_t{1} << 20;
constexpr std::int64_t longest_text = 32767;
constexpr std::int64_t crowd_size = 2'000;

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

// ---- which there are

class Lister {
 public:
    Lister(std::int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

    void list(const Schema& schema) {
        for (const auto* fields : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *fields) {
                if (!field.spec.versions.contains(version_)) continue;
                path_.emplace_back(field.name);
                if (field.type->optional && field.spec.nullable.contains(version_)) add(Kind::null);
                list(field, *field.type);
                path_.pop_back();
            }
        }
    }
    std::vector<Mutation> take() { return std::move(all_); }

 private:
    void add(Kind kind, std::int64_t value = 0, std::size_t at = 0, std::size_t width = 0) {
        all_.push_back({path_, kind, value, at, width});
    }

    template <class T>
    void numbers() {
        using Limits = std::numeric_limits<T>;
        std::set<std::int64_t> values{static_cast<std::int64_t>(Limits::min()), 0, 1,
                                      static_cast<std::int64_t>(Limits::max())};
        if (Limits::is_signed) values.insert({-2, -1});
        if (sizeof(T) == 8) values.insert({INT32_MAX, INT64_MAX - 1});
        if (sizeof(T) == 4) values.insert({65'536, INT32_MAX - 1});
        for (const std::int64_t value : values) add(Kind::number, value);
    }

    void error_codes() {
        for (int code = -1; code == -1 || !name(static_cast<ErrorCode>(code)).empty(); ++code) add(Kind::number, code);
        for (const int code : {4711, -7, INT16_MAX, INT16_MIN}) add(Kind::number, code);
    }

    void list(const Field& field, const Type& type) {
        switch (type.kind) {
            case protocol::Kind::boolean:
                add(Kind::number, 0);
                return add(Kind::number, 1);
            case protocol::Kind::int8:
                return numbers<std::int8_t>();
            case protocol::Kind::int16:
                return field.name.ends_with("error_code") ? error_codes() : numbers<std::int16_t>();
            case protocol::Kind::uint16:
                return numbers<std::uint16_t>();
            case protocol::Kind::int32:
                return numbers<std::int32_t>();
            case protocol::Kind::uint32:
                return numbers<std::uint32_t>();
            case protocol::Kind::int64:
                return numbers<std::int64_t>();
            case protocol::Kind::float64:
                return;
            case protocol::Kind::uuid:
                add(Kind::empty);
                return add(Kind::foreign);
            case protocol::Kind::string:
                for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, longest_text}) add(Kind::text, size);
                if (flexible_) add(Kind::megabyte);
                return;
            case protocol::Kind::bytes:
                return list_bytes(field);
            case protocol::Kind::array:
                for (const Kind kind : {Kind::empty, Kind::missing, Kind::repeated, Kind::foreign, Kind::instead}) {
                    add(kind);
                }
                add(Kind::crowd, crowd_size);
                if (type.element->kind == protocol::Kind::structure) list(type.element->schema());
                return;
            case protocol::Kind::structure:
                return list(type.schema());
        }
    }

    // The header of a record batch: base offset, length, leader epoch, magic, ..., last offset delta, ..., count.
    void list_bytes(const Field& field) {
        for (const Kind kind : {Kind::empty, Kind::garbage, Kind::cut}) add(kind);
        if (!field.spec.holds_records) return;
        for (const std::int64_t value : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
            add(Kind::patch, value, 0, 8);
        }
        for (const std::size_t at : {8U, 12U, 23U, 57U}) {
            for (const std::int64_t value : {INT32_MIN, -1, 0, INT32_MAX}) add(Kind::patch, value, at, 4);
        }
        for (const std::int64_t value : {0, 3, 127}) add(Kind::patch, value, 16, 1);
    }

    std::int16_t version_;
    bool flexible_;
    std::vector<std::string> path_;
    std::vector<Mutation> all_;
};

// ---- making one

/// Copies a value, changed at one place.
class Copier {
 public:
    Copier(std::int16_t version, const Mutation& mutation, const Spared& spared)
        : version_(version), mutation_(mutation), spared_(spared) {}

    bool found() const { return found_; }

    void copy_fields(const Schema& schema, const void* from, void* to, std::size_t depth) {
        for (const auto* fields : {&schema.fields, &schema.tagged}) {
            for (const Field& field : *fields) {
                if (!field.spec.versions.contains(version_)) continue;
                const bool on_path = depth < mutation_.path.size() && mutation_.path[depth] == field.name;
                copy(*field.type, field.in(from), field.in(to), on_path ? depth + 1 : off_path);
            }
        }
    }

 private:
    static constexpr std::size_t off_path = SIZE_MAX;

    void copy(const Type& type, const void* from_holder, void* to_holder, std::size_t depth) {
        const bool here = depth == mutation_.path.size();
        if (type.optional) type.reset(to_holder);
        if (here && mutation_.kind == Kind::null) {
            found_ = true;
            return;
        }
        const void* from = type.get(from_holder);
        if (from == nullptr) return;
        void* to = type.emplace(to_holder);
        switch (type.kind) {
            case protocol::Kind::structure:
                return copy_fields(type.schema(), from, to, depth);
            case protocol::Kind::array:
                return copy_array(type, from, to, depth, here);
            default:
                copy_leaf(type, from, to);
                if (here) change_leaf(type, to);
        }
    }

    template <class T>
    static void assign(const void* from, void* to) {
        *static_cast<T*>(to) = *static_cast<const T*>(from);
    }

    static void copy_leaf(const Type& type, const void* from, void* to) {
        switch (type.kind) {
            case protocol::Kind::string:
                return assign<std::string>(from, to);
            case protocol::Kind::bytes:
                return assign<Bytes>(from, to);
            case protocol::Kind::uuid:
                return assign<Uuid>(from, to);
            default:
                std::memcpy(to, from, number_size(type.kind));
        }
    }

    static std::size_t number_size(protocol::Kind kind) {
        switch (kind) {
            case protocol::Kind::boolean:
                return sizeof(bool);
            case protocol::Kind::int8:
                return 1;
            case protocol::Kind::int16:
            case protocol::Kind::uint16:
                return 2;
            case protocol::Kind::int32:
            case protocol::Kind::uint32:
                return 4;
            default:
                return 8;
        }
    }

    void change_leaf(const Type& type, void* to) {
        found_ = true;
        switch (type.kind) {
            case protocol::Kind::string:
                static_cast<std::string*>(to)->assign(static_cast<std::size_t>(mutation_.value), 'x');
                if (mutation_.kind == Kind::megabyte) *static_cast<std::string*>(to) = megabyte_marker;
                return;
            case protocol::Kind::bytes:
                *static_cast<Bytes*>(to) = changed(*static_cast<const Bytes*>(to));
                return;
            case protocol::Kind::uuid:
                static_cast<Uuid*>(to)->bytes.fill(mutation_.kind == Kind::empty ? 0 : 0x77);
                return;
            default:
                change_number(type, to);
        }
    }

    void change_number(const Type& type, void* to) const {
        const std::int64_t value = mutation_.value;
        switch (type.kind) {
            case protocol::Kind::boolean:
                *static_cast<bool*>(to) = value != 0;
                return;
            case protocol::Kind::int8:
                *static_cast<std::int8_t*>(to) = static_cast<std::int8_t>(value);
                return;
            case protocol::Kind::int16:
            case protocol::Kind::uint16:
                *static_cast<std::int16_t*>(to) = static_cast<std::int16_t>(value);
                return;
            case protocol::Kind::int32:
            case protocol::Kind::uint32:
                *static_cast<std::int32_t*>(to) = static_cast<std::int32_t>(value);
                return;
            default:
                *static_cast<std::int64_t*>(to) = value;
        }
    }

    Bytes changed(const Bytes& sane) const {
        std::string bytes(sane.view());
        switch (mutation_.kind) {
            case Kind::empty:
                return {};
            case Kind::garbage:
                return Bytes::own(std::string(200, '\x5a'));
            case Kind::cut:
                return sane.slice(0, sane.size() / 2);
            default:
                for (std::size_t i = 0; i < mutation_.width && mutation_.at + i < bytes.size(); ++i) {
                    const auto shift = 8 * (mutation_.width - 1 - i);
                    bytes[mutation_.at + i] = static_cast<char>(static_cast<std::uint64_t>(mutation_.value) >> shift);
                }
                return Bytes::own(std::move(bytes));
        }
    }

    // ---- arrays

    void copy_array(const Type& type, const void* from, void* to, std::size_t depth, bool here) {
        const std::size_t count = type.count(from);
        const auto touched = depth == off_path ? std::nullopt : touched_element(type, from);
        if (here && (touched || !needs_element())) return change_array(type, from, to, touched);
        auto* out = static_cast<std::byte*>(type.make_elements(to, count));
        for (std::size_t i = 0; i < count; ++i) {
            copy(*type.element, element(type, from, i), out + i * type.element->size,
                 touched == i && !here ? depth : off_path);
        }
    }

    bool needs_element() const {
        return mutation_.kind == Kind::missing || mutation_.kind == Kind::repeated || mutation_.kind == Kind::instead;
    }

    static const void* element(const Type& type, const void* array, std::size_t index) {
        return static_cast<const std::byte*>(type.elements(array)) + index * type.element->size;
    }

    /// What each element of the new array is made of: one of the old ones, by its index, or a default.
    struct Plan {
        std::vector<std::optional<std::size_t>> sources;
        std::size_t foreign_begin = 0;
        std::size_t foreign_end = 0;
    };

    Plan plan(std::size_t count, std::optional<std::size_t> touched) const {
        Plan plan;
        if (mutation_.kind == Kind::empty) return plan;
        for (std::size_t i = 0; i < count; ++i) plan.sources.emplace_back(i);
        switch (mutation_.kind) {
            case Kind::missing:
                plan.sources.erase(plan.sources.begin() + static_cast<std::ptrdiff_t>(*touched));
                break;
            case Kind::repeated:
                plan.sources.push_back(touched);
                break;
            case Kind::foreign:
                plan.sources.insert(plan.sources.begin(), touched);
                plan.foreign_end = 1;
                break;
            case Kind::instead:
                plan.foreign_begin = *touched;
                plan.foreign_end = *touched + 1;
                break;
            default:
                plan.foreign_begin = count;
                plan.foreign_end = count + static_cast<std::size_t>(mutation_.value);
                plan.sources.resize(plan.foreign_end, touched);
        }
        return plan;
    }

    void change_array(const Type& type, const void* from, void* to, std::optional<std::size_t> touched) {
        found_ = true;
        const Plan made_of = plan(type.count(from), touched);
        auto* out = static_cast<std::byte*>(type.make_elements(to, made_of.sources.size()));
        for (std::size_t i = 0; i < made_of.sources.size(); ++i) {
            void* made = out + i * type.element->size;
            if (const auto source = made_of.sources[i]) copy(*type.element, element(type, from, *source), made, off_path);
            if (made_of.foreign_begin <= i && i < made_of.foreign_end) estrange(*type.element, made, i);
        }
    }

    /// The first element that nothing speaks for.
    std::optional<std::size_t> touched_element(const Type& type, const void* array) const {
        for (std::size_t i = 0; i < type.count(array); ++i) {
            if (!is_spared(*type.element, element(type, array, i))) return i;
        }
        return std::nullopt;
    }

    bool is_spared(const Type& type, const void* holder) const {
        const void* value = type.get(holder);
        if (value == nullptr) return false;
        if (type.kind == protocol::Kind::string) return spared_.texts.contains(*static_cast<const std::string*>(value));
        if (type.kind == protocol::Kind::uuid) return spared_.uuids.contains(*static_cast<const Uuid*>(value));
        if (type.kind != protocol::Kind::structure) return false;
        const auto& fields = type.schema().fields;
        return std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
            if (field.type->kind == protocol::Kind::array || field.type->kind == protocol::Kind::structure) return false;
            if (field.name == "node_id") {
                return spared_.node_ids.contains(*static_cast<const std::int32_t*>(field.in(value)));
            }
            return is_spared(*field.type, field.in(value));
        });
    }

    /// Gives an element another identity.
    static void estrange(const Type& type, void* holder, std::size_t number) {
        void* value = const_cast<void*>(type.get(holder));
        if (value == nullptr) return;
        const auto unknown = static_cast<std::int32_t>(1'000 + number);
        switch (type.kind) {
            case protocol::Kind::string:
                *static_cast<std::string*>(value) = "foreign-" + std::to_string(number);
                return;
            case protocol::Kind::uuid:
                static_cast<Uuid*>(value)->bytes.fill(0x66);
                std::memcpy(static_cast<Uuid*>(value)->bytes.data(), &unknown, sizeof(unknown));
                return;
            case protocol::Kind::int32:
                *static_cast<std::int32_t*>(value) = unknown;
                return;
            case protocol::Kind::int16:
                *static_cast<std::int16_t*>(value) = static_cast<std::int16_t>(unknown);
                return;
            case protocol::Kind::structure:
                for (const Field& field : type.schema().fields) {
                    const bool is_name = field.type->kind == protocol::Kind::string ||
                                         field.type->kind == protocol::Kind::uuid ||
                                         ends_with_any(field.name, {"index", "partition", "node_id", "api_key"});
                    if (is_name) estrange(*field.type, field.in(value), number);
                }
                return;
            default:
                return;
        }
    }

    std::int16_t version_;
    const Mutation& mutation_;
    const Spared& spared_;
    bool found_ = false;
};

}  // namespace

std::string Mutation::text() const {
    std::string all;
    for (const auto& name : path) all += (all.empty() ? "" : ".") + name;
    switch (kind) {
        case Kind::number:
            return all + " = " + std::to_string(value);
        case Kind::text:
            return all + " = " + std::to_string(value) + " letters";
        case Kind::megabyte:
            return all + " = 1 MB";
        case Kind::garbage:
            return all + " = garbage";
        case Kind::cut:
            return all + " = half of it";
        case Kind::patch:
            return all + "[" + std::to_string(at) + "] = " + std::to_string(value);
        case Kind::null:
            return all + " = null";
        case Kind::empty:
            return all + " = empty";
        case Kind::missing:
            return all + " without it";
        case Kind::repeated:
            return all + " with it twice";
        case Kind::foreign:
            return all + " with a foreign one";
        case Kind::instead:
            return all + " with a foreign one instead";
        case Kind::crowd:
            return all + " with " + std::to_string(value) + " foreign ones";
    }
    return all;
}

bool Mutation::is_refusal() const {
    return path.back() == "error_code" && value != 0;
}

std::vector<Mutation> mutations_of(const Schema& schema, std::int16_t version) {
    Lister lister(version, schema.flexible.contains(version));
    lister.list(schema);
    return lister.take();
}

std::shared_ptr<void> mutated(const Schema& schema, const void* message, std::int16_t version,
                              const Mutation& mutation, const Spared& spared) {
    auto copy = schema.make();
    Copier copier(version, mutation, spared);
    copier.copy_fields(schema, message, copy.get(), 0);
    return copier.found() ? copy : nullptr;
}

std::string with_megabyte(std::string frame) {
    const auto at = frame.find(megabyte_marker);
    // A compact length of one byte is the marker's size plus one.
    if (at == std::string::npos || frame[at - 1] != static_cast<char>(megabyte_marker.size() + 1)) return frame;
    constexpr auto length = static_cast<std::uint32_t>(megabyte + 1);
    const std::string varint{static_cast<char>(length | 0x80U), static_cast<char>(length >> 7 | 0x80U),
                             static_cast<char>(length >> 14)};
    frame.replace(at - 1, megabyte_marker.size() + 1, varint + std::string(megabyte, 'x'));
    const auto size = static_cast<std::uint32_t>(frame.size() - 4);
    for (std::size_t i = 0; i < 4; ++i) frame[i] = static_cast<char>(size >> (24 - 8 * i));
    return frame;
}

}  // namespace kwire::test
