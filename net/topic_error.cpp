#include <kwire/net/topic_error.h>

#include <utility>

namespace kwire {

namespace {

/// Without the code itself.
const char* words_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::unknown_topic_or_partition:
            return "the topic does not exist: create it, or check its name";
        case ErrorCode::unknown_topic_id:
            return "no topic with this id exists (any more)";
        case ErrorCode::invalid_topic_exception:
            return "the topic's name is invalid: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-' are allowed, "
                   "but not '.' or '..'";
        case ErrorCode::topic_authorization_failed:
            return "access to the topic is denied: the broker's ACLs do not let this client describe it";
        case ErrorCode::cluster_authorization_failed:
            return "access to the cluster is denied";
        case ErrorCode::leader_not_available:
            return "the topic has no leader yet: it is being created, or its brokers are down";
        default:
            return "the broker refuses metadata of the topic";
    }
}

}  // namespace

std::string topic_error_in_words(ErrorCode code) {
    return words_for(code) + (": " + to_string(code));
}

std::string why_missing(const ClusterView& view, const std::string& topic) {
    if (const auto found = view.topic_errors.find(topic); found != view.topic_errors.end()) {
        return topic_error_in_words(found->second);
    }
    if (const auto found = view.topic_faults.find(topic); found != view.topic_faults.end()) return found->second;
    const auto known = view.topics.find(topic);
    if (known == view.topics.end()) return "no broker has said anything of the topic yet";
    if (known->second.partitions.empty()) return "the broker lists the topic without any partition";
    return "the topic is there";
}

Error missing_topic(const ClusterView& view, const std::string& topic, ErrorWhere where) {
    if (where.topic.empty()) where.topic = topic;
    const std::string why = why_missing(view, topic);
    const auto refusal = view.topic_errors.find(topic);
    if (refusal == view.topic_errors.end()) return Error(errc::no_leader, why, std::move(where));
    if (refusal->second == ErrorCode::unknown_topic_or_partition) {
        return Error(errc::unknown_topic, why, std::move(where));
    }
    return Error(refusal->second, words_for(refusal->second), std::move(where));
}

}  // namespace kwire
