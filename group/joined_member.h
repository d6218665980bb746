// Carries out what Membership decides: the one place of the group folder that touches ZooKeeper, the brokers and time.
//
// How it works: whatever happens becomes an event (post); the state machine answers with actions, which are carried out in
// their order, the long ones as coroutines whose end is an event again. Nothing is decided here.
// Threads: the strand, but for what says "any thread".
// Lifetimes: coroutines hold it; it ends when close() has run to its end.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/group/consumer_group.h>
#include <kwire/zk/registry.h>

#include "callback_queue.h"
#include "error_log.h"
#include "membership.h"
#include "topic_source.h"

namespace kwire {

class JoinedMember : public std::enable_shared_from_this<JoinedMember> {
 public:
    struct Settings {
        std::string group;
        MemberSubscription subscription;
        GroupConfig config;  ///< With a runtime and a session factory.
    };

    explicit JoinedMember(Settings settings);

    /// Connects and returns once the registration stands. Where it throws, nothing is left running.
    static Task<void> join(std::shared_ptr<JoinedMember> self);
    static Task<CloseReport> close(std::shared_ptr<JoinedMember> self,
                                   std::optional<std::chrono::milliseconds> drain);
    static Task<void> flush(std::shared_ptr<JoinedMember> self);
    static Task<bool> instance_registered(std::shared_ptr<JoinedMember> self);
    static Task<ReadingState> reading(std::shared_ptr<JoinedMember> self);
    void subscribe(MemberSubscription subscription);  ///< Any thread; takes effect soon.

    // ---- any thread
    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    const std::shared_ptr<Consumer>& consumer() const { return consumer_; }
    const std::string& group() const { return settings_.group; }
    std::string member_id() const;
    std::vector<TopicPartition> owned() const;
    /// Nothing more is handed out: close was asked for, or the member was put out of its group.
    bool closing() const { return close_called() || over_.load(std::memory_order_acquire); }
    bool close_called() const { return closing_.load(std::memory_order_acquire); }
    bool inside_callback() const { return callbacks_->inside(); }
    ErrorLog& errors() { return errors_; }

 private:
    using Self = std::shared_ptr<JoinedMember>;
    using Weak = std::weak_ptr<JoinedMember>;

    /// A partition from Start on.
    struct Span {
        SpanId id = 0;
        TopicPartition tp;
        std::shared_ptr<PartitionCursor> cursor;  ///< Null until it is started.
        std::uint32_t restarts = 0;               ///< Of the cursor, that the store was told of.
        bool over = false;                        ///< Cancelled, lost or finalized.
    };
    using SpanPtr = std::shared_ptr<Span>;

    // joined_member.cpp: joining, events, sessions, leaving
    static Task<void> set_up(Self self);
    static Task<void> tear_down(Self self);
    static Task<void> open_session(Self self, SessionNumber number);
    static Task<void> register_member(Self self, SessionNumber number, MemberSubscription subscription);
    static Task<void> update_registration(Self self, SessionNumber number, MemberSubscription subscription);
    static Task<zk::Code> enter(Self self, zk::Registration registration);
    zk::Registration registration_for(const MemberSubscription& subscription) const;
    static Task<void> deregister(Self self, SessionNumber number);
    static Task<void> run_timer(Self self);
    static Task<void> run_commits(Self self);
    static Task<void> run_proofs(Self self);
    static Task<TimePoint> proven_until(std::shared_ptr<zk::Session> session);
    void trust_until(TimePoint until);
    void stop_trusting_in_time();
    bool trusted() const { return session_live_ && runtime_->now() < trusted_until_; }
    Error not_trusted() const;
    static Task<void> reset_offsets(Self self);
    static Task<void> end_session(std::shared_ptr<zk::Session> session, TimePoint deadline);
    static Task<void> close_session(std::shared_ptr<zk::Session> session, std::shared_ptr<Event> ended,
                                    std::shared_ptr<bool> done);
    void create_clients(std::vector<BrokerEndpoint> brokers);
    void adopt_session(std::shared_ptr<zk::Session> session, SessionNumber number, TimePoint proven);
    void on_session_state(SessionNumber number, zk::SessionState state);
    void post(MembershipEvent event);
    void publish();
    void publish_soon();
    bool is_published() const;

    // member_reads.cpp: what the others see too
    static Task<void> read_members(Self self, SessionNumber number);
    static Task<void> read_topic(Self self, action::ReadTopic a);
    static Task<void> list_topics(Self self, SessionNumber number);
    static Task<void> read_plan(Self self, SessionNumber number);
    static Task<void> write_plan(Self self, action::WritePlan a);
    zk::Watch plan_watch(SessionNumber number);
    static Task<void> list_owners(Self self, SessionNumber number, std::string topic);
    Task<std::vector<BrokerEndpoint>> list_brokers();
    static Task<void> read_brokers(Self self, SessionNumber number);
    static Task<std::optional<GroupMember>> read_member(Self self, SessionNumber number, std::string id);
    zk::Watch members_watch(SessionNumber number, std::string id);
    void report_warnings();
    static Error unreadable(const zk::Warning& warning);
    void fence();

    // member_reading.cpp: how far reading has come
    static Task<void> add_gap(Self self, Membership::Gap gap, std::vector<ReadingState::Obstacle>& into);
    static Task<void> add_unclaimed(Self self, std::vector<ReadingState::Obstacle>& into);
    void add_reading(const TopicPartition& tp, ReadingState& state) const;
    std::string why_not_begun(const TopicPartition& tp) const;

