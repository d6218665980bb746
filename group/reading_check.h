// How far a member has come with reading, and what stands in its way.
//
// Threads: the strand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kwire/group/consumer_group.h>

#include "member.h"

namespace kwire {

class ReadingCheck {
 public:
    static Task<ReadingState> run(std::shared_ptr<Member> member);

 private:
    explicit ReadingCheck(std::shared_ptr<Member> member) : member_(std::move(member)) {}

    static Task<void> add_gap(std::shared_ptr<ReadingCheck> self, Membership::Gap gap);
    static Task<void> add_unclaimed(std::shared_ptr<ReadingCheck> self);
    void add_reading(const TopicPartition& tp);
    std::string why_not_ready() const;
    std::string why_not_begun(const TopicPartition& tp) const;

    const std::shared_ptr<Member> member_;
    ReadingState state_;
};

}  // namespace kwire
