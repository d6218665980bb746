#include "server_addresses.h"

#include <algorithm>

#include <asio/co_spawn.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

namespace kwire::zk {

namespace {

using Found = std::vector<std::vector<std::string>>;  // addresses of each server

struct Search {
    explicit Search(Runtime& runtime, std::size_t count) : ended(runtime), found(count) {}
    Event ended;
    Found found;
    std::size_t left = 0;
};

bool numeric(const std::string& host) {
    std::error_code error;
    asio::ip::make_address(host, error);
    return !error;
}

Task<void> search(std::shared_ptr<Search> into, std::size_t index, HostPort server,
                  asio::any_io_executor executor) {
    asio::ip::tcp::resolver resolver(executor);
    std::error_code error;
    const auto results = co_await resolver.async_resolve(
        server.host, std::to_string(server.port), asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
        for (const auto& each : results) {
            into->found[index].push_back(each.endpoint().address().to_string());
        }
    }
    --into->left;
    into->ended.notify_all();
}

}  // namespace

bool all_numeric(const std::vector<HostPort>& servers) {
    return std::ranges::all_of(servers, [](const HostPort& each) { return numeric(each.host); });
}

Task<std::string> numeric_addresses(std::shared_ptr<Runtime> runtime, std::vector<HostPort> servers,
                                    TimePoint deadline) {
    const auto state = std::make_shared<Search>(*runtime, servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        if (numeric(servers[i].host)) {
            state->found[i] = {servers[i].host};
            continue;
        }
        ++state->left;
        runtime->spawn(search(state, i, servers[i], runtime->executor()));
    }
    while (state->left > 0) {
        const bool in_time = co_await state->ended.wait_until(deadline);
        if (!in_time) break;
    }
    std::string joined;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        std::ranges::sort(state->found[i]);
        for (const std::string& address : state->found[i]) {
            // The C client takes what follows the last colon for the port and knows no brackets.
            joined += (joined.empty() ? "" : ",") + address + ":" + std::to_string(servers[i].port);
        }
    }
    co_return joined;
}

}  // namespace kwire::zk
