#include <new>
#include <utility>

#include <kwire/net/error.h>

namespace kwire {
namespace {

class KwireCategory final : public std::error_category {
 public:
    const char* name() const noexcept override { return "kwire"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::invalid_config:
                return "invalid configuration";
            case errc::already_closing:
                return "already closing";
            case errc::unclean_close:
                return "closed with uncommitted messages";
            case errc::closed:
                return "closed";
            case errc::would_block_runtime:
                return "a blocking call on the runtime's own thread";
            case errc::foreign_executor:
                return "awaited on a foreign executor";
            case errc::internal:
                return "internal error";
            case errc::timed_out:
                return "timed out";
            case errc::cannot_resolve:
                return "host name not resolved";
            case errc::cannot_connect:
                return "cannot connect";
            case errc::connection_lost:
                return "connection lost";
            case errc::not_kafka:
                return "not a Kafka broker";
            case errc::broken_frame:
                return "frame does not decode";
            case errc::unsupported_version:
                return "no common version";
            case errc::message_not_encodable:
                return "request not encodable at this version";
            case errc::broker_error:
                return "refused by the broker";
            case errc::unknown_topic:
                return "unknown topic";
            case errc::topic_recreated:
                return "topic made anew";
            case errc::no_leader:
                return "partition without leader";
            case errc::offset_out_of_range:
                return "offset out of range";
            case errc::corrupt_batch:
                return "corrupt record batch";
            case errc::message_too_large:
                return "message too large";
            case errc::zookeeper_unavailable:
                return "ZooKeeper unavailable";
            case errc::session_expired:
                return "ZooKeeper session expired";
            case errc::zookeeper_error:
                return "ZooKeeper error";
            case errc::not_owner:
                return "partition owned by another member";
            case errc::bad_registration:
                return "bad node in ZooKeeper";
            case errc::bad_stored_offset:
                return "bad stored offset";
            case errc::bad_answer:
                return "answer does not fit the question";
        }
        return "error " + std::to_string(value);
    }
};

/// `host:port, Fetch v12, clicks/3, offset 17`: whatever of it is known.
std::string in_words(const Error::Where& where) {
    std::string words = where.target;
    const auto add = [&words](const std::string& more) {
        if (!words.empty()) words += ", ";
        words += more;
    };
    if (!where.api.empty()) {
        add(where.api_version < 0 ? where.api
                                  : where.api + " v" + std::to_string(where.api_version));
    }
    if (!where.topic.empty()) {
        add(where.partition < 0 ? "topic " + where.topic
                                : where.topic + '/' + std::to_string(where.partition));
    }
    if (where.offset >= 0) add("offset " + std::to_string(where.offset));
    return words;
}

std::string sentence(const std::string& what, const Error::Where& where) {
    const std::string words = in_words(where);
    return words.empty() ? what : what + " (" + words + ')';
}

}  // namespace

const std::error_category& kwire_category() noexcept {
    static const KwireCategory category;
    return category;
}

Error::Error(errc code, std::string reason, Where where, ErrorCode broker_code)
    : std::system_error(make_error_code(code)) {
    std::string text = sentence(reason, where);
    details_ = std::make_shared<const Details>(
        Details{std::move(reason), std::move(text), std::move(where), broker_code});
}

Error::Error(errc code, const std::string& what, Where where)
    : Error(code, what, std::move(where), ErrorCode::none) {}

Error::Error(ErrorCode broker_code, const std::string& what, Where where)
    : Error(errc::broker_error, what + ": " + to_string(broker_code), std::move(where),
            broker_code) {}

Error Error::at(const Where& where) const {
    Where merged = details_->where;
    if (merged.target.empty()) merged.target = where.target;
    if (merged.api.empty()) {
        merged.api = where.api;
        merged.api_version = where.api_version;
    }
    if (merged.topic.empty()) {
        merged.topic = where.topic;
        merged.partition = where.partition;
    }
    if (merged.offset < 0) merged.offset = where.offset;
    return Error(condition(), details_->reason, std::move(merged), details_->broker_code);
}

Error as_error(const std::exception_ptr& failure) noexcept {
    // Made while there is memory; copies share it.
    static const Error no_memory(errc::internal, "there was not enough memory");
    try {
        if (failure) std::rethrow_exception(failure);
        return no_memory;
    } catch (const Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        return no_memory;
    } catch (const std::exception& other) {
        try {
            return Error(errc::internal, std::string("something unexpected was thrown: ") + other.what());
        } catch (...) {
            return no_memory;
        }
    } catch (...) {
        static const Error unknown(errc::internal, "something unexpected was thrown that is no std::exception");
        return unknown;
    }
}

}  // namespace kwire
