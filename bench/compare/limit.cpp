// The limit: one socket, a thread that receives and a thread that reads, and nothing of a client around them.
//
// What it leaves out is what a client is for: versions, leaders, errors, bounds, reconnecting, several partitions' turns.
// What it does is what no client can leave out: Fetch, CRC-32C, decompression, a look at every record in place, a call
// for each, a store of its offset. What kwire takes beyond this is the price of being a client.
//
//     limit HOST PORT TOPIC PARTITIONS MESSAGES        one line of JSON, with the names of `kwire bench fetch --json`
//
// Assumes record batches v2, one broker that leads all partitions, and a topic that holds as many messages.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zstd.h>

#include <kwire/protocol/crc32.h>

namespace {

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

template <class Int>
Int load(const char* at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
    return static_cast<Int>(value);
}

template <class Int>
void append(std::string& out, Int value) {
    for (std::size_t i = sizeof(Int); i-- > 0;) out += static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i);
}

/// A frame's memory, used again and again.
struct Frame {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::size_t size = 0;

    void resize(std::size_t wanted) {
        if (wanted > capacity) {
            bytes.reset(new char[wanted]);
            capacity = wanted;
        }
        size = wanted;
    }
};

/// Three frames that go round between the two threads.
class Ring {
 public:
    Frame* to_fill() { return wait([&] { return filled_ - emptied_ < frames_.size(); }, filled_); }
    Frame* to_read() { return wait([&] { return filled_ > emptied_ || over_; }, emptied_); }
    void filled() { step(filled_); }
    void emptied() { step(emptied_); }
    void end() {
        const std::lock_guard lock(mutex_);
        over_ = true;
        changed_.notify_all();
    }

 private:
    template <class Ready>
    Frame* wait(Ready ready, const std::size_t& turn) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, ready);
        if (&turn == &emptied_ && filled_ == emptied_) return nullptr;
        return &frames_[turn % frames_.size()];
    }
    void step(std::size_t& turn) {
        const std::lock_guard lock(mutex_);
        ++turn;
        changed_.notify_one();
    }

    std::array<Frame, 3> frames_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t filled_ = 0;
    std::size_t emptied_ = 0;
    bool over_ = false;
};

/// Calls use(partition, records) for each partition of a Fetch v4 answer.
template <class Use>
void each_partition(const Frame& frame, Use use) {
    const char* at = frame.bytes.get() + 8;
    std::int32_t topics = load<std::int32_t>(at);
    for (at += 4; topics > 0; --topics) {
        at += 2 + load<std::int16_t>(at);
        std::int32_t partitions = load<std::int32_t>(at);
        for (at += 4; partitions > 0; --partitions) {
            const auto index = load<std::int32_t>(at);
            if (load<std::int16_t>(at + 4) != 0) {
                std::fprintf(stderr, "limit: partition %d answers error %d\n", index, load<std::int16_t>(at + 4));
                std::exit(1);
            }
            const auto aborted = load<std::int32_t>(at + 22);
            at += 26 + (aborted > 0 ? 16 * aborted : 0);
            const auto size = load<std::int32_t>(at);
            use(index, std::string_view(at + 4, static_cast<std::size_t>(size)));
            at += 4 + size;
        }
    }
}

/// Calls use(batch) for each whole batch.
template <class Use>
void each_batch(std::string_view records, Use use) {
    while (records.size() > 61) {
        const auto size = static_cast<std::size_t>(load<std::int32_t>(records.data() + 8)) + 12;
        if (size > records.size()) break;
        use(records.substr(0, size));
        records.remove_prefix(size);
    }
}

