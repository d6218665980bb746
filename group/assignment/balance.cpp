// The balanced assignment: first everything stays where it was, then what has no owner goes where there is least, then
// partitions pass from members with many to members with few until that makes nothing more even.
//
// Why that ends in the most even division there is: a division of tasks among workers, each of whom can do some of the
// tasks, is best by every convex measure exactly when no chain of hand-overs leads from one worker to another that has
// at least two tasks fewer (Harvey, Ladner, Lovasz, Tamir: Semi-matchings, 2006).
#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <kwire/group/assignment.h>

#include "assignment/subscribed_member.h"

namespace kwire {
namespace {

constexpr std::size_t nobody = static_cast<std::size_t>(-1);
// What a weight is taken from, so that the heaviest comes first.
constexpr std::size_t weight_max = static_cast<std::size_t>(-1);

class Balance {
 public:
    Balance(const TopicPartitions& topics, const std::vector<GroupMember>& members) {
        for (const auto& reader : subscribed(members)) ids_.push_back(reader.id());
        std::sort(ids_.begin(), ids_.end());
        load_.resize(ids_.size());
        std::map<std::string, std::size_t> index;
        for (std::size_t i = 0; i < ids_.size(); ++i) index[ids_[i]] = i;
        for (const auto& [name, partitions] : topics) {
            Topic& topic = topics_.emplace_back();
            topic.reads.resize(ids_.size());
            topic.held.resize(ids_.size());
            for (const auto& info : partitions) pieces_.push_back({{name, info.partition}, topics_.size() - 1});
        }
        index_ = std::move(index);
        by_weight_.resize(ids_.size());
        add_readers(topics, members);
        std::sort(pieces_.begin(), pieces_.end(), [](const auto& a, const auto& b) { return a.tp < b.tp; });
    }

    void keep(const OwnerPlan& previous) {
        for (std::size_t p = 0; p < pieces_.size(); ++p) {
            const auto before = previous.find(pieces_[p].tp);
            if (before == previous.end()) continue;
            const auto member = index_.find(before->second);
            if (member == index_.end() || !topic_of(p).reads[member->second]) continue;
            pieces_[p].before = member->second;
            give(p, member->second);
        }
    }

    /// Topics that few can read first: their readers have no choice.
    void place_the_rest() {
        std::vector<std::size_t> rest;
        for (std::size_t p = 0; p < pieces_.size(); ++p) {
            if (pieces_[p].owner == nobody && !topic_of(p).readers.empty()) rest.push_back(p);
        }
        std::stable_sort(rest.begin(), rest.end(), [this](std::size_t a, std::size_t b) {
            return topic_of(a).readers.size() < topic_of(b).readers.size();
        });
        for (const std::size_t p : rest) {
            const auto& topic = topic_of(p);
            const auto burden = [&](std::size_t m) { return std::tuple(load_[m], topic.held[m].size(), m); };
            give(p, *std::min_element(topic.readers.begin(), topic.readers.end(), [&](auto a, auto b) {
                return burden(a) < burden(b);
            }));
        }
    }

    void even_out() {
        while (shift_once()) {
        }
        undo_exchanges();
    }

    OwnerPlan plan() const {
        OwnerPlan plan;
        for (const Piece& piece : pieces_) {
            if (piece.owner != nobody) plan.emplace_hint(plan.end(), piece.tp, ids_[piece.owner]);
        }
        return plan;
    }

 private:
    struct Topic {
        std::vector<bool> reads;                      // by member
        std::vector<std::size_t> readers;             // members
        std::vector<std::vector<std::size_t>> held;   // by member: pieces, in no order
    };
    struct Piece {
        TopicPartition tp;
        std::size_t topic;
        std::size_t owner = nobody;
        std::size_t before = nobody;
    };
    struct Step {
        std::size_t from = nobody;
        std::size_t topic = nobody;
    };

    /// Members that subscribe to the same are looked at once: most groups have one subscription.
    void add_readers(const TopicPartitions& topics, const std::vector<GroupMember>& members) {
        std::vector<std::pair<const MemberSubscription*, std::vector<std::size_t>>> alike;
        for (const auto& member : members) {
            if (!member.readable) continue;
            const auto same = std::find_if(alike.begin(), alike.end(),
                                           [&](const auto& entry) { return *entry.first == member.subscription; });
            const std::size_t who = index_.at(member.id);
            if (same == alike.end()) {
                alike.push_back({&member.subscription, {who}});
            } else {
                same->second.push_back(who);
            }
        }
        for (const auto& [subscription, readers] : alike) {
            const SubscriptionFilter filter(*subscription);
            std::size_t t = 0;
            for (const auto& [name, partitions] : topics) {
                Topic& topic = topics_[t++];
                if (filter.streams_of(name) <= 0) continue;
                for (const std::size_t reader : readers) topic.reads[reader] = true;
                topic.readers.insert(topic.readers.end(), readers.begin(), readers.end());
            }
        }
        for (Topic& topic : topics_) std::sort(topic.readers.begin(), topic.readers.end());
    }

