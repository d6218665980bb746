#include "faults.h"

#include <stdexcept>
#include <string>
#include <thread>

namespace kwire::faults {
namespace {

using namespace std::chrono_literals;

constexpr Promised nothing_twice{};
constexpr Promised some_twice{.no_duplicates = false};
constexpr Promised another_log{.no_duplicates = false, .one_log = false};

void wait(std::chrono::milliseconds duration) {
    std::this_thread::sleep_for(duration);
}

void await_event(Member& member, const std::string& what, std::size_t times) {
    if (real::await([&] { return member.count(what) >= times; }, 30s)) return;
    throw std::runtime_error("no member tells " + what);
}

void kill_for(Scene& scene, const std::vector<std::string>& servers, std::chrono::milliseconds duration) {
    for (const auto& server : servers) scene.cluster().signal(server, "KILL");
    wait(duration);
    for (const auto& server : servers) scene.cluster().restart(server);
}

void stop_for(Scene& scene, const std::string& server, std::chrono::milliseconds duration) {
    scene.cluster().signal(server, "STOP");
    wait(duration);
    scene.cluster().signal(server, "CONT");
}

void roll_brokers(Scene& scene) {
    for (const auto* server : {"broker-1", "broker-2", "broker-3"}) {
        scene.cluster().signal(server, "TERM");
        scene.cluster().restart(server);
    }
}

/// The followers are left behind, the leader goes on alone and dies, and one of them leads: what only it had is gone.
void elect_uncleanly(Scene& scene) {
    const auto& cluster = scene.cluster();
    scene.allow_unclean_election();
    for (const auto* follower : {"broker-2", "broker-3"}) cluster.signal(follower, "KILL");
    scene.await_leader(1);
    if (!scene.flows(30s)) throw std::runtime_error("the last replica is not read");
    wait(3s);
    cluster.signal("broker-1", "KILL");
    cluster.restart("broker-2");
    scene.await_leader(2);
    for (const auto* follower : {"broker-3", "broker-1"}) cluster.restart(follower);
    scene.write_anew();
}

/// To a group whose members all reach ZooKeeper by a relay: one joins, and claims all when the others leave.
void lose_answers(Scene& scene) {
    auto& third = scene.add({"auto.commit.interval.ms=200"});
    await_event(third, "assigned", 2);
    wait(3s);  // of commits
    scene.member(0).leave();
    scene.member(1).leave();
    await_event(third, "assigned", partitions);
    wait(3s);
    scene.require_lost_answers({"create", "create ephemeral", "setData", "delete", "multi create", "multi setData"});
}

/// Of a third member, which then has all partitions.
void break_connections(Scene& scene) {
    const std::vector<std::string> rules{"Fetch after=40 every=40 count=2 hang", "Fetch after=30 every=9 count=5 reset",
                                         "Fetch every=10 trickle 1000"};
    const auto proxy = scene.add_proxy(rules);
    auto& third = scene.add({"bootstrap.servers=" + proxy, "request.timeout.ms=3000"});
    await_event(third, "assigned", 1);
    scene.member(0).leave();
    scene.member(1).leave();
    wait(20s);
    scene.require_applied(rules);
}

/// Readers stand at an open transaction, go on when it is aborted, and again from a commit behind which only such are.
void abort_transactions(Scene& scene) {
    scene.write_aborted(2s);
    scene.stop_writing();
    scene.write_aborted(0s);
    scene.member(0).leave();
    scene.member(1).leave();
    scene.add({"isolation.level=read_committed"});
    scene.add({"isolation.level=read_committed"});
    scene.start_writing();
}

/// Two of three brokers come back at other addresses than those that anybody was given.
void move_brokers(Scene& scene) {
    for (const auto* broker : {"broker-2", "broker-3"}) {
        scene.cluster().signal(broker, "TERM");
        scene.cluster().move(broker);
    }
}

void set_clocks(Scene& scene) {
    for (const auto beside : {24h, -24h, 0h}) {
        scene.set_clocks(beside);
        if (!scene.flows(scene.session_timeout() / 2)) throw std::runtime_error("nothing is read any more");
        wait(scene.session_timeout());
    }
    scene.add();
}

/// on_revoked of one member takes so long. The partitions come to who joins, not later than `within`.
void block_on_revoked(Scene& scene, std::chrono::milliseconds duration, std::chrono::milliseconds within) {
    scene.member(0).order("block " + std::to_string(duration.count()));
    auto& third = scene.add();
    // Two of six, one of each of the others.
    if (!real::await([&] { return third.count("assigned") >= 2; }, within)) {
        throw std::runtime_error("the partitions did not move within " + std::to_string(within.count()) + " ms");
    }
    if (scene.member(0).count("revoked") == 0) throw std::runtime_error("on_revoked was not called");
}

void hold_through_a_join(Scene& scene, std::chrono::milliseconds duration) {
    scene.member(0).order("hold " + std::to_string(duration.count()));
    scene.add();
    wait(duration);
}

void add_faults_of_members(std::vector<Fault>& faults) {
    faults.push_back({"nothing", true, nothing_twice, [](Scene&) {}, {}});
    faults.push_back({"member-joins", true, nothing_twice, [](Scene& scene) { scene.add(); }, {}});
    faults.push_back({"member-terminated", true, nothing_twice, [](Scene& scene) { scene.member(0).leave(); }, {}});
    faults.push_back({"member-killed", true, some_twice, [](Scene& scene) { scene.member(0).kill(); }, {}});
    faults.push_back({"member-stopped-half-a-session",
                      true,
                      some_twice,
                      [](Scene& scene) { scene.member(0).pause(scene.session_timeout() / 2); },
                      {}});
    faults.push_back({"member-stopped-one-and-a-half-sessions",
                      true,
                      some_twice,
                      [](Scene& scene) { scene.member(0).pause(scene.session_timeout() * 3 / 2); },
                      {}});
    faults.push_back({"instance-restarted",
                      true,
                      nothing_twice,
                      [](Scene& scene) {
                          auto& named = scene.add({"group.instance.id=named"});
                          scene.flows(20s);
                          named.leave();
                          scene.add({"group.instance.id=named"});
                      },
                      {}});
    faults.push_back({"program-holds-a-message-ten-seconds",
                      true,
                      nothing_twice,
                      [](Scene& scene) { hold_through_a_join(scene, 10s); },
                      {}});
    faults.push_back({"program-holds-a-message-past-its-time",
                      true,
                      some_twice,
                      [](Scene& scene) { hold_through_a_join(scene, 8s); },
                      {"processing.timeout.ms=2000"}});
    faults.push_back({.name = "program-stands-still-ten-minutes",
                      .promised = some_twice,
                      .happen = [](Scene& scene) { hold_through_a_join(scene, 600s); },
                      .takes_long = true});
    faults.push_back({"flush-inside-every-callback",
                      true,
                      nothing_twice,
                      [](Scene& scene) {
                          scene.member(0).order("flush inside");
                          scene.add();
                          await_event(scene.member(0), "flushed-inside", 3);
                          scene.member(0).order("close inside");
                          await_event(scene.member(0), "closed-inside", 1);
                      },
                      {}});
    faults.push_back({.name = "clocks-a-day-forward-and-back",
                      .promised = nothing_twice,
                      .happen = set_clocks,
                      .prepare = [](Scene& scene) { scene.fake_clocks(); }});
    faults.push_back({"on-revoked-blocks-five-seconds",
                      true,
                      nothing_twice,
                      [](Scene& scene) { block_on_revoked(scene, 5s, 30s); },
                      {}});
    faults.push_back({"on-revoked-blocks-past-its-time",
                      true,
                      {.waits_for_on_revoked = false},
                      [](Scene& scene) { block_on_revoked(scene, 40s, 20s); },
                      {"processing.timeout.ms=2000"}});
    faults.push_back({"first-partition-a-hundred-times-hotter",
                      true,
                      nothing_twice,
                      [](Scene& scene) {
                          scene.make_first_partition_hot();
                          wait(3s);
                          scene.add();
                          wait(3s);
                      },
                      {}});
}

void add_faults_of_zookeeper(std::vector<Fault>& faults) {
    faults.push_back({.name = "reply-lost-after-each-zookeeper-write",
                      .promised = nothing_twice,
                      .happen = lose_answers,
                      .settings = {"auto.commit.interval.ms=200"},
                      .prepare = [](Scene& scene) { scene.lose_answers_of_zookeeper(); }});
    faults.push_back({"session-expired", true, some_twice, [](Scene& scene) { scene.member(0).expire(); }, {}});
    faults.push_back({"session-expired-in-a-rebalance",
                      true,
                      some_twice,
                      [](Scene& scene) {
                          auto& third = scene.add();
                          await_event(third, "assigned", 1);
                          third.expire();
                      },
                      {}});
    faults.push_back({"session-expired-ten-times",
                      true,
                      some_twice,
                      [](Scene& scene) {
                          // In the middle of claims, starts and commits, as it comes.
                          for (int i = 0; i < 10; ++i) {
                              scene.member(static_cast<std::size_t>(i) % 2).expire();
                              wait(std::chrono::milliseconds(37 * i));
                          }
                      },
                      {}});
    faults.push_back(
        {"zookeeper-server-killed", false, some_twice, [](Scene& scene) { kill_for(scene, {"zookeeper-1"}, 3s); }, {}});
    faults.push_back({"zookeeper-servers-killed-in-turn",
                      false,
                      some_twice,
                      [](Scene& scene) {
                          for (const auto* server : {"zookeeper-1", "zookeeper-2", "zookeeper-3"})
                              kill_for(scene, {server}, 1s);
                      },
                      {}});
    faults.push_back({"zookeeper-quorum-lost-for-a-minute",
                      false,
                      some_twice,
                      [](Scene& scene) {
                          kill_for(scene, {"zookeeper-1", "zookeeper-2"}, 60s);
                      },
                      {}});
    faults.push_back({"zookeeper-stopped",
                      true,
                      some_twice,
                      [](Scene& scene) { stop_for(scene, "zookeeper-1", scene.session_timeout()); },
                      {}});
    faults.push_back({"member-leaves-without-zookeeper",
                      false,
                      some_twice,
                      [](Scene& scene) {
                          scene.cluster().signal("zookeeper-1", "KILL");
                          scene.cluster().signal("zookeeper-2", "KILL");
                          scene.member(0).leave();
                          scene.cluster().restart("zookeeper-1");
                          scene.cluster().restart("zookeeper-2");
                      },
                      {}});
}

void add_faults_of_brokers(std::vector<Fault>& faults) {
    faults.push_back(
        {"broker-killed", false, nothing_twice, [](Scene& scene) { kill_for(scene, {"broker-1"}, 5s); }, {}});
    faults.push_back({"broker-stopped-thirty-seconds",
                      false,
                      nothing_twice,
                      [](Scene& scene) { stop_for(scene, "broker-2", 30s); },
                      {}});
    faults.push_back({"brokers-rolled", false, nothing_twice, [](Scene& scene) { roll_brokers(scene); }, {}});
    faults.push_back({"brokers-rolled-with-offsets-in-kafka",
                      false,
                      nothing_twice,
                      [](Scene& scene) {
                          roll_brokers(scene);
                          scene.member(0).leave();
                      },
                      {"offsets.storage=kafka"}});
    faults.push_back({"answers-cut-and-held-back",
                      true,
                      nothing_twice,
                      [](Scene& scene) {
                          const auto proxy = scene.add_proxy(
                              {"Fetch every=5 cut-answer", "Fetch every=7 cut", "Fetch every=9 delay 300ms"});
                          auto& third = scene.add({"bootstrap.servers=" + proxy});
                          await_event(third, "assigned", 1);
                          scene.member(0).leave();
                          scene.member(1).leave();
                          wait(10s);
                      },
                      {}});
    faults.push_back({.name = "connections-hang-reset-and-trickle",
                      .promised = nothing_twice,
                      .happen = break_connections});
    faults.push_back({.name = "aborted-transactions",
                      .promised = {.aborted = true},
                      .happen = abort_transactions,
                      .settings = {"isolation.level=read_committed"}});
    faults.push_back({.name = "message-larger-than-the-fetch",
                      .promised = nothing_twice,
                      .happen = [](Scene& scene) { scene.write_to_each_partition(900'000); },
                      .settings = {"max.partition.fetch.bytes=1024"}});
    faults.push_back({.name = "unclean-election", .small = false, .promised = another_log, .happen = elect_uncleanly});
    faults.push_back({.name = "unclean-election-with-offsets-in-kafka",
                      .small = false,
                      .promised = another_log,
                      .happen = elect_uncleanly,
                      .settings = {"offsets.storage=kafka"}});
    faults.push_back({"topic-made-again", true, another_log, [](Scene& scene) { scene.make_topic_again(); }, {}});
    faults.push_back({"retention-passes-the-position",
                      true,
                      some_twice,
                      [](Scene& scene) {
                          scene.member(0).stop();
                          scene.member(1).stop();
                          wait(1s);
                          scene.delete_all_records();
                          scene.member(0).go_on();
                          scene.member(1).go_on();
                      },
                      {}});
    // The last: what the cluster is known by does not hold any more for two of the brokers.
    faults.push_back({.name = "brokers-move-to-other-addresses",
                      .small = false,
                      .promised = nothing_twice,
                      .happen = move_brokers});
}

}  // namespace

std::vector<Fault> all_faults() {
    std::vector<Fault> faults;
    add_faults_of_members(faults);
    add_faults_of_zookeeper(faults);
    add_faults_of_brokers(faults);
    return faults;
}

}  // namespace kwire::faults
