#include "hostile_cluster.h"

#include <algorithm>
#include <array>
#include <utility>

#include <kwire/protocol/messages.h>

#include "hostile_world.h"

namespace kwire::test {
namespace {

using namespace std::chrono_literals;

std::string_view name(Scene scene) {
    switch (scene) {
        case Scene::reading:
            return "reading";
        case Scene::producing:
            return "producing";
        case Scene::looking_up:
            return "looking_up";
        case Scene::offsets:
            return "offsets";
        case Scene::topics:
            return "topics";
    }
    return "";
}

std::string_view name(Fault fault) {
    constexpr std::array names{"closed", "cut in its size", "cut in its header", "cut at its end",
                               "silence", "garbage", "another correlation id"};
    return names[static_cast<std::size_t>(fault)];
}

// What a scene asks for, each API in the newest version that kwire knows and in older ones that look different.
struct Used {
    ApiKey api;
    std::vector<std::int16_t> versions;
};

std::vector<Used> used_by(Scene scene) {
    const Used versions{ApiKey::api_versions, {3, 0}};
    const Used metadata{ApiKey::metadata, {13, 8, 1}};
    const Used list_offsets{ApiKey::list_offsets, {11, 1}};
    switch (scene) {
        case Scene::reading:
            return {versions, metadata, list_offsets, {ApiKey::fetch, {18, 11, 4}}, {ApiKey::offset_for_leader_epoch, {4}}};
        case Scene::producing:
            return {versions, metadata, {ApiKey::produce, {13, 9, 3}}};
        case Scene::looking_up:
            return {versions, metadata, list_offsets};
        case Scene::offsets:
            return {{ApiKey::find_coordinator, {6, 2, 0}}, {ApiKey::offset_commit, {9, 2}}, {ApiKey::offset_fetch, {9, 7, 1}}};
        case Scene::topics:
            return {metadata, {ApiKey::create_topics, {7, 0}}, {ApiKey::delete_topics, {5, 1}}};
    }
    return {};
}

}  // namespace

std::string Trouble::text() const {
    if (mutation) return mutation->text();
    if (fault) return std::string(name(*fault));
    return "late by " + std::to_string(delay / 1ms) + " ms";
}

std::string Case::text() const {
    return std::string(name(scene)) + ' ' + to_string(api) + " v" + std::to_string(version) +
           (from_the_start ? " at once: " : " later: ") + trouble.text();
}

std::vector<Case> cases_of(Scene scene, bool all_versions) {
    std::vector<Case> all;
    const auto add = [&](Case one) {
        for (const bool from_the_start : {true, false}) {
            one.from_the_start = from_the_start;
            all.push_back(one);
        }
    };
    for (const Used& used : used_by(scene)) {
        const protocol::Schema& schema = *protocol::response_schema(used.api);
        std::vector<std::int16_t> versions = used.versions;
        if (all_versions) {
            versions.clear();
            for (auto v = used.versions.back(); v <= used.versions.front(); ++v) versions.push_back(v);
        }
        for (const std::int16_t version : versions) {
            for (Mutation& mutation : mutations_of(schema, std::min(version, schema.versions.highest))) {
                add({scene, used.api, version, false, {std::move(mutation), {}, {}}});
            }
            for (const Fault fault : all_faults) add({scene, used.api, version, false, {{}, fault, {}}});
            for (const Duration delay : {Duration(700ms), Duration(3s), Duration(7s), Duration(60s)}) {
                add({scene, used.api, version, false, {{}, {}, delay}});
            }
        }
    }
    return all;
}

Verdict judge(const Case& played) {
    begin_counting();
    HostileWorld world(played);
    switch (played.scene) {
        case Scene::reading:
            play_reading(world);
            break;
        case Scene::producing:
            play_producing(world);
            break;
        default:
            play_calls(world);
    }
    return {world.verdict(), world.was_spoiled()};
}

}  // namespace kwire::test