    Topic& topic_of(std::size_t piece) { return topics_[pieces_[piece].topic]; }

    void give(std::size_t piece, std::size_t member) {
        Piece& p = pieces_[piece];
        if (p.owner != nobody) {
            auto& held = topics_[p.topic].held[p.owner];
            held.erase(std::find(held.begin(), held.end(), piece));
            weigh(p.owner, p.topic, held.size() + 1, held.size());
            --load_[p.owner];
        }
        p.owner = member;
        auto& held = topics_[p.topic].held[member];
        held.push_back(piece);
        weigh(member, p.topic, held.size() - 1, held.size());
        ++load_[member];
    }

    void weigh(std::size_t member, std::size_t topic, std::size_t before, std::size_t now) {
        auto& topics = by_weight_[member];
        if (before > 0) topics.erase({weight_max - before, topic});
        if (now > 0) topics.insert({weight_max - now, topic});
    }

    /// Finds a member that has too much and the nearest one, by hand-overs, that has at least two less. False: none.
    bool shift_once() {
        std::vector<std::size_t> sources(ids_.size());
        for (std::size_t i = 0; i < sources.size(); ++i) sources[i] = i;
        std::stable_sort(sources.begin(), sources.end(), [this](auto a, auto b) { return load_[a] > load_[b]; });
        for (const std::size_t source : sources) {
            if (load_[source] < 2) return false;
            if (shift_from(source)) return true;
        }
        return false;
    }

    bool shift_from(std::size_t source) {
        std::vector<Step> steps(ids_.size());
        std::vector<std::size_t> depth(ids_.size(), nobody);
        std::vector<bool> expanded(topics_.size());
        std::deque<std::size_t> queue{source};
        depth[source] = 0;
        std::size_t unseen = ids_.size() - 1;
        std::size_t target = nobody;
        while (!queue.empty()) {
            const std::size_t from = queue.front();
            queue.pop_front();
            if (target != nobody && depth[from] >= depth[target]) break;
            // The topics of which it has something, that with the most first: so each topic spreads over the members
            // too.
            for (const auto& [weight, t] : by_weight_[from]) {
                if (unseen == 0) break;
                if (expanded[t]) continue;
                expanded[t] = true;
                for (const std::size_t to : topics_[t].readers) {
                    if (depth[to] != nobody) continue;
                    depth[to] = depth[from] + 1;
                    steps[to] = {from, t};
                    --unseen;
                    queue.push_back(to);
                    if (load_[to] + 2 > load_[source]) continue;
                    if (target == nobody || (depth[to] == depth[target] && load_[to] < load_[target])) target = to;
                }
            }
        }
        if (target == nobody) return false;
        for (std::size_t to = target; to != source; to = steps[to].from) pass_on(steps[to], to);
        return true;
    }

    void pass_on(const Step& step, std::size_t to) {
        const auto& held = topics_[step.topic].held[step.from];
        // What moved already may move on, or best of all back, at no cost; of what did not the highest partition goes.
        const auto worth = [&](std::size_t p) {
            const auto before = pieces_[p].before;
            return std::tuple(before == to ? 2 : before != step.from ? 1 : 0, p);  // pieces are sorted
        };
        give(*std::max_element(held.begin(), held.end(), [&](auto a, auto b) { return worth(a) < worth(b); }), to);
    }

    /// Where chains made two members exchange partitions, both get their own back.
    void undo_exchanges() {
        std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> moved;  // from, to
        for (std::size_t p = 0; p < pieces_.size(); ++p) {
            const Piece& piece = pieces_[p];
            if (piece.before == nobody || piece.before == piece.owner) continue;
            auto& back = moved[{piece.owner, piece.before}];
            if (back.empty()) {
                moved[{piece.before, piece.owner}].push_back(p);
                continue;
            }
            const std::size_t other = back.back();
            back.pop_back();
            give(p, piece.before);
            give(other, pieces_[other].before);
        }
    }

    std::vector<std::string> ids_;
    std::map<std::string, std::size_t> index_;
    std::vector<std::size_t> load_;
    std::vector<Topic> topics_;
    std::vector<Piece> pieces_;
    // By member: weight and topic, the heaviest first.
    std::vector<std::set<std::pair<std::size_t, std::size_t>>> by_weight_;
};

}  // namespace

OwnerPlan balance(const TopicPartitions& topics, const std::vector<GroupMember>& members, const OwnerPlan& previous) {
    Balance balance(topics, members);
    balance.keep(previous);
    balance.place_the_rest();
    balance.even_out();
    return balance.plan();
}

}  // namespace kwire
