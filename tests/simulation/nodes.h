// A model of what a group keeps in ZooKeeper: registrations, owners, the plan, offsets; with the answers that
// zk::Registry gives. tests/real/simulation_model_test.cpp holds it against the registry on a real server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <kwire/group/assignment.h>
#include <kwire/zk/session.h>

namespace kwire::simulation {

using SessionId = std::uint64_t;

class Nodes {
 public:
    struct Registration {
        SessionId session = 0;
        MemberSubscription subscription;
    };
    struct Owner {
        SessionId session = 0;
        std::string text;
    };
    struct Offset {
        std::int64_t next = -1;
        std::int32_t version = -1;
    };
    struct Versioned {
        zk::Code code = zk::Code::ok;
        std::int32_t version = -1;
    };

    zk::Code register_member(SessionId session, const std::string& id, const MemberSubscription& subscription);
    zk::Code update_member(SessionId session, const std::string& id, const MemberSubscription& subscription);
    zk::Code take_over_member(SessionId session, const std::string& id, const MemberSubscription& subscription);
    zk::Code deregister_member(SessionId session, const std::string& id);
    zk::Code claim(SessionId session, const std::string& id, const TopicPartition& tp, const std::string& text);
    zk::Code claim_again(SessionId session, const std::string& id, const TopicPartition& tp, const std::string& text);
    zk::Code release(SessionId session, const std::string& id, const TopicPartition& tp);
    Versioned write_plan(SessionId session, const std::string& id, OwnerPlan owners, std::int32_t version);
    Versioned commit_offset(SessionId session, const std::string& id, const TopicPartition& tp, std::int64_t next,
                            std::int32_t version);
    Offset offset(const TopicPartition& tp) const;
    void end_session(SessionId session);

    const std::map<std::string, Registration>& members() const { return members_; }
    const std::map<TopicPartition, Owner>& owners() const { return owners_; }
    const OwnerPlan& plan() const { return plan_; }
    std::int32_t plan_version() const { return plan_version_; }

    // ---- called as things change; may be empty
    std::function<void()> on_members_changed;       // one came or went
    std::function<void(const std::string&)> on_member_changed;  // what it says changed
    std::function<void(const TopicPartition&)> on_owner_gone;
    std::function<void()> on_plan_changed;

 private:
    bool stands(SessionId session, const std::string& id) const;
    bool is_taken_over(SessionId session, const std::string& id) const;
    void remove_owner(const TopicPartition& tp);

    std::map<std::string, Registration> members_;
    enum class Fence { stands, taken_over };
    std::map<std::pair<SessionId, std::string>, Fence> fences_;
    std::map<TopicPartition, Owner> owners_;
    std::map<TopicPartition, Offset> offsets_;
    OwnerPlan plan_;
    std::int32_t plan_version_ = -1;
};

}  // namespace kwire::simulation
