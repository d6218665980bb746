#include "group_health.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kwire::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Health : public ::testing::Test {
 protected:
    Health() {
        snapshot.group = "g";
        snapshot.topics["t"] = {0, 1};
        snapshot.members = {member("kwire:web1:7:0a0b0c0d", 11)};
        for (int p = 0; p < 2; ++p) {
            snapshot.owners[{"t", p}] = {"kwire:web1:7:0a0b0c0d", stat(11)};
            snapshot.offsets[{"t", p}] = 5;
            snapshot.log_starts[{"t", p}] = 0;
            snapshot.log_ends[{"t", p}] = 9;
        }
    }
    static zk::Stat stat(std::int64_t session) {
        zk::Stat stat;
        stat.ephemeral_owner = session;
        return stat;
    }
    static zk::Member member(const std::string& id, std::int64_t session) {
        zk::Registration registration;
        registration.subscription["t"] = 1;
        return {id, registration, {}, stat(session)};
    }
    GroupSnapshot snapshot;
};

TEST_F(Health, AWellGroupHasNoProblems) { EXPECT_THAT(problems_of(snapshot), IsEmpty()); }

TEST_F(Health, FindsPartitionsWithoutAnOwner) {
    snapshot.owners.erase({"t", 1});
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("t/1 has no owner")));
    snapshot.members.clear();
    snapshot.owners.clear();
    EXPECT_THAT(problems_of(snapshot), IsEmpty()) << "nobody is there to own anything";
}

TEST_F(Health, FindsClaimsOfSessionsThatAreGone) {
    snapshot.owners[{"t", 0}].stat.ephemeral_owner = 99;
    snapshot.owners[{"t", 1}].stat.ephemeral_owner = 0;
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("no registered member"), HasSubstr("not ephemeral")));
}

TEST_F(Health, FindsMembersThatNeverAgree) {
    snapshot.members.push_back(member("web2:3e5d8a52-6a2a-4a4e-9c0f-1f6f4f1b2c3d", 12));
    snapshot.members.push_back(member("g_web3-1447700000000-3e5d8a52", 13));
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("mixed")));
    snapshot.members.resize(1);
    snapshot.members.push_back(member("a", 14));
    snapshot.members.push_back(member("b", 15));
    snapshot.members[1].registration->rule = "java-range";
    snapshot.members[2].registration->rule = "balanced";
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("balanced, java-range")));
}

TEST_F(Health, FindsWhatCannotBeRead) {
    snapshot.members.push_back({"x", std::nullopt, "is not JSON: {", stat(12)});
    snapshot.unreadable = {{"/consumers/g/ids/x", "is not JSON: {"}, {"/consumers/g/offsets/t/1", "is not an offset: q"}};
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("member x is not JSON"), HasSubstr("not an offset")));
}

TEST_F(Health, FindsOffsetsOutsideTheLogAndMissingTopics) {
    snapshot.offsets[{"t", 0}] = 10;
    snapshot.log_starts[{"t", 1}] = 8;
    snapshot.members[0].registration->subscription["gone"] = 1;
    EXPECT_THAT(problems_of(snapshot),
                ElementsAre(HasSubstr("gone does not exist"), HasSubstr("beyond the log's end at 9"),
                            HasSubstr("3 messages were deleted unread")));
}

TEST_F(Health, TellsWhereAMemberRuns) {
    EXPECT_EQ(host_of(member("web2:3e5d8a52-6a2a-4a4e-9c0f-1f6f4f1b2c3d", 1), "g"), "web2");
    EXPECT_EQ(host_of(member("g_my-host-1447700000000-3e5d8a52", 1), "g"), "my-host");
    EXPECT_EQ(client_of(member("g_my-host-1447700000000-3e5d8a52", 1), "g"), "Java");
    EXPECT_EQ(client_of(member("web2:3e5d8a52-6a2a-4a4e-9c0f-1f6f4f1b2c3d", 1), "g"), "Go");
    auto named = member("first", 1);
    named.registration->client = "kwire 0.1.0";
    named.registration->host = "web4:17";
    EXPECT_EQ(host_of(named, "g"), "web4:17");
    EXPECT_EQ(client_of(named, "g"), "kwire 0.1.0");
}

TEST_F(Health, TellsATopicThatIsRefusedFromOneThatIsNotThere) {
    snapshot.members.front().registration->subscription["denied"] = 1;
    snapshot.members.front().registration->subscription["gone"] = 1;
    snapshot.refused["denied"] = "access is denied";
    EXPECT_THAT(problems_of(snapshot), ElementsAre(HasSubstr("cannot be looked at: access is denied"),
                                                   HasSubstr("the topic gone does not exist")));
}

TEST_F(Health, ReportsWhatCouldNotBeFoundOut) {
    snapshot.unreadable.push_back({"/consumers/g/offsets/t/1", "holds `x`, which is not an offset"});
    snapshot.unknown.push_back("the log's end of t/0 is not known: refused");
    EXPECT_THAT(problems_of(snapshot), ElementsAre("/consumers/g/offsets/t/1 holds `x`, which is not an offset",
                                                   "the log's end of t/0 is not known: refused"));
}

}  // namespace
}  // namespace kwire::tools
