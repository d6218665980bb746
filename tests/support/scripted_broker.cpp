#include "scripted_broker.h"

#include <utility>

namespace kwire::test {

protocol::ApiVersionsResponse offering(std::map<ApiKey, VersionRange> versions) {
    versions.try_emplace(ApiKey::api_versions, VersionRange{0, 3});
    protocol::ApiVersionsResponse answer;
    for (const auto& [key, range] : versions) {
        answer.api_keys.push_back({key, range.lowest, range.highest});
    }
    return answer;
}

using Step = ScriptedBroker::Step;

Step& Step::act(Answer answer) {
    answer_ = std::move(answer);
    return *this;
}

Step& Step::reply_bytes(std::string frame) {
    return act([frame = std::move(frame)](const Exchange&) { return frame; });
}

Step& Step::keep_silent() {
    answer_ = nullptr;
    close_ = false;
    return *this;
}

Step& Step::close() {
    close_ = true;
    return *this;
}

Step& Step::after(Duration delay) {
    delay_ = delay;
    return *this;
}

ScriptedBroker::ScriptedBroker(VirtualLoop& loop, MemoryNetwork& network, HostPort address)
    : loop_(loop),
      server_(std::make_unique<FrameServer>(loop, network, std::move(address),
                                            [this](const Exchange& exchange) { take(exchange); })) {
}

Step& ScriptedBroker::expect(ApiKey api) {
    steps_.emplace_back().api_ = api;
    return steps_.back();
}

Step& ScriptedBroker::expect(ApiKey api, std::int16_t version) {
    Step& step = expect(api);
    step.version_ = version;
    return step;
}

void ScriptedBroker::fail_at(std::size_t step, Fault fault) {
    fault_ = {step, fault};
}

void ScriptedBroker::take(const Exchange& exchange) {
    const std::string got = to_string(exchange.api()) + " v" + std::to_string(exchange.version());
    if (next_ == steps_.size()) {
        complaints_ += "the script was over when " + got + " came\n";
        return exchange.close();
    }
    const Step& step = steps_[next_];
    if (step.api_ != exchange.api() || (step.version_ && *step.version_ != exchange.version())) {
        complaints_ += "step " + std::to_string(next_) + " expects " + to_string(step.api_) +
                       (step.version_ ? " v" + std::to_string(*step.version_) : "") + ", but " +
                       got + " came\n";
        return exchange.close();
    }
    if (step.check_) step.check_(exchange);
    const bool fails = fault_ && fault_->first == next_;
    ++next_;
    if (!fails) return perform(step, exchange);
    exchange.fail_with(fault_->second);
    exchange.reply_bytes(step.answer_ ? step.answer_(exchange) : std::string(8, '\0'));
}

namespace {

Task<void> answer_later(std::shared_ptr<Runtime> runtime, Exchange exchange, std::string answer,
                        bool close, Duration delay) {
    Timer timer(*runtime);
    co_await timer.wait_for(delay);
    close ? exchange.reply_and_close(std::move(answer)) : exchange.reply_bytes(std::move(answer));
}

}  // namespace

void ScriptedBroker::perform(const Step& step, const Exchange& exchange) {
    if (!step.answer_ && !step.close_) return;
    std::string answer = step.answer_ ? step.answer_(exchange) : std::string();
    loop_.runtime()->spawn(
        answer_later(loop_.runtime(), exchange, std::move(answer), step.close_, step.delay_));
}

std::size_t replay_failing(const std::function<void(const Arm& arm)>& conversation) {
    std::size_t steps = 0;
    conversation([&steps](ScriptedBroker& broker) { steps = broker.steps(); });
    return 1 + play_every_fault(steps, [&](std::size_t step, Fault fault) {
        conversation([&](ScriptedBroker& broker) { broker.fail_at(step, fault); });
    });
}

}  // namespace kwire::test
