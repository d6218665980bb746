// One operation that the C client has in hand, and the functions it answers by.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <zookeeper/zookeeper.h>

#include <kwire/zk/session.h>

#include "watch_table.h"
#include "zookeeper_handle.h"

namespace kwire::zk {

Code code_of(int rc);
Stat stat_of(const ::Stat& stat);

int flags_of(CreateMode mode);

/// The C client's form of a list of ACLs.
class AclVector {
 public:
    explicit AclVector(const std::vector<Acl>& acl);
    /// Of a node that is created in this mode.
    const ::ACL_vector* of(CreateMode mode) const {
        return mode == CreateMode::persistent_open ? &ZOO_OPEN_ACL_UNSAFE : &vector_;
    }

 private:
    std::vector<Acl> acl_;  ///< Holds the strings.
    std::vector<::ACL> entries_;
    ::ACL_vector vector_{};
};

class MultiResults;

/// Owned by the C client between its start and its one answer.
struct CallBase {
    virtual ~CallBase() = default;
    /// Answers now; what the C client says later is of no interest.
    virtual void give_up(int rc) = 0;

    std::list<CallBase*>* in_flight = nullptr;  ///< Null once it is answered.
    std::list<CallBase*>::iterator position;
    Event* ended = nullptr;  ///< Told when the last one is.
    WatchTable* watches = nullptr;
    std::uintptr_t watch = 0;  ///< Its number; 0: none.
    WatchTable::Kind watch_kind = WatchTable::Kind::data;
    bool watch_stays_on_no_node = false;
    std::unique_ptr<MultiResults> results;

    watcher_fn watcher() const { return watch == 0 ? nullptr : ZooKeeperHandle::watcher; }
    void* context() const { return reinterpret_cast<void*>(watch); }
};

template <class T>
struct Call final : CallBase {
    std::function<void(Reply<T>)> done;  ///< Empty once called.
    Reply<T> reply;

    void answer() {
        if (done) std::exchange(done, nullptr)(std::move(reply));
    }
    void finish(int rc) {
        if (in_flight == nullptr) return;
        in_flight->erase(position);
        if (in_flight->empty()) ended->notify_all();
        in_flight = nullptr;
        settle(rc);
    }
    void give_up(int rc) override {
        in_flight = nullptr;  // the caller empties the list
        settle(rc);
    }

 private:
    void settle(int rc) {
        reply.code = code_of(rc);
        if (watch != 0) settle_watch(rc);
        answer();
    }
    void settle_watch(int rc) {
        if (rc == ZNONODE && watch_stays_on_no_node) return watches->left(watch, WatchTable::Kind::absence, {});
        if (rc != ZOK) return watches->drop(watch);
        if constexpr (std::is_same_v<T, Stat>) {
            watches->left(watch, watch_kind, reply.value);
        } else if constexpr (requires { reply.value.stat; }) {
            watches->left(watch, watch_kind, reply.value.stat);
        }
    }
};

void on_void(int rc, const void* data);                       // Call<bool>
void on_string(int rc, const char* value, const void* data);  // Call<std::string>
void on_stat(int rc, const ::Stat* stat, const void* data);   // Call<Stat>
void on_node(int rc, const char* value, int size, const ::Stat* stat, const void* data);
void on_children(int rc, const ::String_vector* names, const ::Stat* stat, const void* data);

/// What a transaction needs to keep until it is answered.
class MultiResults {
 public:
    explicit MultiResults(std::size_t count)
        : ops_(count), results_(count), stats_(count), paths_(count) {}
    int start(zhandle_t* zh, const std::vector<Op>& ops, const AclVector& acl,
              Call<std::vector<OpResult>>* call);
    std::vector<OpResult> read() const;

 private:
    struct PathBuffer {
        char bytes[8];  // the C client wants to write a created node's path somewhere
    };
    std::vector<zoo_op_t> ops_;
    std::vector<zoo_op_result_t> results_;
    std::vector<::Stat> stats_;
    std::vector<PathBuffer> paths_;
};

}  // namespace kwire::zk
