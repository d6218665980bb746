#include <gtest/gtest.h>

#include "stores/commit_answers.h"
#include "stores/kafka_requests.h"

namespace kwire {
namespace {

TEST(CommitAnswers, OfAMemberSayWhatBecomesOfIt) {
    EXPECT_EQ(commit_action(ErrorCode::none, true), CommitAction::stored);
    EXPECT_EQ(commit_action(ErrorCode::rebalance_in_progress, true), CommitAction::retry_with_new_epoch);
    EXPECT_EQ(commit_action(ErrorCode::stale_member_epoch, true), CommitAction::retry_with_new_epoch);
    EXPECT_EQ(commit_action(ErrorCode::illegal_generation, true), CommitAction::retry_after_heartbeat);
    EXPECT_EQ(commit_action(ErrorCode::unknown_member_id, true), CommitAction::member_lost);
    EXPECT_EQ(commit_action(ErrorCode::fenced_member_epoch, true), CommitAction::member_lost);
    EXPECT_EQ(commit_action(ErrorCode::fenced_instance_id, true), CommitAction::fenced);
}

TEST(CommitAnswers, OfASimpleCommitSayThatTheGroupHasMembers) {
    for (const ErrorCode code : {ErrorCode::rebalance_in_progress, ErrorCode::stale_member_epoch, ErrorCode::illegal_generation,
                                 ErrorCode::unknown_member_id, ErrorCode::fenced_instance_id}) {
        EXPECT_EQ(commit_action(code, false), CommitAction::group_has_members) << to_string(code);
        EXPECT_TRUE(group_has_members(Error(code, "refused", {.api = "OffsetCommit"}))) << to_string(code);
        EXPECT_FALSE(group_has_members(Error(code, "refused", {.api = "OffsetFetch"}))) << to_string(code);
    }
    EXPECT_FALSE(group_has_members(Error(ErrorCode::group_authorization_failed, "refused", {.api = "OffsetCommit"})));
    EXPECT_FALSE(group_has_members(Error(errc::connection_lost, "gone", {.api = "OffsetCommit"})));
}

TEST(CommitAnswers, WhatMayPassIsTriedAgainAndTheRestIsFinal) {
    for (const bool as_member : {false, true}) {
        for (const ErrorCode code : {ErrorCode::coordinator_load_in_progress, ErrorCode::request_timed_out,
                                     ErrorCode::unknown_topic_or_partition, ErrorCode::unstable_offset_commit}) {
            EXPECT_EQ(commit_action(code, as_member), CommitAction::retry) << to_string(code);
        }
        for (const ErrorCode code : {ErrorCode::not_coordinator, ErrorCode::coordinator_not_available}) {
            EXPECT_EQ(commit_action(code, as_member), CommitAction::find_coordinator) << to_string(code);
        }
        for (const ErrorCode code : {ErrorCode::group_authorization_failed, ErrorCode::offset_metadata_too_large,
                                     ErrorCode::invalid_commit_offset_size, ErrorCode::unknown_server_error}) {
            EXPECT_EQ(commit_action(code, as_member), CommitAction::refuse) << to_string(code);
        }
    }
}

TEST(CommitAnswers, NoErrorCodeOfAFetchIsTakenForNoOffset) {
    for (int code = -1; code < 130; ++code) {
        const auto what = advice(static_cast<ErrorCode>(code));
        EXPECT_EQ(what == CoordinatorAdvice::accept, code == 0) << code;
    }
    EXPECT_EQ(advice(ErrorCode::unstable_offset_commit), CoordinatorAdvice::wait);
    EXPECT_EQ(advice(ErrorCode::stale_member_epoch), CoordinatorAdvice::wait);
}

}  // namespace
}  // namespace kwire
