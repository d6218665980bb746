// Finding a group's coordinator and the cluster's controller.
#include "cluster_impl.h"

namespace kwire {
namespace {

constexpr std::chrono::milliseconds retry_first{100};
constexpr std::chrono::milliseconds retry_max{1'000};
/// How long a controller may take to be connected to before the cluster is asked again which it is.
constexpr std::chrono::seconds controller_share_min{3};

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;

bool worth_asking_again(ErrorCode code) {
    return code == ErrorCode::coordinator_not_available ||
           code == ErrorCode::coordinator_load_in_progress;
}

FindCoordinatorRequest coordinator_request(const std::string& group, std::int16_t version) {
    FindCoordinatorRequest request;
    if (version >= 4) {
        request.coordinator_keys = {group};
    } else {
        request.key = group;
    }
    return request;
}

/// Compares the answer with the question. Throws broken_frame.
FindCoordinatorResponse::Coordinator checked(const FindCoordinatorResponse& answer,
                                             const std::string& group, std::int16_t version,
                                             const std::string& target) {
    const auto refuse = [&](const std::string& what) {
        throw Error(errc::broken_frame, "the answer cannot be right: " + what,
                    {.target = target, .api = "FindCoordinator", .api_version = version});
    };
    FindCoordinatorResponse::Coordinator found;
    if (version < 4) {
        found = {group, answer.node_id, answer.host, answer.port, answer.error_code, answer.error_message};
    } else {
        if (answer.coordinators.size() != 1) {
            refuse("one group was asked for, and " + std::to_string(answer.coordinators.size()) + " are answered");
        }
        found = answer.coordinators.front();
        if (found.key != group) refuse("it is about another group than the one that was asked for");
    }
    if (found.error_code != ErrorCode::none) return found;
    if (found.node_id < 0 || found.host.empty() || found.port < 1 || found.port > 65535) {
        refuse("the coordinator is broker " + std::to_string(found.node_id) + " at '" +
               found.host.substr(0, 255) + "', port " + std::to_string(found.port));
    }
    return found;
}

}  // namespace

Task<void> Cluster::Impl::coordinator_from(Self self, BrokerPtr broker, std::string group,
                                           std::shared_ptr<Coordinator> out, TimePoint deadline) {
    std::int16_t version = 0;
    const auto make = [&group, &version](std::int16_t chosen) {
        version = chosen;
        return coordinator_request(group, chosen);
    };
    FindCoordinatorResponse answer;
    co_await broker->call(AnyRequest::made_by<FindCoordinatorRequest>(make), &answer,
                          self->own_options(), deadline);
    *out = checked(answer, group, version, broker->target().to_string());
}

Task<std::int32_t> Cluster::Impl::coordinator_of(Self self, std::string group) {
    self->runtime->require_on_runtime("Cluster::coordinator");
    const TimePoint deadline = self->request_deadline();
    Backoff backoff(retry_first, retry_max, self->random());
    for (;;) {
        if (self->closed) throw Error(*self->closed);
        const auto known = self->coordinators.find(group);
        if (known != self->coordinators.end() && self->address_of(known->second)) {
            co_return known->second;
        }
        auto found = std::make_shared<Coordinator>();
        Use use = [self, group, found](BrokerPtr broker, TimePoint until) {
            return coordinator_from(self, std::move(broker), group, found, until);
        };
        co_await at_any(self, 0, std::move(use), "FindCoordinator", deadline);
        if (found->error_code == ErrorCode::none) {
            self->coordinator_addresses[found->node_id] = {
                found->host, static_cast<std::uint16_t>(found->port)};
            self->coordinators[group] = found->node_id;
            co_return found->node_id;
        }
        const TimePoint again = later(self->runtime->now(), backoff.next());
        // The last question must have time for its answer.
        const bool in_time = later(again, retry_first) <= deadline;
        if (!worth_asking_again(found->error_code) || !in_time) {
            throw Error(found->error_code, "there is no coordinator for group '" + group + '\'',
                        {.api = "FindCoordinator"});
        }
        Timer timer(*self->runtime);
        co_await timer.wait_until(again);
    }
}

/// Asks who the controller is until it can be connected to.
Task<BrokerPtr> Cluster::Impl::connected_controller(Self self, std::int8_t lane,
                                                    TimePoint deadline) {
    Backoff backoff(retry_first, retry_max, self->random());
    for (;;) {
        const bool unknown = !self->address_of(self->current_view()->controller);
        if (unknown || self->controller_doubtful) {
            co_await ask_metadata(self, Asked::only_brokers(), deadline);
        }
        const std::int32_t id = self->current_view()->controller;
        if (id < 0) {
            throw Error(errc::unsupported_version,
                        "the brokers do not say which of them is the controller: they are older "
                        "than 0.10, or none is elected");
        }
        std::optional<Error> failure;
        BrokerPtr broker;
        const TimePoint now = self->runtime->now();
        try {
            broker = self->broker_of(id, lane);
            co_await broker->link(std::min(
                deadline, later(now, std::max<Duration>(controller_share_min, (deadline - now) / 4))));
        } catch (const Error& e) {
            failure = e;
        }
        if (!failure) co_return broker;
        if (failure->condition() == errc::closed) throw Error(*failure);
        self->controller_doubtful = true;
        const TimePoint again = later(self->runtime->now(), backoff.next());
        if (later(again, retry_first) > deadline) {
            throw Error(failure->condition(),
                        "the controller, broker " + std::to_string(id) +
                            ", cannot be reached, and no other takes its place: " + failure->reason(),
                        failure->where());
        }
        Timer timer(*self->runtime);
        co_await timer.wait_until(again);
    }
}

Task<void> Cluster::Impl::controller_answer(Self self, AnyRequest request, void* answer,
                                            CallOptions options, TimePoint deadline) {
    Backoff backoff(retry_first, retry_max, self->random());
    const ErrorWhere where{.api = to_string(request.request->api_key.value_or(ApiKey{-1}))};
    for (;;) {
        std::optional<Error> failure;
        try {
            const BrokerPtr broker = co_await connected_controller(self, options.lane, deadline);
            co_await broker->call(request, answer, options, deadline);
        } catch (const Error& e) {
            failure = e.at(where);
        }
        if (failure) throw Error(*failure);
        if (!request.not_controller(answer)) co_return;
        self->controller_doubtful = true;
        const TimePoint again = later(self->runtime->now(), backoff.next());
        if (again > deadline) co_return;
        Timer timer(*self->runtime);
        co_await timer.wait_until(again);
    }
}

}  // namespace kwire
