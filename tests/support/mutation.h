// Every way in which a message can be not what it should be, made from its list of fields: a new field is covered by itself.
//
//     for (const Mutation& mutation : mutations_of(schema_of<MetadataResponse>(), 12)) {
//         const auto wrong = mutated(schema, &answer, 12, mutation, spared);    // null: answer has no such place
//     }
//
// A mutation touches one field of one element of each array on its way: the first that names nothing spared, so that a
// test can demand that all the rest goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <kwire/protocol/schema.h>
#include <kwire/protocol/uuid.h>

namespace kwire::test {

struct Mutation {
    enum class Kind {
        number,      // `value`, cut to the field's width
        text,        // `value` letters
        megabyte,    // a string of 1 MB, longer than a string may be; see with_megabyte
        garbage,     // bytes that are no records
        cut,         // bytes: the first half of them
        patch,       // bytes: `value`, of `width` bytes, at byte `at`
        null,        // what may be null
        empty,       // an array without elements, a uuid of zeros
        missing,     // an array without the element that is touched
        repeated,    // with that element once more
        foreign,     // with another element, of which the client never heard, in front
        instead,     // with such an element in place of the touched one
        crowd,       // with `value` such elements behind
    };
    std::vector<std::string> path;  // names of fields from the message down
    Kind kind{};
    std::int64_t value = 0;
    std::size_t at = 0;
    std::size_t width = 0;

    /// Such as `topics.partitions.leader_id = -1`.
    std::string text() const;
    /// It is an error code that is set, and not to none.
    bool is_refusal() const;
};

/// All of a message at a version. Fields named error_code get every code that there is, and unknown ones.
std::vector<Mutation> mutations_of(const protocol::Schema& schema, std::int16_t version);

/// What no mutation may touch: elements of arrays that hold one of these.
struct Spared {
    std::set<std::string> texts;
    std::set<std::int32_t> node_ids;
    std::set<Uuid> uuids;
};

/// A copy of message with the mutation in it; null if message has no such place.
std::shared_ptr<void> mutated(const protocol::Schema& schema, const void* message, std::int16_t version,
                              const Mutation& mutation, const Spared& spared);

/// The frame with its marker, which Kind::megabyte left in it, grown to 1 MB. As it was where strings have long lengths.
std::string with_megabyte(std::string frame);

}  // namespace kwire::test