class Connection {
 public:
    Connection(const char* host, int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = inet_addr(host);
        if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect");
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Connection() { close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void ask(const std::string& topic, const std::vector<std::int64_t>& offsets) {
        constexpr std::int32_t partition_bytes = 1 << 20;
        std::string body;
        append<std::int16_t>(body, 1);  // Fetch
        append<std::int16_t>(body, 4);
        append<std::int32_t>(body, 0);   // correlation id
        append<std::int16_t>(body, -1);  // no client id
        append<std::int32_t>(body, -1);  // no replica
        append<std::int32_t>(body, 500);
        append<std::int32_t>(body, 1);
        append<std::int32_t>(body, 16 << 20);
        body += '\0';
        append<std::int32_t>(body, 1);
        append(body, static_cast<std::int16_t>(topic.size()));
        body += topic;
        append(body, static_cast<std::int32_t>(offsets.size()));
        for (std::size_t p = 0; p < offsets.size(); ++p) {
            append(body, static_cast<std::int32_t>(p));
            append(body, offsets[p]);
            append(body, partition_bytes);
        }
        std::string frame;
        append(frame, static_cast<std::int32_t>(body.size()));
        frame += body;
        if (send(fd_, frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size())) die("send");
    }
    void receive(Frame& frame) {
        std::array<char, 4> size{};
        read(size.data(), size.size());
        frame.resize(load<std::uint32_t>(size.data()));
        read(frame.bytes.get(), frame.size);
    }

 private:
    void read(char* to, std::size_t size) {
        while (size > 0) {
            const ssize_t got = recv(fd_, to, size, MSG_WAITALL);
            if (got <= 0) die("recv");
            to += got;
            size -= static_cast<std::size_t>(got);
        }
    }
    int fd_;
};

/// One call of the codec's own library a batch, into memory that stays.
class Unpacker {
 public:
    const char* unpack(int codec, std::string_view packed) {
        switch (codec) {
            case 0:
                return packed.data();
            case 1:
                libdeflate_gzip_decompress(gzip_, packed.data(), packed.size(), out_.get(), capacity, nullptr);
                break;
            case 2:
                snappy::RawUncompress(packed.data(), packed.size(), out_.get());
                break;
            case 3: {
                std::size_t made = capacity;
                std::size_t used = packed.size();
                LZ4F_resetDecompressionContext(lz4_);
                LZ4F_decompress(lz4_, out_.get(), &made, packed.data(), &used, nullptr);
                break;
            }
            default: {
                ZSTD_outBuffer out{out_.get(), capacity, 0};
                ZSTD_inBuffer in{packed.data(), packed.size(), 0};
                ZSTD_initDStream(zstd_);
                ZSTD_decompressStream(zstd_, &out, &in);
            }
        }
        return out_.get();
    }

 private:
    static constexpr std::size_t capacity = 32 << 20;
    static LZ4F_dctx* new_lz4() {
        LZ4F_dctx* context = nullptr;
        LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
        return context;
    }
    // Kept until the process ends.
    std::unique_ptr<char[]> out_{new char[capacity]};
    libdeflate_decompressor* gzip_ = libdeflate_alloc_decompressor();
    LZ4F_dctx* lz4_ = new_lz4();
    ZSTD_DStream* zstd_ = ZSTD_createDStream();
};

std::int64_t varint(const char*& at) {
    auto byte = static_cast<unsigned char>(*at++);
    std::uint64_t value = byte & 127U;
    for (unsigned shift = 7; byte >= 128; shift += 7) {
        byte = static_cast<unsigned char>(*at++);
        value |= std::uint64_t{byte & 127U} << shift;
    }
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

struct Seen {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    std::int64_t damaged = 0;
};
struct Message {
    std::int32_t partition;
    std::int64_t offset;
    std::int64_t timestamp;
    std::string_view key;
    std::string_view value;
};

/// A program's own function: not inlined.
__attribute__((noinline)) void use(const Message& message, Seen& seen, std::int64_t& processed) {
    seen.bytes += static_cast<std::int64_t>(message.key.size() + message.value.size());
    __atomic_store_n(&processed, message.offset + 1, __ATOMIC_RELAXED);
}

std::string_view take(const char*& at) {
    const std::int64_t size = varint(at);
    const std::string_view bytes(at, size > 0 ? static_cast<std::size_t>(size) : 0);
    at += bytes.size();
    return bytes;
}

void read_batch(std::int32_t partition, std::string_view batch, Unpacker& unpacker, Seen& seen,
                std::int64_t& processed) {
    if (kwire::protocol::crc32c(batch.substr(21)) != load<std::uint32_t>(batch.data() + 17)) ++seen.damaged;
    const auto base = load<std::int64_t>(batch.data());
    const auto first_timestamp = load<std::int64_t>(batch.data() + 27);
    const auto count = load<std::int32_t>(batch.data() + 57);
    const char* at = unpacker.unpack(batch[22] & 7, batch.substr(61));
    for (std::int32_t i = 0; i < count; ++i) {
        Message message{};
        varint(at);
        ++at;
        message.partition = partition;
        message.timestamp = first_timestamp + varint(at);
        message.offset = base + varint(at);
        message.key = take(at);
        message.value = take(at);
        for (std::int64_t headers = varint(at); headers > 0; --headers) {
            take(at);
            take(at);
        }
        use(message, seen, processed);
    }
    seen.messages += count;
}

void receive_all(Connection& connection, Ring& ring, const std::string& topic, std::size_t partitions,
                 std::int64_t wanted) {
    std::vector<std::int64_t> next(partitions, 0);
    std::int64_t seen = 0;
    connection.ask(topic, next);
    while (seen < wanted) {
        Frame* frame = ring.to_fill();
        connection.receive(*frame);
        each_partition(*frame, [&](std::int32_t partition, std::string_view records) {
            each_batch(records, [&](std::string_view batch) {
                next[static_cast<std::size_t>(partition)] =
                    load<std::int64_t>(batch.data()) + load<std::int32_t>(batch.data() + 23) + 1;
                seen += load<std::int32_t>(batch.data() + 57);
            });
        });
        if (seen < wanted) connection.ask(topic, next);  // the broker works while this is read
        ring.filled();
    }
    ring.end();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fprintf(stderr, "limit HOST PORT TOPIC PARTITIONS MESSAGES\n");
        return 2;
    }
    const auto partitions = static_cast<std::size_t>(std::atoi(argv[4]));
    Connection connection(argv[1], std::atoi(argv[2]));
    Ring ring;
    Unpacker unpacker;
    Seen seen;
    std::vector<std::int64_t> processed(partitions, 0);
    const auto begun = std::chrono::steady_clock::now();
    std::thread receiver([&] { receive_all(connection, ring, argv[3], partitions, std::atol(argv[5])); });
    while (const Frame* frame = ring.to_read()) {
        each_partition(*frame, [&](std::int32_t partition, std::string_view records) {
            each_batch(records, [&](std::string_view batch) {
                read_batch(partition, batch, unpacker, seen, processed[static_cast<std::size_t>(partition)]);
            });
        });
        ring.emptied();
    }
    receiver.join();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto span = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    const double cpu = span(usage.ru_utime) + span(usage.ru_stime);
    if (seen.damaged > 0) std::fprintf(stderr, "limit: %ld batches do not match their CRC\n", seen.damaged);
    const auto messages = static_cast<double>(seen.messages);
    std::printf("{\"messages\":%ld,\"bytes\":%ld,\"seconds\":%.6f,\"messages_per_second\":%.0f,\"cpu_seconds\":%.6f,"
                "\"cpu_ns_per_message\":%.2f,\"peak_rss_bytes\":%ld}\n",
                seen.messages, seen.bytes, seconds, messages / seconds, cpu, cpu * 1e9 / messages,
                usage.ru_maxrss * 1024L);
    return seen.damaged > 0 ? 1 : 0;
}
