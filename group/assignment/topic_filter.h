// A topic expression of a white or black list, as Java's ZooKeeper consumer reads it.
#pragma once

#include <memory>
#include <string_view>

namespace kwire {

/// Topics that Kafka keeps for itself; lists of expressions never include them.
bool is_internal_topic(std::string_view topic);

class TopicFilter {
 public:
    /// Trims, takes a comma for `|`, drops blanks and quotes at the edges, then compiles what is left.
    explicit TopicFilter(std::string_view expression);

    /// False: it is not a regular expression, or one of a length that no person writes.
    bool valid() const { return expression_ != nullptr; }
    /// True if the whole of topic matches.
    bool matches(std::string_view topic) const;

 private:
    struct Expression;  // <regex> is as long as all else that a file includes
    std::shared_ptr<const Expression> expression_;
};

}  // namespace kwire
