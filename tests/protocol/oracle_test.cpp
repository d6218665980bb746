// kwire's messages against what the official Java client makes of them.
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/error_code.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/messages.h>
#include <kwire/protocol/uuid.h>

#include "oracle_data.h"

namespace kwire::test {
namespace {

using namespace kwire::protocol;

TEST(Oracle, CoversEveryVersionOfEveryMessage) {
    std::map<std::string, std::set<std::int16_t>> covered;
    for (const OracleMessage& m : oracle_messages()) covered[m.name].insert(m.version);
    for (const Schema* schema : every_schema()) {
        for (std::int16_t v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
            EXPECT_TRUE(covered[std::string(schema->name)].contains(v)) << schema->name << ' ' << v;
        }
    }
}

TEST(Oracle, EveryMessageDecodesToTheSameJson) {
    for (const OracleMessage& m : oracle_messages()) {
        const Schema* schema = find_message(m.name);
        ASSERT_TRUE(schema) << m.name;
        const auto value = schema->make();
        const auto error = decode(*schema, value.get(), m.version, m.bytes);
        ASSERT_FALSE(error) << m.where() << '\n' << error->message();
        const std::string json = to_json(*schema, value.get(), m.version, RecordsAs::size);
        ASSERT_EQ(nlohmann::json::parse(json), nlohmann::json::parse(m.json)) << m.where();
    }
}

TEST(Oracle, EveryMessageEncodesToTheSameBytes) {
    std::size_t with_unknown_tags = 0;
    for (const OracleMessage& m : oracle_messages()) {
        const Schema* schema = find_message(m.name);
        ASSERT_TRUE(schema) << m.name;
        const auto value = schema->make();
        UnknownTags unknown;
        ASSERT_FALSE(decode(*schema, value.get(), m.version, m.bytes, &unknown)) << m.where();
        with_unknown_tags += unknown.empty() ? 0 : 1;
        std::string out;
        const auto error = encode(*schema, value.get(), m.version, out, &unknown);
        ASSERT_FALSE(error) << m.where() << '\n' << error->message();
        ASSERT_EQ(Bytes::own(out), m.bytes) << m.where();
        if (unknown.empty()) {
            ASSERT_EQ(encoded_size(*schema, value.get(), m.version), out.size()) << m.where();
        }
    }
    EXPECT_GT(with_unknown_tags, 50U);
}

TEST(Oracle, EverySchemaIsTheSame) {
    std::set<std::string> expected;
    for (const std::string& line : oracle_lines("schemas.txt")) expected.insert(line);
    for (const Schema* schema : every_schema()) {
        for (std::int16_t v = schema->versions.lowest; v <= schema->versions.highest; ++v) {
            const std::string line = schema_text(*schema, v);
            EXPECT_EQ(expected.erase(line), 1U) << line;
        }
    }
    EXPECT_TRUE(expected.empty()) << *expected.begin();
}

TEST(Oracle, EveryErrorCodeIsTheSame) {
    int count = 0;
    for (const std::string& line : oracle_lines("error_codes.txt")) {
        std::istringstream words(line);
        int code = 0;
        std::string expected_name;
        std::string retriable;
        words >> code >> expected_name >> retriable;
        const auto value = static_cast<ErrorCode>(code);
        EXPECT_EQ(name(value), expected_name);
        EXPECT_EQ(is_retriable(value), retriable == "retriable") << expected_name;
        ++count;
    }
    EXPECT_TRUE(name(static_cast<ErrorCode>(count - 1)).empty()) << "a code that Kafka lacks";
}

// ---- Defaults, and what happens to fields that a version lacks.

struct Found {
    const Schema* parent = nullptr;
    const Field* field = nullptr;
};

Found find_field(const Schema& schema, std::string_view path) {
    const auto dot = path.find('.');
    const std::string_view first = path.substr(0, dot);
    for (const auto* list : {&schema.fields, &schema.tagged}) {
        for (const Field& field : *list) {
            if (field.name != first) continue;
            if (dot == std::string_view::npos) return {&schema, &field};
            const Type& type = field.type->element ? *field.type->element : *field.type;
            return find_field(type.schema(), path.substr(dot + 1));
        }
    }
    return {};
}

std::string default_text(const Found& found) {
    const Type& type = *found.field->type;
    const void* value = type.get(found.field->in(found.parent->defaults));
    if (!value) return "null";
    switch (type.kind) {
        case Kind::boolean:
            return *static_cast<const bool*>(value) ? "true" : "false";
        case Kind::int8:
            return std::to_string(*static_cast<const std::int8_t*>(value));
        case Kind::int16:
            return std::to_string(*static_cast<const std::int16_t*>(value));
        case Kind::uint16:
            return std::to_string(*static_cast<const std::uint16_t*>(value));
        case Kind::int32:
            return std::to_string(*static_cast<const std::int32_t*>(value));
        case Kind::uint32:
            return std::to_string(*static_cast<const std::uint32_t*>(value));
        case Kind::int64:
            return std::to_string(*static_cast<const std::int64_t*>(value));
        case Kind::uuid:
            return static_cast<const Uuid*>(value)->to_string();
        case Kind::string:
            return '"' + *static_cast<const std::string*>(value) + '"';
        case Kind::float64:
            EXPECT_EQ(*static_cast<const double*>(value), 0.0);
            return "0.0";
        case Kind::bytes:
            return static_cast<const Bytes*>(value)->empty() ? "\"\"" : "?";
        case Kind::array:
            return type.count(value) == 0 ? "[]" : "[...]";
        case Kind::structure:
            return "{}";
    }
    return "?";
}

std::vector<std::int16_t> versions(std::string list) {
    std::vector<std::int16_t> all;
    std::istringstream words(std::move(list));
    for (std::string word; std::getline(words, word, ',');) {
        all.push_back(static_cast<std::int16_t>(std::stoi(word)));
    }
    return all;
}

TEST(Oracle, EveryDefaultIsTheSame) {
    for (const std::string& line : oracle_lines("fields.txt")) {
        std::istringstream words(line);
        std::string path;
        std::string word;
        std::string expected;
        words >> path >> word >> expected;
        const auto dot = path.find('.');
        const Schema* schema = find_message(path.substr(0, dot));
        ASSERT_TRUE(schema) << path;
        const Found found = find_field(*schema, std::string_view(path).substr(dot + 1));
        ASSERT_TRUE(found.field) << path;
        // Java makes them null, which it cannot write.
        if (found.field->spec.holds_records && !found.field->type->optional) expected = "\"\"";
        EXPECT_EQ(default_text(found), expected) << path;
    }
}

TEST(Oracle, FieldsThatAVersionLacksAreDroppedOrRefusedAlike) {
    for (const std::string& line : oracle_lines("fields.txt")) {
        std::istringstream words(line);
        std::string path;
        std::string word;
        words >> path >> word >> word;
        const auto dot = path.find('.');
        const Schema* schema = find_message(path.substr(0, dot));
        ASSERT_TRUE(schema) << path;
        const Found found = find_field(*schema, std::string_view(path).substr(dot + 1));
        ASSERT_TRUE(found.field) << path;
        for (std::string list; words >> word >> list;) {
            for (const std::int16_t v : versions(list)) {
                EXPECT_FALSE(found.field->spec.versions.contains(v)) << line << " at " << v;
                EXPECT_EQ(found.field->spec.may_be_ignored, word == "dropped") << line;
            }
        }
    }
}

}  // namespace
}  // namespace kwire::test
