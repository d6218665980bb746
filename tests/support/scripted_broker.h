// A broker that says what the script says, in the order of the script.
//
//     VirtualLoop loop;
//     MemoryNetwork network(loop.runtime());
//     ScriptedBroker broker(loop, network, {"b1", 9092});
//     broker.expect(ApiKey::api_versions).reply(offering({{ApiKey::metadata, {0, 9}}}));
//     broker.expect(ApiKey::metadata, 9).after(3s).reply(one_broker);
//     broker.expect(ApiKey::metadata).keep_silent();
//     broker.expect(ApiKey::metadata).close();
//     ...
//     EXPECT_TRUE(broker.done()) << broker.complaints();
//
// A request that the script does not have next is a complaint, and its connection is closed. Steps
// are shared by all connections to the broker. replay_failing plays a whole conversation again and
// again, with each of its steps failing in each of the ways a step can fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kwire/protocol/api_versions.h>

#include "frame_server.h"

namespace kwire::test {

/// An ApiVersions answer. ApiVersions itself is added, versions 0 to 3, if it is not there.
protocol::ApiVersionsResponse offering(std::map<ApiKey, VersionRange> versions);

class ScriptedBroker {
 public:
    class Step {
     public:
        template <class Response>
        Step& reply(Response response) {
            return act([response = std::move(response)](const Exchange& exchange) {
                return exchange.encoded(response);
            });
        }
        /// In another version's layout than was asked for, as brokers of 0.8 and 0.9 answer Metadata.
        template <class Response>
        Step& reply_in(Response response, std::int16_t version) {
            return act([response = std::move(response), version](const Exchange& exchange) {
                return exchange.encoded(response, version);
            });
        }
        Step& reply_bytes(std::string frame);
        Step& keep_silent();
        Step& close();
        /// Waits before the answer, on the virtual clock.
        Step& after(Duration delay);
        /// Looks at the request when it comes.
        template <class Request>
        Step& check(std::function<void(const Request&)> look) {
            check_ = [look = std::move(look)](const Exchange& exchange) {
                look(exchange.request<Request>());
            };
            return *this;
        }

     private:
        friend class ScriptedBroker;
        using Answer = std::function<std::string(const Exchange&)>;
        Step& act(Answer answer);

        ApiKey api_{};
        std::optional<std::int16_t> version_;
        Answer answer_;  // none: silence
        bool close_ = false;
        Duration delay_{};
        std::function<void(const Exchange&)> check_;
    };

    ScriptedBroker(VirtualLoop& loop, MemoryNetwork& network, HostPort address);

    /// Adds a step. The reference stays valid until the next step is added.
    Step& expect(ApiKey api);
    Step& expect(ApiKey api, std::int16_t version);

    /// The step of that number, counted from 0, fails in this way instead of doing what it says.
    void fail_at(std::size_t step, Fault fault);

    bool done() const { return next_ == steps_.size() && complaints_.empty(); }
    std::size_t steps_taken() const { return next_; }
    std::size_t steps() const { return steps_.size(); }
    const std::string& complaints() const { return complaints_; }
    FrameServer& server() { return *server_; }

 private:
    void take(const Exchange& exchange);
    void perform(const Step& step, const Exchange& exchange);

    VirtualLoop& loop_;
    std::deque<Step> steps_;
    std::size_t next_ = 0;
    std::optional<std::pair<std::size_t, Fault>> fault_;
    std::string complaints_;
    std::unique_ptr<FrameServer> server_;
};

/// Plays conversation once without a fault, then once for every step and every fault. conversation
/// sets everything up anew, calls arm on its broker once the script is written, and checks what
/// must hold with and without a fault. Returns how often it was played.
using Arm = std::function<void(ScriptedBroker& broker)>;
std::size_t replay_failing(const std::function<void(const Arm& arm)>& conversation);

}  // namespace kwire::test
