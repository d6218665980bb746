// The one exception type of kwire, and the conditions a program may want to tell apart.
//
// Purpose: every failure that is not a value in an answer arrives as a kwire::Error: an error code
// to switch on, a sentence to show (what, where, what to do), and the coordinates of the failure as
// fields. Threads: an Error is a value; copy it between threads freely.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <system_error>

#include <kwire/protocol/error_code.h>

namespace kwire {

enum class errc {
    invalid_config = 1,     ///< A configuration value breaks its rule; nothing was started.
    already_closing,        ///< close() was called before (the seed's AlreadyClosing).
    unclean_close,          ///< Closed, but messages stayed uncommitted (the seed's UncleanClose).
    closed,                 ///< The object was closed while, or before, the operation ran.
    would_block_runtime,    ///< A blocking call was made on the runtime's own thread.
    foreign_executor,       ///< A coroutine of kwire was awaited outside its runtime's executor.
    internal,               ///< Something that is not an Error was thrown inside: out of memory, or a bug in kwire.
    timed_out,              ///< The deadline passed; the outcome is unknown.
    cannot_resolve,         ///< A host name has no address.
    cannot_connect,         ///< No connection could be made.
    connection_lost,        ///< The connection broke; the outcome of what was in flight is unknown.
    not_kafka,              ///< What answers there is not a Kafka broker.
    broken_frame,           ///< A frame does not decode; its connection was given up.
    unsupported_version,    ///< Broker and client share no version of this API.
    message_not_encodable,  ///< A request sets a field that the negotiated version does not carry.
    broker_error,           ///< The broker answered with an error code; see Error::broker_code().
    unknown_topic,          ///< The topic does not exist (yet): a broker said so.
    topic_recreated,        ///< The topic was deleted and made anew: offsets of the old one mean nothing now.
    no_leader,              ///< The partition has no leader at the moment.
    offset_out_of_range,    ///< The position lies outside the log and the policy is not to move it.
    corrupt_batch,  ///< A record batch does not decode or its CRC is wrong; the partition stops.
    message_too_large,      ///< A message does not fit the largest fetch (or produce) allowed.
    zookeeper_unavailable,  ///< No ZooKeeper server can be reached.
    session_expired,        ///< The ZooKeeper session is gone, and its ephemeral nodes with it.
    zookeeper_error,        ///< ZooKeeper refused an operation.
    not_owner,              ///< The partition is another member's (now), or not assigned to this consumer.
    bad_registration,       ///< A node in ZooKeeper does not hold what it should.
    bad_stored_offset,      ///< A stored offset is not a number from 0 to 2^63-1.
    bad_answer,             ///< An answer does not fit its question: parts are missing, or numbers make no sense.
};

const std::error_category& kwire_category() noexcept;
inline std::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), kwire_category()};
}

/// Where it went wrong, as far as it is known: empty and -1 mean not known or not applicable.
struct ErrorWhere {
    std::string target = {};  ///< `host:port`, of a broker or a ZooKeeper server.
    std::string api = {};     ///< Such as `Fetch`.
    std::int16_t api_version = -1;
    std::string topic = {};
    std::int32_t partition = -1;
    std::int64_t offset = -1;
};

class Error : public std::system_error {
 public:
    using Where = ErrorWhere;

    /// what says what is wrong and what to do; where is appended to it in words.
    Error(errc code, const std::string& what, Where where = {});
    Error(ErrorCode broker_code, const std::string& what, Where where = {});

    const char* what() const noexcept override { return details_->text.c_str(); }
    /// What was said when the error was made, without the place.
    const std::string& reason() const noexcept { return details_->reason; }
    /// The same error, with what this one leaves open about the place filled in from where.
    Error at(const Where& where) const;

    errc condition() const noexcept { return static_cast<errc>(code().value()); }
    /// The broker's own code where condition() is broker_error, none otherwise.
    ErrorCode broker_code() const noexcept { return details_->broker_code; }
    const Where& where() const noexcept { return details_->where; }

 private:
    struct Details {
        std::string reason;
        std::string text;
        Where where;
        ErrorCode broker_code{};
    };
    Error(errc code, std::string reason, Where where, ErrorCode broker_code);

    std::shared_ptr<const Details> details_;  // shared, so that copying an Error never throws
};

/// What was thrown as an Error: itself if it is one, else errc::internal with what() of it. For every place where
/// something else than an Error may arrive: out of memory, a program's own code, a bug. Never throws.
Error as_error(const std::exception_ptr& failure) noexcept;

}  // namespace kwire

template <>
struct std::is_error_code_enum<kwire::errc> : std::true_type {};
