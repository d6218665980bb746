#include "membership.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "coordinators/zookeeper/zookeeper_coordinator.h"

namespace kwire {
namespace {

template <class Event>
constexpr bool is_for_tenancy = requires(Tenancy& tenancy, const Event& e) { tenancy.on(e); };

}  // namespace

Membership::Membership(MembershipConfig config)
    : turn_(config.retry_backoff, config.retry_backoff_max, config.jitter_seed),
      tenancy_({config.processing_timeout, config.leave_timeout * 3 / 4}, turn_),
      coordinator_(std::make_unique<ZookeeperCoordinator>(std::move(config), tenancy_, turn_)) {}

Membership::Actions Membership::handle(const MembershipEvent& event, TimePoint now) {
    if (closed()) return {};
    turn_.begin(now);
    std::visit(
        [&](const auto& e) {
            if constexpr (is_for_tenancy<std::decay_t<decltype(e)>>) {
                tenancy_.on(e);
            } else {
                coordinator_->handle(event);
            }
        },
        event);
    progress();
    return turn_.take_orders();
}

void Membership::progress() {
    if (closed()) return;
    coordinator_->progress();
    do {
        tenancy_.progress(coordinator_->grants_pending());
        for (const auto& request : tenancy_.take_requests()) coordinator_->carry_out(request);
        coordinator_->settle();
    } while (tenancy_.has_work());
    coordinator_->leave_if_done();
}

std::optional<TimePoint> Membership::next_timer() const {
    if (closed()) return std::nullopt;
    return earlier(coordinator_->next_timer(), tenancy_.next_timer());
}

}  // namespace kwire
