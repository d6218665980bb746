#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include <kwire/protocol/traffic.h>

namespace kwire {
namespace {

// A connection whose client sent so much without a request that could be read is none of Kafka's.
constexpr std::uint64_t doubt_bytes_max = 64 << 10;

// Of a connection whose beginning is not there, what came before its first request: it may be the answer,
// which a capture can have in the wrong place by a few packets.
constexpr std::size_t held_segments_max = 8;
constexpr std::size_t held_bytes_max = 16U << 20;  // of all connections together

bool begins_tls(std::string_view bytes) {
    return bytes.size() >= 3 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

}  // namespace

struct Traffic::Connection {
    struct Held {
        TcpSegment segment;
        std::string payload;
    };

    TcpEnd client;
    TcpEnd broker;
    bool decided = false;   // which end is which
    bool in_doubt = false;  // whether it is Kafka at all
    bool other = false;     // it is not
    bool tls = false;
    bool ended = false;
    std::unique_ptr<Conversation> conversation;
    std::unique_ptr<TcpAssembler> from_client;
    std::unique_ptr<TcpAssembler> from_broker;
    bool client_finished = false;
    bool broker_finished = false;
    std::uint64_t client_bytes = 0;
    std::deque<Held> held;

    /// What came is of no use any more. Connections themselves are kept, as many as there were.
    void forget() {
        conversation.reset();
        from_client.reset();
        from_broker.reset();
    }
};

Traffic::Traffic(std::vector<std::uint16_t> ports, Handler handler)
    : ports_(std::move(ports)), handler_(std::move(handler)) {}
Traffic::~Traffic() = default;

bool Traffic::wanted(const TcpEnd& end) const {
    return std::find(ports_.begin(), ports_.end(), end.port) != ports_.end();
}

void Traffic::packet(const CapturedPacket& packet) {
    ++counts_.packets;
    const auto segment = segments_.read(packet);
    const bool is_cut =
        segment ? segment->payload.size() < segment->payload_bytes : packet.data.size() < packet.original_size;
    if (!segment) {
        ++counts_.packets_without_tcp;
        if (is_cut) ++counts_.cut_packets;
        return;
    }
    if (!ports_.empty() && !wanted(segment->from) && !wanted(segment->to)) {
        ++counts_.packets_to_other_ports;
        return;
    }
    if (is_cut) ++counts_.cut_packets;
    auto& connection = connections_[std::minmax(segment->from, segment->to)];
    if (!connection) connection = std::make_unique<Connection>();
    if (segment->syn) drop_held(*connection);  // of a connection before
    const bool opens = segment->syn && !segment->ack;
    if (opens && connection->decided &&
        (segment->from != connection->client || connection->other || connection->ended ||
         connection->from_client->begins_anew(*segment))) {
        close(*connection);
        connection = std::make_unique<Connection>();
    }
    if (!connection->decided && !decide(*connection, *segment)) {
        hold(*connection, *segment);
        return;
    }
    if (connection->decided && !connection->conversation && !connection->other) {
        // Only who opens a connection is sure to begin with the first byte.
        const bool from_start = segment->syn;
        open(*connection, connection->client, connection->broker, from_start && !ports_.empty(),
             ports_.empty());
    }
    if (!connection->other && !connection->ended) deliver(*connection, *segment);
}

/// Finds out which end is the broker; false as long as nobody can know.
bool Traffic::decide(Connection& connection, const TcpSegment& segment) const {
    bool forward = true;  // the sender is the client
    if (segment.syn) {
        forward = !segment.ack;
    } else if (!ports_.empty() && wanted(segment.from) != wanted(segment.to)) {
        forward = wanted(segment.to);
    } else if (segment.payload.empty() || plausible_request(segment.payload) != Plausible::yes) {
        connection.tls = connection.tls || begins_tls(segment.payload);
        return false;
    }
    connection.client = forward ? segment.from : segment.to;
    connection.broker = forward ? segment.to : segment.from;
    connection.decided = true;
    return true;
}

void Traffic::open(Connection& connection, const TcpEnd& client, const TcpEnd& broker,
                   bool from_start, bool in_doubt) {
    connection.in_doubt = in_doubt;
    connection.conversation = std::make_unique<Conversation>(
        [this, client, broker](Exchange&& exchange) {
            handler_(client, broker, std::move(exchange));
        },
        from_start);
    connection.from_client = std::make_unique<TcpAssembler>(connection.conversation->client());
    connection.from_broker = std::make_unique<TcpAssembler>(connection.conversation->broker());
}

void Traffic::deliver(Connection& connection, const TcpSegment& segment) {
    const bool by_client = segment.from == connection.client;
    const bool is_early = !by_client && !segment.syn && !connection.from_client->started();
    if (is_early && hold(connection, segment)) return;
    if (by_client && segment.payload_bytes > 0 && !connection.held.empty()) {
        return deliver_with_held(connection, segment);
    }
    deliver_now(connection, segment);
}

/// Keeps a copy of the segment. False where there is no room or nothing to keep.
bool Traffic::hold(Connection& connection, const TcpSegment& segment) {
    if (segment.payload.empty() || held_bytes_ + segment.payload.size() > held_bytes_max) return false;
    held_bytes_ += segment.payload.size();
    connection.held.push_back({segment, std::string(segment.payload)});
    if (connection.held.size() > held_segments_max) {
        held_bytes_ -= connection.held.front().payload.size();
        connection.held.pop_front();
    }
    return true;
}

void Traffic::drop_held(Connection& connection) {
    for (const auto& held : connection.held) held_bytes_ -= held.payload.size();
    connection.held.clear();
}

/// The client's first bytes that are there, and what was held: what acknowledges them answers them.
void Traffic::deliver_with_held(Connection& connection, const TcpSegment& segment) {
    const auto held = std::exchange(connection.held, {});
    for (const auto& [its, payload] : held) held_bytes_ -= payload.size();
    const auto deliver_those = [&](bool late) {
        for (const auto& [its, payload] : held) {
            if (its.from != connection.broker || connection.other || connection.ended) continue;
            const bool answers =
                its.ack && static_cast<std::int32_t>(its.acknowledgement - segment.sequence) > 0;
            if (answers != late) continue;
            TcpSegment copy = its;
            copy.payload = payload;
            deliver_now(connection, copy);
        }
    };
    // If it is not known that this is Kafka, bytes that answer nothing speak against it.
    if (!connection.in_doubt) deliver_those(false);
    if (!connection.ended) deliver_now(connection, segment);
    deliver_those(true);
}

void Traffic::deliver_now(Connection& connection, const TcpSegment& segment) {
    const bool by_client = segment.from == connection.client;
    TcpAssembler& its = by_client ? *connection.from_client : *connection.from_broker;
    TcpAssembler& others = by_client ? *connection.from_broker : *connection.from_client;
    if (by_client && connection.client_bytes == 0) connection.tls = begins_tls(segment.payload);
    if (by_client) connection.client_bytes += segment.payload.size();
    if (!by_client && segment.ack) connection.conversation->request_is_late(others.lacks(segment.acknowledgement));
    if (segment.ack) others.acknowledged(segment.acknowledgement);
    its.segment(segment);
    if (connection.in_doubt) {
        const Conversation& conversation = *connection.conversation;
        if (conversation.frames() > 0) {
            connection.in_doubt = false;
        } else if (connection.tls || conversation.skipped_bytes() > doubt_bytes_max) {
            connection.other = true;
            connection.forget();
            return;
        }
    }
    if (segment.fin) (by_client ? connection.client_finished : connection.broker_finished) = true;
    if (segment.rst || (connection.client_finished && connection.broker_finished)) {
        close(connection);
    }
}

void Traffic::close(Connection& connection) {
    if (connection.ended) return;
    connection.ended = true;
    drop_held(connection);
    if (connection.conversation) {
        connection.from_client->finish();
        connection.from_broker->finish();
        connection.conversation->finish();
    }
    if (connection.conversation && connection.conversation->frames() > 0) {
        ++counts_.connections;
        counts_.frames += connection.conversation->frames();
        counts_.skipped_bytes += connection.conversation->skipped_bytes();
        counts_.gaps += connection.from_client->gaps() + connection.from_broker->gaps();
        counts_.cut_bytes += connection.conversation->cut_bytes();
    } else {
        ++counts_.other_connections;
        if (connection.tls) ++counts_.tls_connections;
    }
    connection.forget();
}

void Traffic::finish() {
    for (auto& [ends, connection] : connections_) close(*connection);
    connections_.clear();
}

TrafficCounts Traffic::counts() const {
    return counts_;
}

}  // namespace kwire
