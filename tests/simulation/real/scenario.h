// What can happen in a seed. Each kind can be switched off, so that a fault that is known does not hide the others.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string_view>

namespace kwire::seeds {

enum class Scenario : std::size_t {
    lost_answers,        ///< A ZooKeeper operation fails before or after it took effect, and the connection with it.
    late_answers,        ///< Requests to ZooKeeper and its answers take up to 2 s.
    expiry,              ///< A session ends; its member hears of it at once, or when it is connected again.
    disconnect,          ///< A member is cut off from ZooKeeper for a while, also beyond its session.
    unavailable,         ///< No new session can be opened for a while.
    factory_throws,      ///< Then the program's session factory throws anything.
    standstill,          ///< A member stands still for a while, also beyond its session.
    killed,              ///< A member never does anything again.
    owner_deleted,       ///< A tool deletes an owner node.
    owner_persistent,    ///< A tool leaves an owner node that belongs to no session.
    registration_deleted,
    fence_deleted,
    plan_deleted,
    plan_unreadable,     ///< A tool writes what is no plan.
    offsets_deleted,     ///< A tool deletes the offset of a partition.
    offset_unreadable,   ///< A tool writes what is no offset; it is put right later.
    group_deleted,       ///< A tool deletes everything below the group's node.
    acl,                 ///< ZooKeeper refuses all below one of the group's nodes for a while.
    unreadable,          ///< A node of the group cannot be read for a while.
    too_large,           ///< ZooKeeper drops the connection on every request of more than a few hundred bytes for a while.
    differing_views,     ///< Members see different numbers of partitions for a while.
    topic_grows,
    subscribe,           ///< A member changes its subscription.
    kafka_offsets,
    dual_offsets,
    own_store,           ///< A store of the program, which throws anything.
    static_members,      ///< group.instance.id; members come back under their name.
    older_process,       ///< A second process of a group.instance.id starts while the first one runs.
    slow_callbacks,
    throwing_callbacks,
    busy_callbacks,      ///< Callbacks flush, subscribe and close.
    slow_program,        ///< The program takes its time for a message, and acknowledges out of order.
    cancel_join,
    cancel_poll,
    cancel_close,        ///< The program does not wait for close any more.
    dropped,             ///< The program drops a group without closing it.
    coordinator,         ///< The group's coordinator loads, or has moved.
    leaders_move,
    broker_answers,      ///< Answers of brokers are lost, late, cut or garbage.
    brokers_stop,
    count_,
};

inline constexpr std::size_t scenario_count = static_cast<std::size_t>(Scenario::count_);
using Scenarios = std::bitset<scenario_count>;

inline constexpr std::array<std::string_view, scenario_count> scenario_names{
    "lost_answers", "late_answers", "expiry", "disconnect", "unavailable", "factory_throws", "standstill", "killed", "owner_deleted",
    "owner_persistent", "registration_deleted", "fence_deleted", "plan_deleted", "plan_unreadable", "offsets_deleted",
    "offset_unreadable", "group_deleted", "acl", "unreadable", "too_large", "differing_views", "topic_grows", "subscribe",
    "kafka_offsets", "dual_offsets", "own_store", "static_members", "older_process", "slow_callbacks",
    "throwing_callbacks", "busy_callbacks", "slow_program", "cancel_join", "cancel_poll", "cancel_close", "dropped",
    "coordinator", "leaders_move", "broker_answers", "brokers_stop"};

inline bool has(const Scenarios& scenarios, Scenario one) { return scenarios.test(static_cast<std::size_t>(one)); }

inline std::optional<Scenario> scenario_of(std::string_view name) {
    for (std::size_t i = 0; i < scenario_count; ++i) {
        if (scenario_names[i] == name) return static_cast<Scenario>(i);
    }
    return std::nullopt;
}

inline Scenarios all_scenarios() {
    Scenarios on;
    on.set();
    return on;
}

}  // namespace kwire::seeds
