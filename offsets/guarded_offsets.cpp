// A program's own OffsetManager, held to its contract: whatever it throws becomes an Error, or a failure that is returned,
// because an exception of an unknown type would end the program; and what has a deadline is answered by it, because a
// partition whose mark is never written must not keep its next owner waiting, nor the program in close.
// Threads: the strand. Lifetimes: a call that did not answer in time goes on by itself and holds the store.
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kwire/net/runtime.h>
#include <kwire/offsets/offset_manager.h>

namespace kwire {
namespace {

class GuardedOffsets final : public OffsetManager {
 public:
    using Report = std::function<void(const Error&)>;

    GuardedOffsets(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetManager> inner, Report report)
        : runtime_(std::move(runtime)), inner_(std::move(inner)), report_(std::move(report)) {}

    void use_identity(CommitIdentity identity) override {
        try {
            inner_->use_identity(std::move(identity));
        } catch (...) {
            report_(as_error_of_all(std::current_exception()));
        }
    }
    Task<std::int64_t> initialize_partition(TopicPartition tp) override {
        return initialize(runtime_, inner_, report_, std::move(tp));
    }
    bool mark_as_processed(const TopicPartition& tp, std::int64_t next) override {
        try {
            return inner_->mark_as_processed(tp, next);
        } catch (...) {
            return false;  // not recorded, so it is not committed and will be read again
        }
    }
    bool mark_with_leader_epoch(const TopicPartition& tp, std::int64_t next, std::int32_t leader_epoch) override {
        try {
            return inner_->mark_with_leader_epoch(tp, next, leader_epoch);
        } catch (...) {
            return false;
        }
    }
    std::int32_t committed_leader_epoch(const TopicPartition& tp) const override {
        try {
            return inner_->committed_leader_epoch(tp);
        } catch (...) {
            return -1;  // not known
        }
    }
    Task<void> reset(OffsetReset reset) override { return reset_all(inner_, std::move(reset)); }
    void restart_partition(const TopicPartition& tp, std::int64_t next) override {
        try {
            inner_->restart_partition(tp, next);
        } catch (...) {  // as a mark that was not recorded
        }
    }
    Task<std::vector<CommitFailure>> flush() override { return flush(inner_); }
    Task<std::optional<CommitFailure>> finalize_partition(TopicPartition tp, TimePoint deadline) override {
        return finalize_in_time(runtime_, inner_, std::move(tp), deadline);
    }
    void abandon_partition(const TopicPartition& tp) override { abandon(inner_, tp); }
    Task<std::vector<CommitFailure>> close(TimePoint deadline) override {
        return close_in_time(runtime_, inner_, deadline);
    }
    std::optional<std::int64_t> committed(const TopicPartition& tp) const override {
        try {
            return inner_->committed(tp);
        } catch (...) {
            return std::nullopt;  // asked for display only, and often: what the other operations throw is reported
        }
    }

 private:
    using Inner = std::shared_ptr<OffsetManager>;

    // The store is told a deadline so much earlier, and what it answers just then is still heard.
    static constexpr Duration to_answer = std::chrono::milliseconds(100);
    // Then a partition that has not begun is reported.
    static constexpr Duration to_begin = std::chrono::seconds(10);

    template <class T>
    struct Answer {
        explicit Answer(Runtime& runtime) : given(runtime) {}
        std::optional<T> value;
        Event given;
    };

    static Error as_error(std::exception_ptr thrown, const TopicPartition& tp) {
        std::string what = "something that is no std::exception";
        try {
            std::rethrow_exception(std::move(thrown));
        } catch (const Error& error) {
            return error;
        } catch (const std::exception& error) {
            what = error.what();
        } catch (...) {
        }
        return {errc::invalid_config, "GroupConfig::offset_manager threw: " + what,
                {.topic = tp.topic, .partition = tp.topic.empty() ? -1 : tp.partition}};
    }

    // Apart from the coroutines: of what one makes for a moment, GCC 12 thinks that it may be destroyed unmade.
    static Error as_error_of_all(std::exception_ptr thrown) { return as_error(std::move(thrown), TopicPartition{}); }
    static void add_failure(std::vector<CommitFailure>& failures, std::exception_ptr thrown) {
        failures.push_back({TopicPartition{}, -1, as_error_of_all(std::move(thrown))});
    }
    static std::optional<CommitFailure> failure_of(const TopicPartition& tp, std::exception_ptr thrown) {
        return CommitFailure{tp, -1, as_error(std::move(thrown), tp)};
    }

    static Error late() {
        return {errc::timed_out,
                "GroupConfig::offset_manager did not answer in time: what was acknowledged and is not stored is read "
                "again by the next owner"};
    }
    static void add_late(std::vector<CommitFailure>& failures) { failures.push_back({TopicPartition{}, -1, late()}); }
    static std::optional<CommitFailure> late_with(const TopicPartition& tp) { return CommitFailure{tp, -1, late()}; }

