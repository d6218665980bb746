// Compression of records for writing, in the forms that Kafka's own clients write.
//
// gzip: one member. snappy: the framing of snappy-java in blocks of 32 KB. lz4: a frame of
// independent 64 KB blocks; in magic 0 with the header checksum that clients of that time check for
// (KAFKA-3160). zstd: one frame that says its size. Threads: one object, one thread at a time; it
// keeps the codecs' state from one batch to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <kwire/protocol/record_batch.h>

namespace kwire {

/// The levels a codec takes (Kafka's compression.gzip.level and so on, KIP-390); first > last where
/// it takes none.
struct CompressionLevels {
    int first = 1;
    int last = 0;

    bool contain(int level) const { return first <= level && level <= last; }
};

CompressionLevels compression_levels(Compression compression);

class Compressor {
 public:
    Compressor();
    ~Compressor();
    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) noexcept;

    /// Appends data to out, compressed. Without a level the codec's default. Preconditions: the
    /// codec is one of the enum's and not none; compression_levels contain the level. Throws
    /// std::bad_alloc.
    void compress(Compression compression, std::optional<int> level, std::int8_t magic,
                  std::string_view data, std::string& out);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kwire
