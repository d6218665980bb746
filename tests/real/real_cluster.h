#pragma once

// Real Kafka brokers and a real ZooKeeper for as long as the object lives, started by
// tests/support/cluster, and kcat as the independent client whose word counts.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "process.h"

namespace kwire::real {

struct Record {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;

    friend auto operator<=>(const Record&, const Record&) = default;
};

class RealCluster {
 public:
    struct Options {
        int brokers = 1;
        int zookeepers = 1;
        int partitions = 4;                        // of a topic that is made by its first use
        std::string chroot;                        // "/kafka"
        bool kraft = false;                        // releases from 4.0 on have nothing else
        std::vector<std::string> broker_settings;  // "key=value"; {id} in it is the broker's id
    };

    // Returns once every server answers; throws with the end of the log of one that does not.
    RealCluster(const std::string& version, const Options& options);

    [[nodiscard]] const std::string& version() const { return version_; }
    [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }
    [[nodiscard]] const std::string& zookeeper() const { return zookeeper_; }  // with the chroot
    [[nodiscard]] bool has_zookeeper_brokers() const { return !kraft_; }
    [[nodiscard]] bool at_least(std::string_view version) const;

    // Compressions that brokers of this line take, as kcat and kwire name them; "none" first.
    [[nodiscard]] std::vector<std::string> codecs() const;

    // Returns when every partition has a leader. Broker ids are 1, 2, ...
    void create_topic(const std::string& topic, int partitions, int replication = 1) const;

    // The folder of a broker's partitions.
    [[nodiscard]] std::string data_of(const std::string& server) const {
        return dir_ + "/" + server + "/data";
    }

    // A server is "broker-1" or "zookeeper-1". KILL and TERM return when it is gone.
    void signal(const std::string& server, const std::string& name) const;
    void restart(const std::string& server) const;
    // Restarts a broker that was killed or terminated at another address; bootstrap() keeps the old one. Not for KRaft.
    void move(const std::string& broker) const;

    // One of Java's tools, or a Java class or source file, of this release or of another one.
    [[nodiscard]] ProcessResult tool(const std::string& name, std::vector<std::string> arguments,
                                     const std::string& version = {},
                                     std::string_view input = {}) const;
    // The command of such a tool, for a Process.
    [[nodiscard]] std::vector<std::string> tool_command(const std::string& name,
                                                        std::vector<std::string> arguments,
                                                        const std::string& version = {}) const;

    // kcat with what it takes to talk to this release.
    [[nodiscard]] std::vector<std::string> kcat_command(std::vector<std::string> arguments) const;
    // One message a line; partition -1: kcat's choice. `more` are further arguments of kcat's.
    // Throws unless all are acknowledged.
    void kcat_produce(const std::string& topic, int partition, const std::string& codec,
                      const std::vector<std::string>& lines,
                      const std::vector<std::string>& more = {}) const;
    // The same with Java's producer, which chooses the partitions and frames some codecs its own
    // way.
    void java_produce(const std::string& topic, const std::string& codec,
                      const std::vector<std::string>& lines) const;
    // All of a topic, sorted by partition and offset.
    [[nodiscard]] std::vector<Record> kcat_read(const std::string& topic) const;
    // The same once there are at least `count`, which were acknowledged: while leaders change, kcat
    // may take an end for the end that a broker names too early. Throws after a minute without them.
    [[nodiscard]] std::vector<Record> kcat_read_all_of(const std::string& topic,
                                                       std::size_t count) const;
    // Partition to broker id, -1 where there is no leader. Makes the topic where it does not exist.
    [[nodiscard]] std::map<int, int> leaders_of(const std::string& topic) const;

 private:
    std::string version_;
    bool kraft_;
    std::string dir_;
    std::string bootstrap_;
    std::string zookeeper_;
    Process launcher_;
};

// The cluster that all tests of one program share: of the release in KWIRE_KAFKA_VERSION, started
// at first use.
RealCluster& shared_cluster();

}  // namespace kwire::real
