// The simulation is worth as much as its model of ZooKeeper. Here the model and the registry on a real server do the
// same random operations, and every answer and the nodes at the end are compared.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <kwire/zk/registry.h>

#include "nodes.h"
#include "real_cluster.h"

namespace kwire::real {
namespace {

using simulation::Nodes;
using zk::Code;

constexpr int sessions = 3;
constexpr int operations = 1'500;

class Both {
 public:
    explicit Both(std::string group) : group_(std::move(group)) {
        for (int i = 0; i < sessions; ++i) open(i);
    }
    ~Both() {
        for (int i = 0; i < sessions; ++i) runtime_->block_on(session(i).session()->close());
    }

    void step(int number) {
        const int who = pick(sessions);
        const auto id = "m" + std::to_string(pick(3));
        const TopicPartition tp{pick(2) == 0 ? "t" : "u", pick(3)};
        switch (pick(10)) {
            case 0: compare("register", run(session(who).register_member(group_, id, registration())),
                            model_.register_member(number_of(who), id, subscription())); break;
            case 1: compare("update", run(session(who).update_member(group_, id, registration())),
                            model_.update_member(number_of(who), id, subscription())); break;
            case 2: take_over(who, id); break;
            case 3: compare("deregister", run(session(who).deregister_member(group_, id)),
                            model_.deregister_member(number_of(who), id)); break;
            case 4: compare("claim", run(session(who).claim(group_, id, tp, id)),
                            model_.claim(number_of(who), id, tp, id)); break;
            case 5: compare("claim again", run(session(who).claim_again(group_, id, tp, id)),
                            model_.claim_again(number_of(who), id, tp, id)); break;
            case 6: compare("release", run(session(who).release(group_, id, tp)),
                            model_.release(number_of(who), id, tp)); break;
            case 7: commit(who, id, tp); break;
            case 8: plan(who, id, tp); break;
            case 9: if (number % 10 == 0) end_session(who); break;
        }
        if (number % 50 == 0) compare_all();
    }

    void compare_all() {
        std::map<TopicPartition, std::string> real;
        for (const auto& [tp, owner] : run(session(0).owners(group_))) real[tp] = owner.id;
        std::map<TopicPartition, std::string> modelled;
        for (const auto& [tp, owner] : model_.owners()) modelled[tp] = owner.text;
        EXPECT_EQ(real, modelled);
        std::vector<std::string> ids;
        for (const auto& [id, node] : model_.members()) ids.push_back(id);
        EXPECT_EQ(run(session(0).member_ids(group_)), ids);
        const auto plan = run(session(0).plan(group_));
        EXPECT_EQ(plan.version, model_.plan_version());
        EXPECT_EQ(plan.owners, model_.plan());
    }

 private:
    template <class T>
    T run(Task<T> task) {
        return runtime_->block_on(std::move(task));
    }
    int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
    zk::Registry& session(int who) { return *registries_[static_cast<std::size_t>(who)]; }
    simulation::SessionId number_of(int who) const { return numbers_[static_cast<std::size_t>(who)]; }
    static MemberSubscription subscription() { return MemberSubscription::of_topics({"t"}); }
    static zk::Registration registration() {
        zk::Registration registration;
        registration.subscription["t"] = 1;
        return registration;
    }

    void open(int who) {
        zk::SessionConfig config;
        config.hosts = shared_cluster().zookeeper();
        auto opened = run(zk::open_session(runtime_, config));
        registries_.resize(sessions);
        registries_[static_cast<std::size_t>(who)] = std::make_unique<zk::Registry>(std::move(opened));
        numbers_[static_cast<std::size_t>(who)] = next_number_++;
    }

    void end_session(int who) {
        run_void(session(who).session()->close());
        model_.end_session(number_of(who));
        open(who);
    }
    void run_void(Task<void> task) { runtime_->block_on(std::move(task)); }

    void take_over(int who, const std::string& id) {
        compare("take over", run(session(who).take_over_member(group_, id, registration())),
                model_.take_over_member(number_of(who), id, subscription()));
    }
    void commit(int who, const std::string& id, const TopicPartition& tp) {
        const auto known = model_.offset(tp);
        const auto version = pick(4) == 0 ? known.version - 1 : known.version;
        const std::int64_t next = pick(100);
        const auto real = run(session(who).commit_offset(group_, id, tp, next, std::max(version, -1)));
        const auto modelled = model_.commit_offset(number_of(who), id, tp, next, std::max(version, -1));
        compare("commit", real.code, modelled.code);
        if (real.ok()) {
            EXPECT_EQ(real.value, modelled.version);
        }
        EXPECT_EQ(run(session(who).offset(group_, tp)).next, model_.offset(tp).next);
    }
    void plan(int who, const std::string& id, const TopicPartition& tp) {
        const auto version = std::max(pick(4) == 0 ? model_.plan_version() - 1 : model_.plan_version(), -1);
        const OwnerPlan owners{{tp, id}, {{"v", 1}, "m0"}};
        const auto real = run(session(who).write_plan(group_, id, owners, version));
        const auto modelled = model_.write_plan(number_of(who), id, owners, version);
        compare("plan", real.code, modelled.code);
        if (real.ok()) {
            EXPECT_EQ(real.value, modelled.version);
        }
    }
    void compare(const char* what, Code real, Code modelled) {
        EXPECT_EQ(zk::name(real), zk::name(modelled)) << what;
    }

    std::shared_ptr<Runtime> runtime_ = Runtime::with_own_thread();
    std::string group_;
    Nodes model_;
    std::vector<std::unique_ptr<zk::Registry>> registries_;
    simulation::SessionId numbers_[sessions] = {};
    simulation::SessionId next_number_ = 1;
    std::mt19937 random_{20261122};
};

TEST(SimulationModel, answers_as_the_registry_on_a_real_server_does) {
    Both both("model");
    for (int i = 1; i <= operations && !testing::Test::HasFailure(); ++i) {
        SCOPED_TRACE("operation " + std::to_string(i));
        both.step(i);
    }
    both.compare_all();
}

}  // namespace
}  // namespace kwire::real