    // member_spans.cpp: partitions
    static Task<void> claim(Self self, action::Claim a);
    static Task<void> watch_owner(Self self, action::WatchOwner a);
    static Task<void> release(Self self, action::Release a);
    static Task<void> start(Self self, SpanPtr span);
    static Task<void> find_position_and_assign(Self self, SpanPtr span);
    static Task<std::int64_t> store_end_of_log(Self self, TopicPartition tp);
    static Task<void> finalize(Self self, SpanPtr span, bool drained, TimePoint deadline);
    static Task<std::vector<CommitFailure>> commit(Self self);
    void check_drained(SpanId id);
    void sweep_marks();
    void pass_on_mark(Span& span);

    // member_topics.cpp: topics that are made anew
    /// The topic of tp is another one than what was committed of it belongs to.
    void begin_anew(const TopicPartition& tp);
    /// True if what is stored of tp may be of a topic that was deleted since.
    static Task<bool> is_another_topic(Self self, TopicPartition tp);
    bool note_topic_id(const std::string& topic, const Uuid& id);
    void lose(const action::LostSpan& lost);
    void note_uncommitted(const Span& span, std::string reason);

    void carry_out(const action::OpenSession& a);
    void carry_out(const action::Register& a);
    void carry_out(const action::UpdateRegistration& a);
    void carry_out(const action::RuleChosen& a);
    void carry_out(const action::ListTopics& a);
    void carry_out(const action::ReadPlan& a);
    void carry_out(const action::WritePlan& a);
    void carry_out(const action::ReadMembers& a);
    void carry_out(const action::ReadTopic& a);
    void carry_out(const action::ListOwners& a);
    void carry_out(const action::ReportMissingTopic& a);
    void carry_out(const action::ReportPlan& a);
    void carry_out(const action::ReportDisagreement& a);
    void carry_out(const action::ReportBlocked& a);
    void carry_out(const action::WatchClaim& a);
    void carry_out(const action::Claim& a);
    void carry_out(const action::WatchOwner& a);
    void carry_out(const action::Assigned& a);
    void carry_out(const action::Start& a);
    void carry_out(const action::CancelStart& a);
    void carry_out(const action::Revoked& a);
    void carry_out(const action::Stop& a);
    void carry_out(const action::Finalize& a);
    void carry_out(const action::Release& a);
    void carry_out(const action::Lost& a);
    void carry_out(const action::SuspendReading& a);
    void carry_out(const action::ResumeReading& a);
    void carry_out(const action::Deregister& a);
    void carry_out(const action::Closed& a);

    void listen_to_callbacks();
    void report_abandoned_callbacks();
    void report(const Error& error);
    void log(LogLevel level, const std::string& text);
    void call_back(const char* name, const std::function<void()>& callback);
    void call_back(const char* name, const std::function<void(const std::vector<TopicPartition>&)>& callback,
                   const std::vector<TopicPartition>& partitions, CallbackQueue::Call returned = {});
    void tell_committed();

    const Settings settings_;
    const std::shared_ptr<Runtime> runtime_;
    Membership membership_;
    std::shared_ptr<CallbackQueue> callbacks_;
    std::deque<MembershipEvent> events_;
    bool handling_ = false;

    std::shared_ptr<zk::Registry> registry_;  // of the newest session
    std::shared_ptr<void> session_listener_;
    SessionNumber session_ = 0;
    bool session_connected_ = false;
    bool session_live_ = false;   // as the state machine knows it: connected, and proven to stand
    TimePoint trusted_until_{};   // see run_proofs
    std::shared_ptr<Lease> lease_;  // of the newest session: trusted_until_, for the stores
    SessionNumber offsets_session_ = 0;  // which one the store was given
    std::string id_;  // of the newest session
    std::map<std::string, GroupMember> peers_;  // registrations that were read, by id

    std::shared_ptr<Cluster> cluster_;
    std::shared_ptr<Consumer> consumer_;
    std::shared_ptr<OffsetManager> offsets_;
    std::shared_ptr<TopicSource> topics_;
    bool brokers_from_zookeeper_ = false;
    bool brokers_unwatched_ = false;  // reading them failed, and left no watch

    std::map<SpanId, SpanPtr> spans_;
    std::map<TopicPartition, Error> not_begun_;  // why the last try to start it failed
    std::set<TopicPartition> starting_;  // starts that have not ended, also cancelled ones
    std::set<TopicPartition> announced_;
    std::map<TopicPartition, int> being_announced_;  // to how many on_assigned that have not returned
    bool committing_ = false;
    std::map<TopicPartition, std::int64_t> committed_told_;
    std::map<TopicPartition, std::int64_t> committed_news_;  // of which on_committed is to tell
    std::vector<TopicPartition> recreated_news_;             // of which on_topic_recreated is to tell
    /// What partitions were started under.
    struct KnownTopic {
        Uuid id{};          // zero: the brokers have none
        bool gone = false;  // it did not exist once since then
        TimePoint looked_at{};
        std::optional<TimePoint> made_anew_at;
        std::set<std::int32_t> begun_anew;  // partitions, since then
    };
    std::map<std::string, KnownTopic> known_topics_;
    std::size_t errors_waiting_ = 0;  // for on_error

    Timer timer_;
    Timer commit_timer_;
    Timer proof_timer_;
    std::optional<TimePoint> timer_at_;
    Event changed_;  // anything that a waiting coroutine here may be waiting for
    std::optional<Error> join_failure_;
    bool ended_ = false;

    std::atomic<bool> closing_{false};
    std::atomic<bool> over_{false};
    bool keeps_place_ = false;  // the session is to outlive us
    CloseReport close_report_;
    ErrorLog errors_;
    bool publishing_ = false;  // posted
    std::uint64_t published_version_ = 0;  // of what the machine owns
    mutable std::mutex published_mutex_;
    std::string published_id_;
    std::vector<TopicPartition> published_owned_;
};

}  // namespace kwire
