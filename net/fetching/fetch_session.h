// What one leader was told to read, and remembers (KIP-227, from Fetch v7 on): a request then names only what is new,
// has moved on or is no longer wanted, and one that waits for data names nothing.
//
// Purpose: turns what is wanted now into the request that says so, and finds the partition that an answer speaks of, with
// a session and without one (an older broker, or one whose table of sessions is full: then every request names all).
// Invariants: one request at a time; between finish() and take() or lost() nothing changes. A request whose answer never
// came may or may not have reached the broker, so the next one names everything and replaces the session.
// Threads: the strand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <kwire/protocol/fetch.h>

namespace kwire {

struct FetchPartition;

class FetchSession {
 public:
    using PartitionPtr = std::shared_ptr<FetchPartition>;
    using Asked = protocol::FetchRequest::Partition;

    struct Topic;
    /// One partition as the broker was told of it.
    struct Member {
        const FetchSession* session;
        Topic* topic;
        PartitionPtr partition;
        Asked asked;
        std::uint64_t round;         // of the last request that wanted it
        std::uint64_t answered = 0;  // the last round whose answer has it
    };
    struct Topic {
        std::string name;
        Uuid id;
        std::unordered_map<std::int32_t, Member> members;
        std::uint64_t round = 0;
        std::size_t place = 0;  // in the request of that round
    };

    /// without_session: for a few requests only, the broker is not to remember anything.
    explicit FetchSession(bool without_session = false) : without_session_(without_session) {}
    FetchSession(const FetchSession&) = delete;
    FetchSession& operator=(const FetchSession&) = delete;

    // ---- making a request: begin, then want for all that is wanted, then finish

    void begin(std::int16_t version);
    void want(const PartitionPtr& partition, const Asked& asked);
    /// Fills in session, topics and what is to be forgotten.
    void finish(protocol::FetchRequest& request);

    // ---- its answer

    enum class Outcome {
        good,
        renewed,  ///< The broker lost the session, or sees it otherwise: ask again, all will be named.
        refused,  ///< The answer's error has another reason.
    };
    Outcome take(const protocol::FetchResponse& response);
    /// There was none.
    void lost();

    /// The topic that an answer speaks of, by name up to version 12 and then by id; null if it was not asked for.
    Topic* find(const std::string& name, const Uuid& id);
    /// Whom the last request wanted; null if it was not among them. repeated: the answer has it for the second time.
    const PartitionPtr* answered(Topic& topic, std::int32_t partition, bool& repeated);
    /// Calls visit for each partition that the answer must have and has not: of a request that named all.
    template <class Visit>
    void for_each_missing(Visit visit) {
        if (!told_all_ || answered_ == wanted_) return;
        for (auto& [key, topic] : topics_) {
            for (auto& [index, member] : topic.members) {
                if (member.round == round_ && member.answered != round_) visit(member.partition);
            }
        }
    }

    /// The broker remembers, and gives the partitions their turns itself.
    bool established() const { return epoch_ > 0; }

 private:
    Topic& topic_of(const FetchPartition& partition);
    void forget_the_unwanted(std::vector<protocol::FetchRequest::ForgottenTopic>& forgotten);
    void clear();

    const bool without_session_;
    std::int16_t version_ = 0;
    bool by_id_ = false;
    std::int32_t id_ = 0;
    std::int32_t epoch_ = 0;  // of the next request; 0: it names all, and the broker may begin a session with it
    bool told_all_ = true;    // of the request under way
    std::uint64_t round_ = 0;
    std::size_t members_ = 0;
    std::size_t wanted_ = 0;
    std::size_t answered_ = 0;  // of these
    std::vector<protocol::FetchRequest::Topic> news_;
    std::map<std::string, Topic, std::less<>> topics_;  // by name, or by the bytes of their ids
};

}  // namespace kwire
