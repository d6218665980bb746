// A broker in the same process that gives the same records again and again, with offsets that go on: what reads from it
// is measured alone.
//
// Threads: the strand of the runtime. Lifetimes: streams share what they need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <kwire/net/transport.h>
#include <kwire/protocol/record_batch.h>

namespace kwire::bench {

struct Shape {
    Compression compression = Compression::none;
    std::int8_t magic = 2;  ///< 1: message sets, uncompressed only
    std::int32_t partitions = 4;
    std::int32_t records_in_batch = 10'000;
    std::int32_t value_bytes = 91;
    std::int32_t answer_bytes = 1024 * 1024;  ///< about, of each partition
};

/// The records of one answer, whose offsets can be set.
class CannedRecords {
 public:
    explicit CannedRecords(const Shape& shape);

    std::string& from(std::int64_t offset);
    std::int64_t batches() const { return batches_; }

 private:
    std::string bytes_;
    struct Place {
        std::size_t at;
        std::int64_t offset;  // in an answer that begins with 0
    };
    std::vector<Place> places_;
    std::int64_t batches_ = 0;
};

/// What was answered so far.
struct Served {
    std::int64_t fetches = 0;
    std::int64_t batches = 0;
    std::int64_t nanoseconds = 0;  ///< spent in the broker's part
};

/// True while the broker does its part: what it allocates is not the client's.
extern bool in_broker_part;

inline constexpr const char* topic_name = "canned";

/// Every address leads to broker 1, which leads the topic.
std::shared_ptr<Transport> canned_broker(std::shared_ptr<Runtime> runtime, const Shape& shape,
                                         std::shared_ptr<Served> served);

}  // namespace kwire::bench
