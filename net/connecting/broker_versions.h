// What one broker speaks: the versions it offers for each API, and the tables for brokers that
// cannot say.
//
// Invariant: choose never gives a version outside what the broker offers.
// Source: KIP-35; for 0.8 and 0.9, which do not answer ApiVersions, the request classes of those
// releases.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/net/cluster.h>
#include <kwire/protocol/api_key.h>
#include <kwire/protocol/api_versions.h>
#include <kwire/protocol/version_range.h>

namespace kwire {

std::string_view name(OldRelease release);

/// What makes an answer contradict itself, in words; empty if nothing does.
std::string contradiction(const protocol::ApiVersionsResponse& answer);

class BrokerVersions {
 public:
    /// An API that is given impossible versions counts as not offered.
    static BrokerVersions of(const protocol::ApiVersionsResponse& answer);
    /// because: how that is known, to be told in errors ("it closed ...").
    static BrokerVersions of(OldRelease release, std::string because = {});

    /// What the broker offers of key; nothing if it does not know that API.
    std::optional<VersionRange> offered(ApiKey key) const;

    /// The highest version of key that lies in both ours and what is offered; nothing if there is
    /// none.
    std::optional<std::int16_t> choose(ApiKey key, VersionRange ours) const;

    /// The release that the broker is taken for, where it does not say what it speaks.
    std::optional<OldRelease> old_release() const { return old_release_; }
    /// "is taken for one of 0.9, because ..."; empty without old_release.
    std::string taken_for() const;

    const std::map<ApiKey, VersionRange>& all() const { return *offered_; }

 private:
    using Offered = std::map<ApiKey, VersionRange>;

    // Shared: copies travel with every call, and a broker offers sixty of them.
    std::shared_ptr<const Offered> offered_ = std::make_shared<const Offered>();
    std::optional<OldRelease> old_release_;
    std::shared_ptr<const std::string> because_;
};

}  // namespace kwire
