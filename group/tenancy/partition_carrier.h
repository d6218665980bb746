// Carries out what the state machine orders of partitions: starts, stops, finalizes and loses them, and tells the program.
//
// Invariants: nothing of a partition is handed out before on_assigned has returned; when a cursor is retired, marks are
// refused before the last one is read and committed, so that none is accepted and then dropped.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/net/consumer.h>
#include <kwire/offsets/offset_manager.h>

#include "clients.h"
#include "committer.h"
#include "engine.h"
#include "tenancy/topic_history.h"

namespace kwire {

class PartitionCarrier {
 public:
    PartitionCarrier(Engine& engine, Committer& committer);
    void use(const Clients& clients);

    void carry_out(const action::Assigned& a);
    void carry_out(const action::Start& a);
    void carry_out(const action::CancelStart& a);
    void carry_out(const action::Revoked& a);
    void carry_out(const action::Stop& a);
    void carry_out(const action::Finalize& a);
    void carry_out(const action::Lost& a);
    void carry_out(const action::SuspendReading& a);
    void carry_out(const action::ResumeReading& a);

    /// The topic of tp was deleted and made anew.
    void begin_anew(const TopicPartition& tp);
    void note_missing(const std::string& topic) { history_.note_missing(topic); }
    /// Everything the program has acknowledged, to the store.
    void pass_on_marks();
    void each_read(const std::function<void(const TopicPartition&)>& visit) const;

    /// Why the last try to start tp failed; null if it did not.
    const Error* why_not_started(const TopicPartition& tp) const;
    const std::vector<CloseReport::Uncommitted>& uncommitted() const { return uncommitted_; }

 private:
    /// A partition from Start on.
    struct Held {
        SpanId id = 0;
        TopicPartition tp;
        std::shared_ptr<PartitionCursor> cursor;  // null until it is started
        std::uint32_t restarts = 0;               // of the cursor, as far as the store was told
        bool over = false;                        // cancelled, lost or finalized
    };
    using HeldPtr = std::shared_ptr<Held>;
    using Self = std::shared_ptr<PartitionCarrier>;

    static Task<void> start(Self self, HeldPtr held);
    static Task<void> find_position_and_assign(Self self, HeldPtr held);
    static Task<std::optional<StartOffset>> find_position(Self self, HeldPtr held);
    static Task<std::int64_t> store_end_of_log(Self self, TopicPartition tp);
    static Task<void> finalize(Self self, HeldPtr held, action::Finalize a);
    void end_of_assigned(const std::vector<TopicPartition>& partitions);
    std::function<void()> progress_of(SpanId id);
    void check_drained(SpanId id);
    void pass_on_mark(Held& held);
    void lose(const action::LostSpan& lost);
    void note_uncommitted(const Held& held, std::string reason);
    void tell_suspension(bool suspended);

    Engine& engine_;
    Committer& committer_;
    TopicHistory history_;
    Clients clients_;
    std::map<SpanId, HeldPtr> held_;
    std::map<TopicPartition, Error> not_started_;
    std::set<TopicPartition> starting_;  // starts that have not ended, also cancelled ones
    std::map<TopicPartition, int> being_announced_;  // to how many on_assigned that have not returned
    bool suspended_ = false;
    bool suspension_told_ = false;     // what the program was told last
    bool suspension_waits_ = false;    // a callback that is to tell it
    std::vector<CloseReport::Uncommitted> uncommitted_;
};

}  // namespace kwire
