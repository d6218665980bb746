// A program's own store of offsets, which throws whatever it likes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <kwire/offsets/offset_manager.h>

#include "world.h"

namespace kwire::seeds {

/// What is stored, shared by the stores of all processes.
struct Shelf {
    std::map<TopicPartition, std::int64_t> next;
};

class ProgramStore final : public OffsetManager {
 public:
    ProgramStore(World& world, ProcessId process, std::shared_ptr<Shelf> shelf)
        : world_(world), process_(process), shelf_(std::move(shelf)) {}

    void use_identity(CommitIdentity) override { maybe_throw(); }
    Task<std::int64_t> initialize_partition(TopicPartition tp) override {
        maybe_throw();
        const auto found = shelf_->next.find(tp);
        const auto next = found == shelf_->next.end() ? -1 : found->second;
        marks_[tp] = next;
        co_return next;
    }
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override {
        const auto found = marks_.find(tp);
        if (found == marks_.end()) return false;
        found->second = std::max(found->second, next);
        return true;
    }
    void restart_partition(const TopicPartition& tp, std::int64_t next) override {
        if (const auto found = marks_.find(tp); found != marks_.end()) found->second = next;
    }
    Task<std::vector<CommitFailure>> flush() override {
        maybe_throw();
        for (const auto& [tp, next] : marks_) write(tp, next);
        co_return std::vector<CommitFailure>{};
    }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp, TimePoint) override {
        const auto mark = marks_.extract(tp);
        maybe_throw();
        if (!mark.empty()) write(tp, mark.mapped());
        co_return std::nullopt;
    }
    void abandon_partition(const TopicPartition& tp) override {
        marks_.erase(tp);
        maybe_throw();
    }
    Task<std::vector<CommitFailure>> close(TimePoint) override {
        for (const auto& [tp, next] : std::exchange(marks_, {})) write(tp, next);
        maybe_throw();
        co_return std::vector<CommitFailure>{};
    }
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override {
        maybe_throw();
        const auto found = shelf_->next.find(tp);
        return found == shelf_->next.end() ? std::nullopt : std::optional(found->second);
    }

 private:
    void maybe_throw() const {
        if (!world_.troubled() || !world_.random.chance(0.03)) return;
        switch (world_.random.choose(3)) {
            case 0: throw 42;  // NOLINT: a program may
            case 1: throw std::bad_alloc();
            default: throw Error(errc::broker_error, "the program's store is full");
        }
    }
    void write(const TopicPartition& tp, std::int64_t next) {
        auto& stored = shelf_->next[tp];
        if (next <= stored) return;  // a store that takes no older offset, as most do
        stored = next;
        world_.program_commits(process_, tp, next);
    }

    World& world_;
    const ProcessId process_;
    std::shared_ptr<Shelf> shelf_;
    std::map<TopicPartition, std::int64_t> marks_;
};

}  // namespace kwire::seeds
