// The ways to brokers, and how one is found that serves.
#include <algorithm>
#include <deque>

#include "cluster_impl.h"

namespace kwire {
namespace {

/// How long one candidate has for itself before the next is tried beside it.
constexpr std::chrono::milliseconds stagger_max{500};
/// At most 20 new tries a second, after so many at once.
constexpr std::chrono::milliseconds stagger_min{50};
constexpr std::size_t tries_at_once = 5;
/// What one that is connected has for its answer at least, however many others there are.
constexpr std::chrono::seconds answer_share_min{3};

[[noreturn]] void throw_all(const std::vector<Error>& failures, const std::string& purpose) {
    if (failures.size() == 1) throw Error(failures.front());
    errc condition = failures.front().condition();
    std::string all;
    for (const Error& failure : failures) {
        if (failure.condition() != condition) condition = errc::cannot_connect;
        all += (all.empty() ? "" : "; ") + failure.where().target + ": " + failure.reason();
    }
    // The code of a broker's own refusal cannot stand for several.
    if (condition == errc::broker_error) condition = errc::cannot_connect;
    throw Error(condition, "no broker could be used (" + purpose + "): " + all);
}

/// Connects to candidates, the next one beside those that take long, so that a dead one costs no
/// time that the others need.
class Candidates : public std::enable_shared_from_this<Candidates> {
 public:
    Candidates(std::shared_ptr<Runtime> runtime, std::vector<BrokerPtr> all, TimePoint deadline)
        : runtime_(std::move(runtime)),
          waiting_(all.begin(), all.end()),
          left_(all.size()),
          deadline_(deadline),
          stagger_(std::clamp<Duration>((deadline - runtime_->now()) /
                                            static_cast<Duration::rep>(2 * std::max<std::size_t>(1, left_)),
                                        stagger_min, stagger_max)),
          changed_(*runtime_) {}

    /// The next one that is connected; null if there is none left or no time.
    static Task<BrokerPtr> next(std::shared_ptr<Candidates> self) {
        for (;;) {
            if (!self->ready_.empty()) {
                BrokerPtr ready = self->ready_.front();
                self->ready_.pop_front();
                co_return ready;
            }
            const TimePoint now = self->runtime_->now();
            if (now >= self->deadline_) co_return nullptr;
            if (self->waiting_.empty() && self->under_way_ == 0) co_return nullptr;
            if (!self->waiting_.empty() && now >= self->next_start()) {
                self->start_one();
                continue;
            }
            const TimePoint until = self->waiting_.empty() ? self->deadline_ : self->next_start();
            co_await self->changed_.wait_until(std::min(until, self->deadline_));
        }
    }

    void failed(const BrokerPtr& broker, const Error& why) {
        failures_.push_back(why.at({.target = broker->target().to_string()}));
        --left_;
        failed_at_ = runtime_->now();
    }

    /// How long the one that is connected has to answer.
    TimePoint share() const {
        const TimePoint now = runtime_->now();
        const Duration equal = (deadline_ - now) / static_cast<Duration::rep>(std::max<std::size_t>(1, left_));
        return std::min(deadline_, now + std::max<Duration>(equal, answer_share_min));
    }

    std::vector<Error> failures() const {
        if (!failures_.empty() || left_ == 0) return failures_;
        return {Error(errc::timed_out, "no broker could be connected to in time")};
    }

 private:
    /// At once if the last one failed or is known to be connected; else after a while.
    TimePoint next_start() const {
        if (waiting_.front()->connected() || started_ == 0) return TimePoint::min();
        const TimePoint paced = started_ < tries_at_once ? TimePoint::min() : last_start_ + stagger_min;
        if (under_way_ == 0 || failed_at_ >= last_start_) return paced;
        return last_start_ + stagger_;
    }

    void start_one() {
        const BrokerPtr broker = waiting_.front();
        waiting_.pop_front();
        if (broker->connected()) {
            ready_.push_back(broker);
            return;
        }
        ++started_;
        ++under_way_;
        last_start_ = runtime_->now();
        failed_at_ = TimePoint::min();
        runtime_->spawn(connect(shared_from_this(), broker));
    }

    static Task<void> connect(std::shared_ptr<Candidates> self, BrokerPtr broker) {
        try {
            co_await broker->link(self->deadline_);
            self->ready_.push_back(broker);
        } catch (...) {
            self->failed(broker, as_error(std::current_exception()));
        }
        --self->under_way_;
        self->changed_.notify_all();
    }

