// Batches and records of a segment as text and JSON: what `kwire log` shows of a .log file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <kwire/protocol/bytes.h>
#include <kwire/protocol/record.h>
#include <kwire/protocol/record_batch.h>
#include <kwire/protocol/secrets.h>

namespace kwire::tools {

/// How a record is shown whose key and value have a form that is known. Appends a JSON object, or
/// nothing where it does not know the record.
using ShowRecord =
    std::function<void(std::string& out, const RecordBatch& batch, const Record& record)>;

struct LogRecordsOptions {
    bool json = false;
    bool records = false;  ///< Show what is in the batches.
    ShowRecord show;       ///< Empty: keys and values are shown as they are.
    protocol::Secrets secrets = protocol::Secrets::shown;  ///< of the cluster's metadata
};

struct LogRecordsSummary {
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::int64_t first_offset = -1;
    std::int64_t next_offset = -1;
    std::uint64_t damaged = 0;        ///< batches that cannot be read
    std::uint64_t backwards = 0;      ///< batches whose offsets do not follow those before
    std::uint64_t skips = 0;          ///< places where no batch could be found
    std::uint64_t skipped_bytes = 0;  ///< there
    std::string skipped;              ///< the first of these places, in words
    std::uint64_t cut_off_bytes = 0;  ///< at the end, of a batch that was not written whole
    std::uint64_t unused_bytes = 0;   ///< zeros at the end (log.preallocate)
    std::string broken;               ///< why nothing can be read from some place on

    bool is_sound() const {
        return damaged == 0 && backwards == 0 && skips == 0 && cut_off_bytes == 0 && broken.empty();
    }
};

/// Appends a line for each batch, and what is in it if that is asked for. Behind what cannot be read it
/// goes on at the next batch that is sound, with a line that says what was skipped. `flush` may take
/// what is in `out`; false from it ends the walk.
LogRecordsSummary append_batches(std::string& out, const Bytes& file, const std::string& file_name,
                                 const LogRecordsOptions& options,
                                 const std::function<bool()>& flush);

/// 2026-11-22T18:31:02.123Z; `-` for -1.
std::string show_timestamp(std::int64_t milliseconds);

}  // namespace kwire::tools
