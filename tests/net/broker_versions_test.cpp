#include "connecting/broker_versions.h"

#include <gtest/gtest.h>

#include "scripted_broker.h"

namespace kwire {
namespace {

TEST(BrokerVersionsTest, ChoosesTheHighestThatBothKnow) {
    const auto versions = BrokerVersions::of(test::offering({{ApiKey::fetch, {4, 11}}}));
    EXPECT_EQ(versions.choose(ApiKey::fetch, {0, 18}), 11);
    EXPECT_EQ(versions.choose(ApiKey::fetch, {0, 7}), 7);
    EXPECT_EQ(versions.choose(ApiKey::fetch, {4, 4}), 4);
    EXPECT_EQ(versions.choose(ApiKey::fetch, {0, 3}), std::nullopt);
    EXPECT_EQ(versions.choose(ApiKey::fetch, {12, 18}), std::nullopt);
    EXPECT_EQ(versions.choose(ApiKey::produce, {0, 18}), std::nullopt);
    EXPECT_EQ(versions.old_release(), std::nullopt);
}

TEST(BrokerVersionsTest, DoesNotBelieveWhatCannotBe) {
    auto answer = test::offering({{ApiKey::metadata, {0, 12}}});
    answer.api_keys.push_back({ApiKey::fetch, 5, 3});
    answer.api_keys.push_back({ApiKey::produce, -1, 3});
    EXPECT_EQ(contradiction(answer), "");
    EXPECT_EQ(BrokerVersions::of(answer).offered(ApiKey::fetch), std::nullopt);
    EXPECT_EQ(BrokerVersions::of(answer).offered(ApiKey::produce), std::nullopt);
    answer.api_keys.push_back({ApiKey::metadata, 0, 12});
    EXPECT_EQ(contradiction(answer), "");
    answer.api_keys.push_back({ApiKey::metadata, 0, 7});
    EXPECT_NE(contradiction(answer).find("Metadata twice"), std::string::npos) << contradiction(answer);
}

TEST(BrokerVersionsTest, KnowsWhatOldReleasesSpeak) {
    const auto first = BrokerVersions::of(OldRelease::v0_8_1);
    EXPECT_EQ(first.offered(ApiKey::offset_commit), (VersionRange{0, 0}));
    EXPECT_EQ(first.offered(ApiKey::find_coordinator), std::nullopt);
    const auto second = BrokerVersions::of(OldRelease::v0_8_2);
    EXPECT_EQ(second.offered(ApiKey::offset_commit), (VersionRange{0, 1}));
    EXPECT_EQ(second.offered(ApiKey::find_coordinator), (VersionRange{0, 0}));
    EXPECT_EQ(second.offered(ApiKey::join_group), std::nullopt);
    const auto ninth = BrokerVersions::of(OldRelease::v0_9);
    EXPECT_EQ(ninth.offered(ApiKey::offset_commit), (VersionRange{0, 2}));
    EXPECT_EQ(ninth.offered(ApiKey::fetch), (VersionRange{0, 1}));
    EXPECT_EQ(ninth.offered(ApiKey::join_group), (VersionRange{0, 0}));
    EXPECT_EQ(ninth.offered(ApiKey::api_versions), std::nullopt);
}

}  // namespace
}  // namespace kwire
