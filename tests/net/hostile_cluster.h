// A cluster whose answers of one API go wrong in one way, and the judge of what a client makes of them.
//
// A Case is one scene (reading, producing, looking up, ...) in which the answers of one API are spoiled: from the first
// one on, or only after all went well for a while. After some time the cluster is sane again. The client is the real
// one, on a virtual clock. What the judge wants, whatever is answered:
//
// - memory stays within the configured buffer plus 40 MB, and nothing ends the process;
// - no broker is asked, or connected to, more than 20 times a second;
// - who gets nothing done is given an error in words within 10 s, a refusal with its code;
// - the topic that no answer is wrong about is read and written on;
// - what is handed out is what was written, and nothing is passed over without an error before it;
// - when the cluster is sane again all goes on by itself, unless an error said that it does not.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_cluster.h"
#include "mutation.h"

namespace kwire::test {

enum class Scene { reading, producing, looking_up, offsets, topics };

/// What becomes of the answers: exactly one of the three.
struct Trouble {
    std::optional<Mutation> mutation;
    std::optional<Fault> fault;
    Duration delay{};

    std::string text() const;
};

struct Case {
    Scene scene{};
    ApiKey api{};
    std::int16_t version = 0;     ///< The highest of api that brokers offer.
    bool from_the_start = false;  ///< Else only after some seconds.
    Trouble trouble;

    /// Names it, for people and for KWIRE_HOSTILE.
    std::string text() const;
};

/// All cases of a scene: those of every API that it uses, of the versions given or of all.
std::vector<Case> cases_of(Scene scene, bool all_versions);

struct Verdict {
    std::string objections;  ///< What was wrong, a line each.
    bool was_spoiled = false;  ///< Some answer had the place that was to be changed.
};
Verdict judge(const Case& played);

/// The most that the process had allocated at once since the last call of begin_counting, beyond what it had then.
void begin_counting();
std::size_t peak_bytes();

}  // namespace kwire::test
