// A member of a group that tells all that happens to it: member ZOOKEEPER GROUP TOPIC EVENTS [PROPERTY=VALUE...]
//
// EVENTS is a file of lines: what, when (microseconds since 1970), partition, offset, value; what does not apply is -1 or
// left out.
// A line is written at once and by one call, so that nothing is lost when the process is killed.
// On its input it is told: `expire`, end your session as if its time were over; `hold MS`, take so long to process the next
// message; `block MS`, take so long in the next on_revoked; `clock`, tell what the time of day
// is; `flush inside`, commit from inside every callback; `close inside`, leave from inside the next. SIGTERM: leave.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <kwire/group/consumer_group.h>
#include <kwire/net/error.h>
#include <kwire/zk/session.h>

namespace kwire::faults {
namespace {

using Partitions = std::vector<TopicPartition>;

/// The time of day as it goes on from the start of the process, whatever becomes of the clock that tells it.
class TimeOfDay {
 public:
    std::int64_t microseconds() const {
        const auto now = began_.time_since_epoch() + (std::chrono::steady_clock::now() - began_steady_);
        return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    }
    double seconds_gone() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_steady_).count();
    }

 private:
    const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
    const std::chrono::steady_clock::time_point began_steady_ = std::chrono::steady_clock::now();
};

class Events {
 public:
    explicit Events(const char* path) : descriptor_(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {}
    void write(const std::string& what, int partition = -1, std::int64_t offset = -1,
               std::string_view value = {}) const {
        std::string line = what + ' ' + std::to_string(time_.microseconds()) + ' ' + std::to_string(partition) + ' ' +
                           std::to_string(offset) + ' ';
        line.append(value).push_back('\n');
        if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    }

 private:
    const TimeOfDay time_;
    int descriptor_;
};

/// Its sessions, the newest of which can be ended behind its back.
class Sessions {
 public:
    explicit Sessions(zk::SessionConfig config) : config_(std::move(config)) {}

    Task<std::shared_ptr<zk::Session>> open(std::shared_ptr<Runtime> runtime) {
        auto session = co_await zk::open_session(std::move(runtime), config_);
        const std::lock_guard lock(mutex_);
        newest_ = {session->id(), session->password()};
        co_return session;
    }
    void expire_newest() {
        auto config = config_;
        {
            const std::lock_guard lock(mutex_);
            config.reopen = newest_;
        }
        const auto runtime = Runtime::with_own_thread();
        runtime->block_on(end_session(runtime, std::move(config)));
    }

 private:
    static Task<void> end_session(std::shared_ptr<Runtime> runtime, zk::SessionConfig config) {
        const auto session = co_await zk::open_session(std::move(runtime), std::move(config));
        co_await session->close();
    }
    const zk::SessionConfig config_;
    std::mutex mutex_;
    std::pair<std::int64_t, std::string> newest_;
};

/// What it is told on its input while it runs.
class Orders {
 public:
    std::atomic<int> hold_ms{0};
    std::atomic<int> block_ms{0};
    std::atomic<bool> flush_inside{false};
    std::atomic<bool> close_inside{false};
};

Task<void> close_inside(std::shared_ptr<ConsumerGroup> group, const Events& events) {
    co_await group->async_close();
    events.write("closed-inside");
}

class Member {
 public:
    Member(char** arguments, int count) : events_(arguments[4]), topic_(arguments[3]) {
        for (int i = 5; i < count; ++i) {
            const std::string setting = arguments[i];
            const auto equals = setting.find('=');
            config_.set(setting.substr(0, equals), setting.substr(equals + 1));
        }
        zk::SessionConfig session;
        session.hosts = arguments[1];
        session.timeout = config_.zookeeper.session_timeout;
        sessions_ = std::make_unique<Sessions>(session);
        config_.runtime = Runtime::with_own_thread();
        config_.session_factory = [this] { return sessions_->open(config_.runtime); };
        add_callbacks();
        group_ = ConsumerGroup::join(arguments[2], {topic_}, arguments[1], config_);
        joined_ = true;
    }

    void read() {
        bool first = true;
        for (const Message& message : group_->messages()) {
            if (std::exchange(first, false)) tell_descriptors();
            events_.write("delivered", message.partition(), message.offset(), message.value().value_or("null"));
            if (const int held = orders_.hold_ms.exchange(0))
                std::this_thread::sleep_for(std::chrono::milliseconds(held));
            if (!group_->commit_upto(message)) events_.write("refused", message.partition(), message.offset());
        }
    }

