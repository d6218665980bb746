// The events that the state machine of membership handles, and the actions that it orders. See membership.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <kwire/group/assignment.h>
#include <kwire/net/runtime.h>
#include <kwire/protocol/topic_partition.h>
#include <kwire/zk/session.h>

namespace kwire {

/// One try to own and read one partition, from the first claim until it is let go. Never used again.
using SpanId = std::uint64_t;
/// Counts the ZooKeeper sessions of one member. Answers of an older one are ignored.
using SessionNumber = std::uint64_t;

namespace event {

struct SessionOpened {
    SessionNumber session;
    std::string member_id;
};
struct SessionOpenFailed {
    SessionNumber session;
};
struct SessionSuspended {};
struct SessionResumed {};
struct SessionExpired {};
struct Registered {
    SessionNumber session;
    zk::Code code;
};
struct RegistrationUpdated {
    SessionNumber session;
    zk::Code code;
};
/// Another process took over our id, for it was given the same group.instance.id.
struct Fenced {};
/// What this member reads from now on.
struct SubscriptionChanged {
    MemberSubscription subscription;
};
struct MembersChanged {
    SessionNumber session;
};
struct MembersRead {
    SessionNumber session;
    std::optional<std::vector<GroupMember>> members;  ///< Absent: they could not be read.
};
struct TopicsListed {
    SessionNumber session;
    std::optional<std::vector<std::string>> topics;  ///< Absent: they could not be read.
};
struct TopicsChanged {
    SessionNumber session;
};
struct TopicChanged {
    SessionNumber session;
    std::string topic;
};
struct TopicRead {
    /// failed: not now, the session's own events say why. unreadable: who should answer does not, or what it says makes
    /// no sense; nothing may wait for this topic.
    enum class Outcome { found, missing, failed, unreadable };
    SessionNumber session;
    std::string topic;
    Outcome outcome;
    std::vector<PartitionLeader> partitions;
};
struct PlanRead {
    /// Why a node that was read holds no plan. garbled: it is no plan of the version that we write, so it may be
    /// replaced, after a report. unknown_version: a newer kwire wrote it; it is never replaced, and nothing is decided
    /// by it.
    enum class Trouble { none, garbled, unknown_version };
    SessionNumber session;
    std::optional<OwnerPlan> plan;  ///< Absent: see trouble; if that is none, it could not be read now.
    std::int32_t version = -1;      ///< Of the node, whatever it holds; -1: there is none yet.
    Trouble trouble = Trouble::none;
    std::string problem = {};       ///< What is wrong with the content, as `is of version 7`; with trouble only.
};
struct PlanChanged {
    SessionNumber session;
};
struct PlanWritten {
    SessionNumber session;
    zk::Code code;  ///< As zk::Registry::write_plan.
    std::int32_t version = -1;
};
/// Which partitions of topic have an owner, whoever it is.
struct OwnersListed {
    SessionNumber session;
    std::string topic;
    std::optional<std::vector<std::int32_t>> partitions;  ///< Absent: they could not be read.
};
struct ClaimAnswered {
    SpanId span;
    zk::Code code;  ///< As zk::Registry::claim.
};
/// The node of an owner that stood in the way is gone, or was gone when it was looked for.
struct OwnerGone {
    SpanId span;
};
struct OwnerUnreadable {
    SpanId span;
};
/// The node that stands in the way is persistent: no session's end removes it. Its watch stays set.
struct OwnerPersistent {
    SpanId span;
};
/// Our own owner node of a running claim was looked at: after WatchClaim, and each time its watch fired.
struct ClaimSeen {
    /// gone: there is no node. foreign: it belongs to another session, or is persistent. unreadable: nothing is known,
    /// and no watch is set.
    enum class State { ours, gone, foreign, unreadable };
    SpanId span;
    State state;
};
struct Started {
    SpanId span;
};
/// The start failed, or was given up after CancelStart. Nothing was handed out.
struct NotStarted {
    SpanId span;
};
/// All that was handed out is processed.
struct Drained {
    SpanId span;
};
/// on_revoked has returned for these.
struct RevokeReturned {
    std::vector<SpanId> spans;
};
/// Retired and committed, as far as that was possible.
struct Finalized {
    SpanId span;
};
struct Released {
    SpanId span;
    zk::Code code;
};
struct Deregistered {
    SessionNumber session;
    zk::Code code;
};
struct CloseRequested {
    std::optional<Duration> drain = {};  ///< In place of processing_timeout.
};
/// The time of Membership::next_timer() came.
struct Tick {};

}  // namespace event

using MembershipEvent =
    std::variant<event::SessionOpened, event::SessionOpenFailed, event::SessionSuspended, event::SessionResumed,
                 event::SessionExpired, event::Registered, event::RegistrationUpdated, event::Fenced,
                 event::SubscriptionChanged, event::TopicsListed, event::TopicsChanged, event::PlanRead,
                 event::PlanChanged, event::PlanWritten, event::MembersChanged, event::MembersRead,
                 event::TopicChanged, event::TopicRead, event::OwnersListed, event::ClaimAnswered, event::OwnerGone,
                 event::OwnerUnreadable, event::OwnerPersistent, event::ClaimSeen, event::Started, event::NotStarted,
                 event::Drained, event::RevokeReturned, event::Finalized, event::Released, event::Deregistered,
                 event::CloseRequested, event::Tick>;

namespace action {

/// Answered by SessionOpened or SessionOpenFailed.
struct OpenSession {
    SessionNumber session;
};
/// Answered by Registered, or by Fenced. first: no registration of this member has stood yet. Only then may a member
/// with a static id take the id over from another process; later another session's node means that we are fenced.
struct Register {
    SessionNumber session;
    MemberSubscription subscription;
    bool first = true;
};
/// Our registration is to say what we read now. Answered by RegistrationUpdated.
struct UpdateRegistration {
    SessionNumber session;
    MemberSubscription subscription;
};
/// Which rule `automatic` comes to, and whether there are members who will never agree with it. No answer.
struct RuleChosen {
    Assignment rule;
    bool kinds_disagree;
};
/// The names of all topics. Answered by TopicsListed; TopicsChanged follows when one comes or goes.
struct ListTopics {
    SessionNumber session;
};
/// Answered by PlanRead; PlanChanged follows when it is written.
struct ReadPlan {
    SessionNumber session;
};
/// Answered by PlanWritten.
struct WritePlan {
    SessionNumber session;
    OwnerPlan plan;
    std::int32_t version;  ///< The one it takes the place of.
};
/// Answered by MembersRead; MembersChanged follows when what was read changes.
struct ReadMembers {
    SessionNumber session;
};
/// Answered by TopicRead; TopicChanged follows when the topic appears, goes or grows.
struct ReadTopic {
    SessionNumber session;
    std::string topic;
    bool with_leaders;  ///< False: who leads the partitions is of no interest.
};
/// Answered by OwnersListed.
struct ListOwners {
    SessionNumber session;
    std::string topic;
};
struct ReportMissingTopic {
    std::string topic;
};
/// Answered by ClaimAnswered.
struct Claim {
    SpanId span;
    TopicPartition tp;
    std::string owner_text;
};
/// Somebody else's node is in the way. Answered by OwnerGone, at some time, by OwnerUnreadable, or by OwnerPersistent
/// (and then OwnerGone at some time). May be ordered again for the same span.
struct WatchOwner {
    SpanId span;
    TopicPartition tp;
};
/// Keep a watch on our own owner node and look at it now. Answered by ClaimSeen each time the node was looked at, until
/// the span is released or lost. May be ordered again for the same span: look again.
struct WatchClaim {
    SpanId span;
    TopicPartition tp;
};
/// The owner node of tp is persistent and no session made it: it blocks the partition until somebody deletes it. No
/// answer.
struct ReportBlocked {
    TopicPartition tp;
};
/// The plan's node holds no plan that we can read; see event::PlanRead. Ordered once for each content. No answer.
struct ReportPlan {
    event::PlanRead::Trouble trouble;
    std::int32_t version;  ///< Of the node.
    std::string problem;
};
/// Members see different numbers of partitions of topic, and have for a while. No answer.
struct ReportDisagreement {
    std::string topic;
    std::int32_t seen;     ///< How many partitions this member sees.
    std::int32_t planned;  ///< How many the plan has, which is what others saw.
};
/// These were claimed and are about to be read.
struct Assigned {
    std::vector<TopicPartition> partitions;
};
/// Find the position and read from there, once on_assigned has returned for it. Answered by Started or NotStarted.
struct Start {
    SpanId span;
    TopicPartition tp;
};
/// A Start that is under way is no longer wanted. Answered by NotStarted, or by Started if that was on its way.
struct CancelStart {
    SpanId span;
};
/// These are about to stop; they are still owned. Answered by RevokeReturned.
struct Revoked {
    std::vector<SpanId> spans;
    std::vector<TopicPartition> partitions;
};
/// Hand out nothing more. Answered by Drained.
struct Stop {
    SpanId span;
};
/// Refuse marks from now on and commit those there are, until deadline. Answered by Finalized.
struct Finalize {
    SpanId span;
    bool drained;  ///< False: the time for it was up.
    TimePoint deadline;
};
/// Answered by Released.
struct Release {
    SpanId span;
    TopicPartition tp;
    bool claim_unknown;  ///< Of a claim, or release, before it the outcome is not known.
};
struct LostSpan {
    SpanId span;
    TopicPartition tp;
    bool announced;  ///< on_assigned was called for it, and on_revoked was not.
};
/// These belong to another member by now, or soon will: stop at once, drop what is buffered, commit nothing. No answer.
struct Lost {
    std::vector<LostSpan> spans;
};
struct SuspendReading {};
struct ResumeReading {};
/// Answered by Deregistered.
struct Deregister {
    SessionNumber session;
};
/// The end. clean is false if the time to leave was up before everything was released. static_member: the session is to
/// be left to its timeout, for this member may be back before.
struct Closed {
    bool clean;
    bool static_member = false;
};

}  // namespace action

using MembershipAction =
    std::variant<action::OpenSession, action::Register, action::UpdateRegistration, action::RuleChosen,
                 action::ListTopics, action::ReadPlan, action::WritePlan, action::ReadMembers, action::ReadTopic,
                 action::ListOwners, action::ReportMissingTopic, action::ReportPlan, action::ReportDisagreement,
                 action::ReportBlocked, action::Claim, action::WatchOwner, action::WatchClaim, action::Assigned,
                 action::Start, action::CancelStart, action::Revoked, action::Stop,
                 action::Finalize, action::Release, action::Lost, action::SuspendReading,
                 action::ResumeReading, action::Deregister, action::Closed>;

/// The operation may have taken effect though it failed.
inline bool outcome_unknown(zk::Code code) {
    return code == zk::Code::connection_loss || code == zk::Code::operation_timeout;
}

}  // namespace kwire
