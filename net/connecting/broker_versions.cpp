#include "broker_versions.h"

#include <algorithm>
#include <utility>

namespace kwire {

std::string_view name(OldRelease release) {
    switch (release) {
        case OldRelease::v0_8_1:
            return "0.8.1";
        case OldRelease::v0_8_2:
            return "0.8.2";
        case OldRelease::v0_9:
            return "0.9";
    }
    return "?";
}

std::string contradiction(const protocol::ApiVersionsResponse& answer) {
    std::map<ApiKey, VersionRange> seen;
    for (const auto& api : answer.api_keys) {
        const VersionRange range{api.min_version, api.max_version};
        const auto [known, is_new] = seen.try_emplace(api.api_key, range);
        if (!is_new && known->second != range) return "it names " + to_string(api.api_key) + " twice, with other versions";
    }
    return {};
}

BrokerVersions BrokerVersions::of(const protocol::ApiVersionsResponse& answer) {
    Offered offered;
    for (const auto& api : answer.api_keys) {
        if (api.min_version < 0 || api.max_version < api.min_version) continue;
        offered[api.api_key] = {api.min_version, api.max_version};
    }
    BrokerVersions versions;
    versions.offered_ = std::make_shared<const Offered>(std::move(offered));
    return versions;
}

namespace {

std::map<ApiKey, VersionRange> offered_by(OldRelease release) {
    std::map<ApiKey, VersionRange> offered;
    for (const ApiKey key : {ApiKey::produce, ApiKey::fetch, ApiKey::list_offsets, ApiKey::metadata,
                             ApiKey::offset_commit, ApiKey::offset_fetch}) {
        offered[key] = {0, 0};
    }
    if (release == OldRelease::v0_8_1) return offered;
    offered[ApiKey::offset_commit] = {0, 1};
    offered[ApiKey::offset_fetch] = {0, 1};
    offered[ApiKey::find_coordinator] = {0, 0};
    if (release == OldRelease::v0_8_2) return offered;
    offered[ApiKey::offset_commit] = {0, 2};
    offered[ApiKey::produce] = {0, 1};
    offered[ApiKey::fetch] = {0, 1};
    for (const ApiKey key : {ApiKey::join_group, ApiKey::heartbeat, ApiKey::leave_group,
                             ApiKey::sync_group, ApiKey::describe_groups, ApiKey::list_groups}) {
        offered[key] = {0, 0};
    }
    return offered;
}

}  // namespace

BrokerVersions BrokerVersions::of(OldRelease release, std::string because) {
    BrokerVersions versions;
    if (!because.empty()) versions.because_ = std::make_shared<const std::string>(std::move(because));
    versions.old_release_ = release;
    versions.offered_ = std::make_shared<const Offered>(offered_by(release));
    return versions;
}

std::string BrokerVersions::taken_for() const {
    if (!old_release_) return {};
    std::string words = "is taken for one of " + std::string(name(*old_release_));
    if (because_) words += ", because " + *because_;
    return words;
}

std::optional<VersionRange> BrokerVersions::offered(ApiKey key) const {
    const auto found = offered_->find(key);
    if (found == offered_->end()) return std::nullopt;
    return found->second;
}

std::optional<std::int16_t> BrokerVersions::choose(ApiKey key, VersionRange ours) const {
    const auto theirs = offered(key);
    if (!theirs) return std::nullopt;
    const std::int16_t lowest = std::max(theirs->lowest, ours.lowest);
    const std::int16_t highest = std::min(theirs->highest, ours.highest);
    if (lowest > highest) return std::nullopt;
    return highest;
}

}  // namespace kwire
