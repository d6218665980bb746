// Why a topic cannot be used, in words for people: the same words in reading, writing and the command.
//
// Rule: "the topic does not exist" is said only when a broker answered UNKNOWN_TOPIC_OR_PARTITION. A refusal keeps the
// broker's own reason, and an answer that leaves the topic out is said to do so. Threads: any; pure.
#pragma once

#include <string>

#include <kwire/net/cluster.h>
#include <kwire/net/error.h>

namespace kwire {

/// What a broker's error code about a topic means, and what to do; no full stop. Codes that kwire does not know are
/// given by number.
std::string topic_error_in_words(ErrorCode code);

/// Why view does not hold topic: what the last answer said of it, or that none was asked yet. Also right for a topic
/// that is there but has no partitions.
std::string why_missing(const ClusterView& view, const std::string& topic);

/// The same as an Error to throw or to report: errc::unknown_topic if a broker said so, broker_error with its code for
/// every other refusal, no_leader if nothing is known of the topic (yet).
Error missing_topic(const ClusterView& view, const std::string& topic, ErrorWhere where = {});

}  // namespace kwire
