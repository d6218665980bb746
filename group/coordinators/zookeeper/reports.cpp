#include "coordinators/zookeeper/reports.h"

namespace kwire {

Error error_of(const action::ReportMissingTopic& a) {
    return {errc::unknown_topic, "the topic does not exist; it is read as soon as it does", {.topic = a.topic}};
}

Error error_of(const action::ReportPlan& a, const std::string& group) {
    const bool newer = a.trouble == event::PlanRead::Trouble::unknown_version;
    return {errc::bad_registration, "the ZooKeeper node /consumers/" + group + "/plan " + a.problem +
                                        (newer ? ": it is left alone, and partitions stay where they are"
                                               : ": it is replaced by a new plan")};
}

Error error_of(const action::ReportDisagreement& a) {
    return {errc::unknown_topic,
            "this member sees " + std::to_string(a.seen) + " partitions of the topic, and the group's plan has " +
                std::to_string(a.planned) + ": members look at different clusters, or at brokers that lag",
            {.topic = a.topic}};
}

Error error_of(const action::ReportBlocked& a, const std::string& group) {
    return {errc::not_owner,
            "the ZooKeeper node /consumers/" + group + "/owners/" + a.tp.topic + '/' + std::to_string(a.tp.partition) +
                " is persistent, so no session's end removes it, and the partition is not read: delete the node",
            {.topic = a.tp.topic, .partition = a.tp.partition}};
}

Error error_of_kinds() {
    return {errc::invalid_config,
            "the group has Go members and Java members, which divide partitions differently: some will have no owner for a "
            "time; run one kind of them only"};
}

}  // namespace kwire
