#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <netinet/tcp.h>

#include <kwire/net/error.h>
#include <kwire/net/transport.h>

namespace kwire {
namespace {

using asio::ip::tcp;

class TcpStream final : public Stream {
 public:
    TcpStream(tcp::socket socket, std::string target)
        : socket_(std::move(socket)), target_(std::move(target)) {}

    Task<std::size_t> read_some(std::span<char> buffer) override {
        asio::error_code failure;
        const std::size_t size =
            co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                                             asio::redirect_error(asio::use_awaitable, failure));
        if (failure) throw_lost(failure);
        co_return size;
    }

    // Not asio::async_write, which hands at most 64 KB at a time to the kernel.
    Task<void> write(std::string_view data) override {
        while (!data.empty()) {
            asio::error_code failure;
            const std::size_t size = co_await socket_.async_write_some(
                asio::buffer(data.data(), data.size()),
                asio::redirect_error(asio::use_awaitable, failure));
            if (failure) throw_lost(failure);
            data.remove_prefix(size);
        }
    }

    void close() override {
        asio::error_code ignored;
        socket_.close(ignored);
    }

 private:
    [[noreturn]] void throw_lost(const asio::error_code& failure) const {
        std::string what;
        if (failure == asio::error::eof) {
            what = "the other side closed the connection";
        } else if (failure == asio::error::operation_aborted ||
                   failure == asio::error::bad_descriptor) {
            what = "the connection was given up";
        } else {
            what = "the connection broke: " + failure.message();
        }
        throw Error(errc::connection_lost, what, {.target = target_});
    }

    tcp::socket socket_;
    std::string target_;
};

/// One step of connecting that may outlive its waiter: a name that takes a minute to resolve cannot
/// be interrupted, only left behind.
template <class Result>
struct Step {
    explicit Step(Runtime& runtime) : done(runtime) {}

    void finish(asio::error_code how, Result what) {
        failure = how;
        result.emplace(std::move(what));
        done.notify_all();
    }

    Event done;
    asio::error_code failure;
    std::optional<Result> result;
};

using Addresses = tcp::resolver::results_type;

Task<void> resolve(std::shared_ptr<Runtime> runtime, HostPort target,
                   std::shared_ptr<Step<Addresses>> step) {
    tcp::resolver resolver(runtime->executor());
    asio::error_code failure;
    auto addresses = co_await resolver.async_resolve(
        target.host, std::to_string(target.port), tcp::resolver::numeric_service,
        asio::redirect_error(asio::use_awaitable, failure));
    step->finish(failure, std::move(addresses));
}

constexpr std::chrono::milliseconds stagger_min{50};
constexpr std::chrono::milliseconds stagger_max{500};

/// Addresses of one host, tried one beside the other.
struct Race {
    struct Try {
        tcp::endpoint address;
        std::shared_ptr<tcp::socket> socket;
        asio::error_code failure;
    };
    explicit Race(Runtime& runtime) : changed(runtime) {}

    std::vector<Try> tries;
    std::optional<std::size_t> won;
    std::size_t failed = 0;
    bool over = false;
    Event changed;
};

Task<void> open(std::shared_ptr<Race> race, std::size_t number) {
    const auto socket = race->tries[number].socket;
    const tcp::endpoint address = race->tries[number].address;
    asio::error_code failure;
    co_await socket->async_connect(address, asio::redirect_error(asio::use_awaitable, failure));
    if (!failure) {
        // A port of this machine that nobody listens on may be the very one the kernel picks for
        // our own end.
        asio::error_code ignored;
        if (socket->local_endpoint(ignored) == socket->remote_endpoint(ignored)) {
            failure = asio::error::connection_refused;
        }
    }
    if (race->over) co_return;
    if (failure) {
        race->tries[number].failure = failure;
        ++race->failed;
    } else if (!race->won) {
        race->won = number;
    }
    race->changed.notify_all();
}

void set_options(tcp::socket& socket) {
    asio::error_code ignored;  // none of them is needed for correctness
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    using Number = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
    using Pause = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
    using Count = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
    socket.set_option(Number(30), ignored);
    socket.set_option(Pause(10), ignored);
    socket.set_option(Count(3), ignored);
}

std::string in_words(const tcp::endpoint& address) {
    return HostPort{address.address().to_string(), address.port()}.to_string();
}

class TcpTransport final : public Transport {
 public:
    explicit TcpTransport(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}