    std::shared_ptr<Runtime> runtime_;
    std::deque<BrokerPtr> waiting_;
    std::deque<BrokerPtr> ready_;
    std::vector<Error> failures_;
    std::size_t left_;
    std::size_t started_ = 0;
    std::size_t under_way_ = 0;
    TimePoint last_start_ = TimePoint::min();
    TimePoint failed_at_ = TimePoint::min();
    TimePoint deadline_;
    Duration stagger_;
    Event changed_;
};

}  // namespace

BrokerPtr Cluster::Impl::broker_at(const HostPort& address, std::int8_t lane) {
    if (closed) throw Error(*closed);
    auto& broker = brokers[{address, lane}];
    if (!broker) {
        auto& memory = memories[address];
        if (!memory) {
            const Backoff backoff(config().reconnect_backoff, config().reconnect_backoff_max,
                                  random());
            memory = std::make_shared<AddressMemory>(backoff);
        }
        broker = std::make_shared<Broker>(dialer, address, memory);
    }
    return broker;
}

BrokerPtr Cluster::Impl::broker_of(std::int32_t id, std::int8_t lane) {
    if (closed) throw Error(*closed);
    if (const auto address = address_of(id)) return broker_at(*address, lane);
    throw Error(errc::cannot_connect, "no address is known of broker " + std::to_string(id) +
                                          ": the cluster does not list it (any more)");
}

std::optional<HostPort> Cluster::Impl::address_of(std::int32_t id) const {
    const auto now = current_view();
    if (const auto found = now->brokers.find(id); found != now->brokers.end()) {
        return found->second.address;
    }
    const auto found = coordinator_addresses.find(id);
    if (found == coordinator_addresses.end()) return std::nullopt;
    return found->second;
}

/// Every address that may lead to a broker: connected ones first, among these the ones that owe no
/// answer; those that failed last; the bootstrap list after what the cluster said of itself.
std::vector<BrokerPtr> Cluster::Impl::candidates(std::int8_t lane) {
    std::vector<HostPort> known;
    for (const auto& [id, broker] : current_view()->brokers) known.push_back(broker.address);
    std::shuffle(known.begin(), known.end(), random);
    std::vector<BrokerPtr> found;
    const auto add = [&](const HostPort& address) {
        auto broker = broker_at(address, lane);
        if (std::find(found.begin(), found.end(), broker) == found.end()) {
            found.push_back(std::move(broker));
        }
    };
    for (const auto& address : known) add(address);
    for (const auto& address : bootstrap) add(address);
    const auto rank = [](const BrokerPtr& b) {
        if (b->connected()) return b->idle() ? 0 : 1;
        return b->failing() ? 3 : 2;
    };
    std::stable_sort(
        found.begin(), found.end(),
        [&rank](const BrokerPtr& a, const BrokerPtr& b) { return rank(a) < rank(b); });
    return found;
}

/// Closes the ways to addresses that neither the cluster nor the bootstrap list names any more.
void Cluster::Impl::drop_unlisted() {
    std::set<HostPort> listed(bootstrap.begin(), bootstrap.end());
    for (const auto& [id, broker] : current_view()->brokers) listed.insert(broker.address);
    for (const auto& [id, address] : coordinator_addresses) listed.insert(address);
    const Error gone(errc::connection_lost, "the cluster does not list this broker any more");
    std::erase_if(brokers, [&](const auto& entry) {
        if (listed.contains(entry.first.first)) return false;
        entry.second->close(gone);
        return true;
    });
    std::erase_if(memories, [&](const auto& entry) { return !listed.contains(entry.first); });
}


/// Forgets coordinators and the controller at an unreachable address, so that they are looked up again.
void Cluster::Impl::forget_roles_at(const HostPort& target) {
    std::erase_if(coordinators, [&](const auto& entry) { return address_of(entry.second) == target; });
    if (address_of(current_view()->controller) == target) controller_doubtful = true;
}

/// Uses one candidate after the other until one serves. Throws an error that names each and why it
/// did not.
Task<void> Cluster::Impl::at_any(Self self, std::int8_t lane, Use use, std::string purpose,
                                 TimePoint deadline) {
    const auto candidates =
        std::make_shared<Candidates>(self->runtime, self->candidates(lane), deadline);
    for (;;) {
        const BrokerPtr broker = co_await Candidates::next(candidates);
        if (self->closed) throw Error(*self->closed);
        if (!broker) break;
        std::optional<Error> failure;
        try {
            co_await use(broker, candidates->share());
        } catch (...) {
            failure = as_error(std::current_exception());
        }
        if (!failure) co_return;
        const errc condition = failure->condition();
        if (condition == errc::closed || condition == errc::message_not_encodable) throw Error(*failure);
        candidates->failed(broker, *failure);
    }
    const std::vector<Error> failures = candidates->failures();
    throw_all(failures, purpose);
}

Task<void> Cluster::Impl::anywhere(Self self, AnyRequest request, void* answer,
                                   CallOptions options, TimePoint deadline) {
    Use use = [request, answer, options](BrokerPtr broker, TimePoint until) {
        return broker->call(request, answer, options, until);
    };
    const std::string purpose = to_string(request.request->api_key.value_or(ApiKey{-1}));
    co_await at_any(self, options.lane, std::move(use), purpose, deadline);
}

Task<BrokerVersions> Cluster::Impl::versions_of(Self self, std::int32_t id, CallOptions options) {
    self->runtime->require_on_runtime("Cluster::version_for");
    const auto broker = self->broker_of(id, options.lane);
    const Negotiated link = co_await broker->link(self->deadline_of(options));
    co_return link.versions;
}

}  // namespace kwire