    static void abandon(const Inner& inner, const TopicPartition& tp) {
        try {
            inner->abandon_partition(tp);
        } catch (...) {  // it is not ours any more, whatever the store thinks of that
        }
    }

    template <class T>
    static Task<void> keep(Task<T> call, std::shared_ptr<Answer<T>> answer) {
        T value = co_await std::move(call);
        answer->value.emplace(std::move(value));
        answer->given.notify_all();
    }
    /// Returns when there is an answer, or at deadline.
    template <class T>
    static Task<void> wait_for(std::shared_ptr<Answer<T>> answer, TimePoint deadline) {
        while (!answer->value) {
            const bool in_time = co_await answer->given.wait_until(deadline);
            if (!in_time) break;
        }
    }
    static Task<std::optional<CommitFailure>> finalize_in_time(std::shared_ptr<Runtime> runtime, Inner inner,
                                                               TopicPartition tp, TimePoint deadline) {
        const auto answer = std::make_shared<Answer<std::optional<CommitFailure>>>(*runtime);
        runtime->spawn(keep(finalize(inner, tp, deadline - to_answer), answer));
        co_await wait_for(answer, deadline);
        if (answer->value) co_return std::move(*answer->value);
        abandon(inner, tp);
        std::optional<CommitFailure> failure = late_with(tp);
        co_return failure;
    }
    static Task<std::vector<CommitFailure>> close_in_time(std::shared_ptr<Runtime> runtime, Inner inner,
                                                          TimePoint deadline) {
        const auto answer = std::make_shared<Answer<std::vector<CommitFailure>>>(*runtime);
        runtime->spawn(keep(close(inner, deadline - to_answer), answer));
        co_await wait_for(answer, deadline);
        if (answer->value) co_return std::move(*answer->value);
        std::vector<CommitFailure> failures;
        add_late(failures);
        co_return failures;
    }
    static Error not_begun(const TopicPartition& tp) {
        return {errc::timed_out,
                "GroupConfig::offset_manager does not say where to begin: the partition is not read until it does",
                {.topic = tp.topic, .partition = tp.partition}};
    }
    /// To begin has no deadline, nothing waits for it; but a partition that nobody reads is not to go unnoticed.
    static Task<void> report_late(std::shared_ptr<Runtime> runtime, std::shared_ptr<Answer<std::monostate>> answer,
                                  Report report, TopicPartition tp) {
        co_await wait_for(answer, runtime->now() + to_begin);
        if (!answer->value) report(not_begun(tp));
    }
    static Task<std::int64_t> initialize(std::shared_ptr<Runtime> runtime, Inner inner, Report report, TopicPartition tp) {
        const auto begun = std::make_shared<Answer<std::monostate>>(*runtime);
        runtime->spawn(report_late(runtime, begun, std::move(report), tp));
        std::exception_ptr thrown;
        std::int64_t next = -1;
        try {
            next = co_await inner->initialize_partition(tp);
        } catch (...) {
            thrown = std::current_exception();
        }
        begun->value.emplace();
        begun->given.notify_all();
        if (thrown) throw as_error(thrown, tp);
        co_return next;
    }
    static Task<void> reset_all(Inner inner, OffsetReset reset) {
        std::exception_ptr thrown;
        try {
            co_await inner->reset(std::move(reset));
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) throw as_error_of_all(thrown);
    }
    static Task<std::vector<CommitFailure>> flush(Inner inner) {
        std::exception_ptr thrown;
        std::vector<CommitFailure> failures;
        try {
            failures = co_await inner->flush();
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) throw as_error_of_all(thrown);
        co_return failures;
    }
    static Task<std::optional<CommitFailure>> finalize(Inner inner, TopicPartition tp, TimePoint deadline) {
        std::exception_ptr thrown;
        std::optional<CommitFailure> failure;
        try {
            failure = co_await inner->finalize_partition(tp, deadline);
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) failure = failure_of(tp, thrown);
        co_return failure;
    }
    static Task<std::vector<CommitFailure>> close(Inner inner, TimePoint deadline) {
        std::exception_ptr thrown;
        std::vector<CommitFailure> failures;
        try {
            failures = co_await inner->close(deadline);
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) add_failure(failures, thrown);
        co_return failures;
    }

    const std::shared_ptr<Runtime> runtime_;
    const Inner inner_;
    const Report report_;
};

}  // namespace

std::shared_ptr<OffsetManager> guard_offset_manager(std::shared_ptr<Runtime> runtime, std::shared_ptr<OffsetManager> own,
                                                    std::function<void(const Error&)> report) {
    if (!runtime || !own) throw Error(errc::invalid_config, "guard_offset_manager needs a runtime and a manager");
    return std::make_shared<GuardedOffsets>(std::move(runtime), std::move(own), std::move(report));
}

}  // namespace kwire
