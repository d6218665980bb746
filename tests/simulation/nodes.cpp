#include "nodes.h"

#include <utility>

namespace kwire::simulation {

using zk::Code;

zk::Code Nodes::register_member(SessionId session, const std::string& id, const MemberSubscription& subscription) {
    if (is_taken_over(session, id)) return Code::node_exists;
    const auto [node, created] = members_.try_emplace(id, Registration{session, subscription});
    if (!created) return node->second.session == session ? update_member(session, id, subscription) : Code::node_exists;
    fences_[{session, id}] = Fence::stands;
    if (on_members_changed) on_members_changed();
    return Code::ok;
}

zk::Code Nodes::update_member(SessionId session, const std::string& id, const MemberSubscription& subscription) {
    const auto node = members_.find(id);
    if (node == members_.end()) return Code::no_node;
    if (node->second.session != session) return Code::node_exists;
    node->second.subscription = subscription;
    if (on_member_changed) on_member_changed(id);
    return Code::ok;
}

zk::Code Nodes::take_over_member(SessionId session, const std::string& id, const MemberSubscription& subscription) {
    const auto node = members_.find(id);
    if (node == members_.end() || node->second.session == session || is_taken_over(session, id)) {
        return register_member(session, id, subscription);
    }
    fences_[{node->second.session, id}] = Fence::taken_over;
    fences_[{session, id}] = Fence::stands;
    node->second = {session, subscription};
    if (on_members_changed) on_members_changed();
    if (on_member_changed) on_member_changed(id);
    return Code::ok;
}

zk::Code Nodes::deregister_member(SessionId session, const std::string& id) {
    const auto node = members_.find(id);
    if (node == members_.end()) return Code::no_node;
    if (node->second.session != session) return Code::node_exists;
    members_.erase(node);
    fences_.erase({session, id});
    if (on_members_changed) on_members_changed();
    return Code::ok;
}

zk::Code Nodes::claim(SessionId session, const std::string& id, const TopicPartition& tp, const std::string& text) {
    if (!stands(session, id)) return Code::no_node;
    const auto [node, created] = owners_.try_emplace(tp, Owner{session, text});
    return node->second.session == session ? Code::ok : Code::node_exists;
}

zk::Code Nodes::claim_again(SessionId session, const std::string& id, const TopicPartition& tp,
                            const std::string& text) {
    const Code code = claim(session, id, tp, text);
    if (code != Code::node_exists || owners_.at(tp).text != text) return code;
    const auto older = fences_.find({owners_.at(tp).session, id});
    if (older == fences_.end()) return code;
    older->second = Fence::taken_over;
    owners_.at(tp) = {session, text};
    if (on_owner_gone) on_owner_gone(tp);
    return Code::ok;
}

zk::Code Nodes::release(SessionId session, const std::string& id, const TopicPartition& tp) {
    const auto node = owners_.find(tp);
    if (node == owners_.end()) return Code::no_node;
    if (node->second.session != session || is_taken_over(session, id)) return Code::node_exists;
    remove_owner(tp);
    return Code::ok;
}

void Nodes::remove_owner(const TopicPartition& tp) {
    const TopicPartition gone = tp;
    owners_.erase(gone);
    if (on_owner_gone) on_owner_gone(gone);
}

/// What a transaction's check asks: the fence of the registration, as this session made it.
bool Nodes::stands(SessionId session, const std::string& id) const {
    const auto fence = fences_.find({session, id});
    return fence != fences_.end() && fence->second == Fence::stands;
}

bool Nodes::is_taken_over(SessionId session, const std::string& id) const {
    const auto fence = fences_.find({session, id});
    return fence != fences_.end() && fence->second == Fence::taken_over;
}

Nodes::Versioned Nodes::write_plan(SessionId session, const std::string& id, OwnerPlan owners, std::int32_t version) {
    if (!stands(session, id)) return {Code::no_node};
    if (version < 0 && plan_version_ >= 0) return {Code::node_exists};
    if (version >= 0 && plan_version_ != version) return {Code::bad_version};
    plan_ = std::move(owners);
    ++plan_version_;
    if (on_plan_changed) on_plan_changed();
    return {Code::ok, plan_version_};
}

Nodes::Versioned Nodes::commit_offset(SessionId session, const std::string& id, const TopicPartition& tp,
                                      std::int64_t next, std::int32_t version) {
    if (!stands(session, id)) return {Code::no_node};
    const auto node = offsets_.find(tp);
    if (version < 0 && node != offsets_.end()) return {Code::node_exists};
    if (version >= 0 && (node == offsets_.end() || node->second.version != version)) return {Code::bad_version};
    offsets_[tp] = {next, version + 1};
    return {Code::ok, version + 1};
}

Nodes::Offset Nodes::offset(const TopicPartition& tp) const {
    const auto node = offsets_.find(tp);
    return node == offsets_.end() ? Offset{} : node->second;
}

void Nodes::end_session(SessionId session) {
    if (session == 0) return;
    std::vector<TopicPartition> gone;
    for (const auto& [tp, owner] : owners_) {
        if (owner.session == session) gone.push_back(tp);
    }
    for (const auto& tp : gone) remove_owner(tp);
    const auto erased = std::erase_if(members_, [&](const auto& node) { return node.second.session == session; });
    std::erase_if(fences_, [&](const auto& fence) { return fence.first.first == session; });
    if (erased > 0 && on_members_changed) on_members_changed();
}

}  // namespace kwire::simulation
