#include "line.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kwire::seeds {
namespace {

using zk::Code;
using zk::Reply;
using zk::SessionState;

class Line final : public zk::Session, public std::enable_shared_from_this<Line> {
 public:
    Line(std::shared_ptr<zk::Session> below, std::shared_ptr<Runtime> runtime, Latency latency)
        : below_(std::move(below)), runtime_(std::move(runtime)), latency_(std::move(latency)), state_(below_->state()) {}

    /// Apart from the constructor, which has no shared_ptr to itself yet.
    void begin() {
        listener_ = below_->on_state([weak = weak_from_this()](SessionState state) {
            const auto self = weak.lock();
            if (!self) return;
            if (state != SessionState::connected) ++self->cuts_;
            self->runtime_->post([weak, state] {
                if (const auto same = weak.lock()) same->change(state);
            });
        });
    }

    SessionState state() const override { return state_; }
    std::int64_t id() const override { return below_->id(); }
    std::string password() const override { return below_->password(); }
    std::chrono::milliseconds timeout() const override { return below_->timeout(); }
    const std::shared_ptr<Runtime>& runtime() const override { return runtime_; }
    std::shared_ptr<void> on_state(std::function<void(SessionState)> listener) override {
        auto handle = std::make_shared<std::function<void(SessionState)>>(std::move(listener));
        listeners_.push_back(handle);
        return handle;
    }

    Task<Reply<std::string>> create(std::string path, std::string data, zk::CreateMode mode) override {
        return pass<Reply<std::string>>(shared_from_this(), below_->create(std::move(path), std::move(data), mode));
    }
    Task<Code> remove(std::string path, std::int32_t version) override {
        return pass<Code>(shared_from_this(), below_->remove(std::move(path), version));
    }
    Task<Reply<zk::Node>> get(std::string path, zk::Watch watch) override {
        return pass<Reply<zk::Node>>(shared_from_this(), below_->get(std::move(path), behind_answers(std::move(watch))));
    }
    Task<Reply<zk::Stat>> set(std::string path, std::string data, std::int32_t version) override {
        return pass<Reply<zk::Stat>>(shared_from_this(), below_->set(std::move(path), std::move(data), version));
    }
    Task<Reply<zk::Stat>> exists(std::string path, zk::Watch watch) override {
        return pass<Reply<zk::Stat>>(shared_from_this(), below_->exists(std::move(path), behind_answers(std::move(watch))));
    }
    Task<Reply<zk::Children>> children(std::string path, zk::Watch watch) override {
        return pass<Reply<zk::Children>>(shared_from_this(),
                                         below_->children(std::move(path), behind_answers(std::move(watch))));
    }
    Task<Reply<std::vector<zk::OpResult>>> multi(std::vector<zk::Op> ops) override {
        return pass<Reply<std::vector<zk::OpResult>>>(shared_from_this(), below_->multi(std::move(ops)));
    }
    Task<Code> sync(std::string path) override { return pass<Code>(shared_from_this(), below_->sync(std::move(path))); }
    Task<void> close() override { return end(shared_from_this(), below_->close()); }
    Task<void> abandon() override { return end(shared_from_this(), below_->abandon()); }

 private:
    using Self = std::shared_ptr<Line>;

    void change(SessionState state) {
        state_ = state;
        const auto listeners = listeners_;
        for (const auto& weak : listeners) {
            if (const auto listener = weak.lock()) (*listener)(state);
        }
    }

    static Code& code_of(Code& code) { return code; }
    template <class T>
    static Code& code_of(Reply<T>& reply) {
        return reply.code;
    }
    static Code lost(Code*) { return Code::connection_loss; }
    template <class T>
    static Reply<T> lost(Reply<T>*) {
        return {Code::connection_loss, {}};
    }

    /// When what is sent now arrives: never before what was sent before it.
    TimePoint arrival(TimePoint& last) const {
        last = std::max(last, runtime()->now() + latency_());
        return last;
    }
    static Task<void> travel(Self self, TimePoint arrives) {
        // Always a turn of its own, so that what arrives at the same time keeps its order.
        Timer timer(*self->runtime());
        co_await timer.wait_until(arrives);
    }

    template <class Answer>
    static Task<Answer> pass(Self self, Task<Answer> operation) {
        if (self->below_->state() != SessionState::connected) {  // answers at once, and has no effect
            Answer refused = co_await std::move(operation);
            co_return refused;
        }
        const auto cuts = self->cuts_;
        co_await travel(self, self->arrival(self->there_));
        if (self->cuts_ != cuts && self->below_->state() != SessionState::expired) {
            co_return lost(static_cast<Answer*>(nullptr));
        }
        Answer answer = co_await std::move(operation);
        if (self->cuts_ != cuts) co_return answer;  // by this very operation: its answer says so
        co_await travel(self, self->arrival(self->back_));
        if (self->cuts_ == cuts) co_return answer;
        code_of(answer) = self->below_->state() == SessionState::expired ? Code::session_expired : Code::connection_loss;
        co_return answer;
    }

    static Task<void> end(Self self, Task<void> operation) {
        if (self->below_->state() == SessionState::connected) co_await travel(self, self->arrival(self->there_));
        co_await std::move(operation);
    }

    zk::Watch behind_answers(zk::Watch watch) {
        if (!watch) return watch;
        return [weak = weak_from_this(), watch = std::move(watch)](const zk::WatchEvent& event) {
            const auto self = weak.lock();
            if (!self) return;
            self->runtime()->spawn(tell(self, self->arrival(self->back_), watch, event));
        };
    }
    static Task<void> tell(Self self, TimePoint arrives, zk::Watch watch, zk::WatchEvent event) {
        co_await travel(self, arrives);
        watch(event);
    }

    std::shared_ptr<zk::Session> below_;
    std::shared_ptr<Runtime> runtime_;
    Latency latency_;
    SessionState state_;
    std::vector<std::weak_ptr<std::function<void(SessionState)>>> listeners_;
    std::shared_ptr<void> listener_;
    std::uint64_t cuts_ = 0;
    TimePoint there_{};
    TimePoint back_{};
};

}  // namespace

std::shared_ptr<zk::Session> make_line(std::shared_ptr<zk::Session> below, std::shared_ptr<Runtime> runtime,
                                       Latency latency) {
    auto line = std::make_shared<Line>(std::move(below), std::move(runtime), std::move(latency));
    line->begin();
    return line;
}

}  // namespace kwire::seeds