    Task<std::unique_ptr<Stream>> connect(HostPort target, TimePoint deadline) override {
        return connect_to(runtime_, std::move(target), deadline);
    }

 private:
    // The next address is tried beside one that does not answer, so that addresses which swallow packets cost no time
    // that the others need.
    static Task<std::unique_ptr<Stream>> connect_to(std::shared_ptr<Runtime> runtime,
                                                    HostPort target, TimePoint deadline) {
        const Addresses addresses = co_await resolve_in_time(runtime, target, deadline);
        auto race = std::make_shared<Race>(*runtime);
        const auto count = static_cast<Duration::rep>(addresses.size());
        const Duration stagger = std::clamp<Duration>((deadline - runtime->now()) / (2 * count), stagger_min, stagger_max);
        for (const auto& entry : addresses) {
            if (race->won) break;
            race->tries.push_back({entry.endpoint(), std::make_shared<tcp::socket>(runtime->executor()), {}});
            const std::size_t failed = race->failed;
            runtime->spawn(open(race, race->tries.size() - 1));
            const TimePoint until = std::min(deadline, runtime->now() + stagger);
            bool in_time = runtime->now() < deadline;
            while (in_time && !race->won && race->failed == failed) in_time = co_await race->changed.wait_until(until);
            if (runtime->now() >= deadline) break;
        }
        bool in_time = true;
        while (in_time && !race->won && race->failed < race->tries.size()) {
            in_time = co_await race->changed.wait_until(deadline);
        }
        race->over = true;
        for (std::size_t i = 0; i < race->tries.size(); ++i) {
            asio::error_code ignored;
            if (race->won != i) race->tries[i].socket->close(ignored);
        }
        if (!race->won) throw_failed(*race, target);
        tcp::socket& socket = *race->tries[*race->won].socket;
        set_options(socket);
        co_return std::make_unique<TcpStream>(std::move(socket), target.to_string());
    }

    [[noreturn]] static void throw_failed(const Race& race, const HostPort& target) {
        std::string failures;
        for (const auto& one : race.tries) {
            failures += failures.empty() ? "" : "; ";
            failures += in_words(one.address) + ' ' + (one.failure ? one.failure.message() : "did not answer in time");
        }
        throw Error(race.failed == 0 ? errc::timed_out : errc::cannot_connect,
                    "cannot connect: " + failures, {.target = target.to_string()});
    }

    static Task<Addresses> resolve_in_time(std::shared_ptr<Runtime> runtime, HostPort target,
                                           TimePoint deadline) {
        auto step = std::make_shared<Step<Addresses>>(*runtime);
        runtime->spawn(resolve(runtime, target, step));
        co_await step->done.wait_until(deadline);
        if (!step->result) {
            throw Error(errc::timed_out,
                        "the name service did not say in time where '" + target.host + "' is",
                        {.target = target.to_string()});
        }
        if (step->failure || step->result->empty()) {
            throw Error(errc::cannot_resolve,
                        "the host name '" + target.host + "' has no address: " +
                            step->failure.message() + "; check its spelling and the name service",
                        {.target = target.to_string()});
        }
        co_return *step->result;
    }

    std::shared_ptr<Runtime> runtime_;
};

}  // namespace

std::shared_ptr<Transport> tcp_transport(std::shared_ptr<Runtime> runtime) {
    return std::make_shared<TcpTransport>(std::move(runtime));
}

}  // namespace kwire