    void obey() {
        for (std::string line; std::getline(std::cin, line);) {
            if (line == "expire") {
                sessions_->expire_newest();
                events_.write("expired");
            } else if (line.starts_with("hold ")) {
                orders_.hold_ms = std::atoi(line.c_str() + 5);
            } else if (line.starts_with("block ")) {
                orders_.block_ms = std::atoi(line.c_str() + 6);
            } else if (line == "clock") {
                events_.write("clock", -1, std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
            } else if (line == "flush inside") {
                orders_.flush_inside = true;
            } else if (line == "close inside") {
                orders_.close_inside = true;
            }
        }
    }

    /// Tells how long it took, and of how many partitions something stayed uncommitted.
    void leave() {
        tell_descriptors();
        const auto begun = std::chrono::steady_clock::now();
        std::size_t uncommitted = 0;
        try {
            const auto report = group_->close();
            uncommitted = report.uncommitted.size();
        } catch (const Error&) {
            return;  // it left from inside a callback
        }
        const auto took = std::chrono::steady_clock::now() - begun;
        events_.write("used", percent_of_a_core(), peak_megabytes());
        events_.write("closed", static_cast<int>(uncommitted),
                      std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    }

 private:
    void tell_descriptors() const {
        const std::filesystem::directory_iterator open("/proc/self/fd"), end;
        events_.write("descriptors", static_cast<int>(std::distance(open, end)));
    }
    /// Since it began.
    int percent_of_a_core() const {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const double seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                               1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
        return static_cast<int>(100 * seconds / time_.seconds_gone());
    }
    /// getrusage would count what the process that started this one had then.
    static std::int64_t peak_megabytes() {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6) / 1024;  // told in kB
        }
        return -1;
    }

    void add_callbacks() {
        const auto tell = [this](const char* what) {
            return [this, what](const Partitions& partitions) {
                for (const auto& tp : partitions) events_.write(what, tp.partition);
                be_called();
            };
        };
        config_.on_assigned = tell("assigned");
        config_.on_revoked = [this, revoked = tell("revoked")](const Partitions& partitions) {
            revoked(partitions);
            std::this_thread::sleep_for(std::chrono::milliseconds(orders_.block_ms.exchange(0)));
            for (const auto& tp : partitions) events_.write("returned", tp.partition);
        };
        config_.on_lost = tell("lost");
        config_.on_suspended = [this] { events_.write("suspended"), be_called(); };
        config_.on_resumed = [this] { events_.write("resumed"), be_called(); };
        config_.on_committed = [this](const std::map<TopicPartition, std::int64_t>& offsets) {
            for (const auto& [tp, next] : offsets) events_.write("committed", tp.partition, next);
            be_called();
        };
        config_.on_error = [this](const Error& error) {
            events_.write("error", error.where().partition, -1, error.what());
        };
    }

    /// From inside a callback.
    void be_called() {
        if (!joined_) return;
        if (orders_.flush_inside) {
            try {
                group_->flush_offsets();
                events_.write("flushed-inside");
            } catch (const Error& error) {
                events_.write("not-flushed-inside", -1, -1, error.what());
            }
        }
        if (!orders_.close_inside.exchange(false)) return;
        try {
            group_->close();
            events_.write("waited-for-itself");
        } catch (const Error&) {  // that it would wait for this very callback
            config_.runtime->spawn(close_inside(group_, events_));
        }
    }

    const TimeOfDay time_;
    const Events events_;
    const std::string topic_;
    Orders orders_;
    GroupConfig config_;
    std::unique_ptr<Sessions> sessions_;
    std::atomic<bool> joined_{false};
    std::shared_ptr<ConsumerGroup> group_;
};

}  // namespace
}  // namespace kwire::faults

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    try {
        kwire::faults::Member member(argv, argc);
        std::thread([&member] { member.obey(); }).detach();
        std::thread([&member, signals] {
            int number = 0;
            sigwait(&signals, &number);
            member.leave();
            std::_Exit(0);
        }).detach();
        member.read();
        for (;;) pause();  // until it is told to leave
    } catch (const std::exception& error) {
        std::fprintf(stderr, "member: %s\n", error.what());
        return 1;
    }
}
