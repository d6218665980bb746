#include <kwire/protocol/tcp_assembly.h>

namespace kwire {
namespace {

// The packets of two directions, or of two processors, may stand in the file in another order than
// they came.
constexpr unsigned patience_segments = 16;

}  // namespace

std::uint64_t TcpAssembler::unwrap(std::uint32_t sequence) const {
    const auto distance = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(next_));
    return next_ + static_cast<std::uint64_t>(std::int64_t{distance});
}

void TcpAssembler::segment(const TcpSegment& segment) {
    const std::uint32_t sequence = segment.sequence + (segment.syn ? 1 : 0);
    if (!started_) {
        if (!segment.syn && segment.payload_bytes == 0) return;
        started_ = true;
        first_ = sequence;
        next_ = (std::uint64_t{1} << 32) + sequence;
        if (!segment.syn) sink_.lost();
    }
    if (segment.payload_bytes == 0) return;
    const std::uint64_t position = unwrap(sequence);
    const std::uint64_t end = position + segment.payload_bytes;
    if (end <= next_) return;  // sent again
    if (position > next_) {
        keep(position, segment.payload, segment.time);
        if (waited_for_acknowledged_ > 0) ++waited_for_acknowledged_;
        if (pending_bytes_ > pending_bytes_max || waited_for_acknowledged_ > patience_segments) {
            give_up_gap();
        }
        return;
    }
    deliver(position, segment.payload, segment.time);
    if (segment.payload.size() < segment.payload_bytes && next_ < end) {
        next_ = end;  // the capture cut the packet: the rest will not come
        sink_.lost();
    }
    deliver_pending();
}

void TcpAssembler::deliver(std::uint64_t position, std::string_view data,
                           std::chrono::nanoseconds time) {
    const std::uint64_t known = next_ - position;
    if (known >= data.size()) return;
    data.remove_prefix(static_cast<std::size_t>(known));
    next_ += data.size();
    waited_for_acknowledged_ = 0;
    sink_.bytes(data, time);
}

void TcpAssembler::keep(std::uint64_t position, std::string_view data,
                        std::chrono::nanoseconds time) {
    Pending& pending = pending_[position];
    if (pending.data.size() >= data.size()) return;
    pending_bytes_ += data.size() - pending.data.size();
    pending.data = data;
    pending.time = time;
}

void TcpAssembler::deliver_pending() {
    while (!pending_.empty() && pending_.begin()->first <= next_) {
        const auto first = pending_.begin();
        deliver(first->first, first->second.data, first->second.time);
        pending_bytes_ -= first->second.data.size();
        pending_.erase(first);
    }
}

void TcpAssembler::give_up_gap() {
    waited_for_acknowledged_ = 0;
    if (pending_.empty()) return;
    next_ = pending_.begin()->first;
    ++gaps_;
    sink_.lost();
    deliver_pending();
}

void TcpAssembler::acknowledged(std::uint32_t sequence) {
    if (pending_.empty() || waited_for_acknowledged_ > 0 || unwrap(sequence) <= next_) return;
    waited_for_acknowledged_ = 1;
}

void TcpAssembler::finish() {
    while (!pending_.empty()) give_up_gap();
}

}  // namespace kwire
