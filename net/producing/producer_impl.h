// The inside of a Producer: records wait in a shared list until the strand sorts them into batches, one open batch per
// partition; a coroutine per partition with something to send delivers its batches, one after the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <kwire/net/producer.h>
#include <kwire/protocol/compressor.h>
#include <kwire/protocol/produce.h>

namespace kwire {

struct Producer::Impl : std::enable_shared_from_this<Producer::Impl> {
    Impl(std::shared_ptr<Cluster> cluster, ProducerConfig config);

    struct Pending {
        ProducerRecord record;
        std::function<void(const DeliveryReport&)> report;
        std::int64_t timestamp_ms = 0;
        std::int64_t bytes = 0;
        std::uint64_t epoch = 0;  // of flushes
        TimePoint deadline{};
    };
    struct Batch {
        std::vector<Pending> records;
        std::int64_t bytes = 0;
        TimePoint send_at{};
        bool closed = false;  // full, or what a larger one was split into
        bool sent = false;    // at least one try may have reached a broker
        std::int32_t partition = -1;
    };
    struct PartitionQueue {
        explicit PartitionQueue(TopicPartition name, Runtime& runtime) : tp(std::move(name)), changed(runtime) {}
        const TopicPartition tp;
        std::deque<Batch> batches;
        bool running = false;
        Event changed;
    };
    /// A batch that deliver() has in hand.
    struct OnTheWay {
        OnTheWay(Impl& its_impl, Batch& its_batch) : impl(its_impl), batch(its_batch) { impl.on_the_way_.insert(&batch); }
        ~OnTheWay() { impl.on_the_way_.erase(&batch); }
        OnTheWay(const OnTheWay&) = delete;
        OnTheWay& operator=(const OnTheWay&) = delete;
        Impl& impl;
        Batch& batch;
    };
    static Error closed_early(const std::string& topic, std::int32_t partition, bool was_sent);
    struct Topic {
        std::vector<Pending> waiting;  // until Metadata tells the partitions
        bool looking_up = false;
        TimePoint look_again_at{};  // a partition that the view lacks may have been added; not sooner
        std::int32_t next_partition = 0;
        std::map<std::int32_t, std::shared_ptr<PartitionQueue>> partitions;
    };

    // ---- any thread
    using Patience = std::optional<std::chrono::milliseconds>;  ///< Nothing: for ever.
    bool send(Patience patience, ProducerRecord& record, Producer::Report& report);
    bool flush(Patience patience);
    void close(Patience patience);
    /// What a record needs of the buffer is there. Needs mutex_.
    bool has_room(std::int64_t bytes) const;
    /// Takes record and report. Needs mutex_, has_room and that it is not closed.
    void queue(std::unique_lock<std::mutex> lock, std::int64_t bytes, ProducerRecord& record, Producer::Report& report);
    /// Begins to send what waits for linger; all of before the epoch that it returns is what a flush waits for.
    std::uint64_t begin_flush();
    /// Needs mutex_.
    bool all_reported(std::uint64_t last_epoch) const;
    /// Closes; false if it was before.
    bool begin_close();

    // ---- the strand
    /// Waits until condition, which mutex_ guards, holds after a report; false at deadline.
    Task<bool> wait_for_reports(std::function<bool()> condition, TimePoint deadline);
    Task<DeliveryReport> async_send(ProducerRecord record);
    Task<bool> async_flush(std::chrono::milliseconds patience);
    Task<void> async_close(std::chrono::milliseconds patience);
    void sort_incoming();
    void sort(Topic& topic, const TopicView& view, Pending pending);
    void wait_for_metadata(Topic& topic, Pending pending);
    std::int32_t choose_partition(Topic& topic, const TopicView& view, const ProducerRecord& record);
    void append(Topic& topic, std::int32_t index, Pending pending);
    /// Closed before all was delivered: what is left is reported as failed.
    void abandon();
    Task<void> look_up_topic(std::shared_ptr<Impl> self, std::string name);
    /// Why topic cannot be written to, as the last answer said; nothing if it can.
    Task<std::optional<Error>> find_topic(std::string name);
    static Task<std::vector<Error>> troubles(std::shared_ptr<Impl> self);
    Task<void> run_partition(std::shared_ptr<Impl> self, std::shared_ptr<PartitionQueue> queue);
    Duration patience_with(const Error& failure) const;
    Task<void> deliver(std::shared_ptr<PartitionQueue> queue, Batch batch);
    Task<void> deliver_until_over(std::shared_ptr<PartitionQueue> queue, Batch& batch, Timer& timer);
    /// One try. Nothing: done, every record has its report. Else why it is to be tried again.
    Task<std::optional<Error>> try_to_deliver(std::shared_ptr<PartitionQueue> queue, Batch& batch);
    protocol::ProduceRequest make_request(std::int16_t version, const TopicPartition& tp, const Uuid& topic_id, Batch& batch);
    /// Nothing: every record has its report, or waits again. Else why it is to be tried again.
    std::optional<Error> take_answer(PartitionQueue& queue, const Uuid& topic_id, Batch& batch,
                                     const protocol::ProduceResponse& response);
    void stored(const TopicPartition& tp, Batch& batch, std::int64_t base_offset);
    void refuse_headers(const TopicPartition& tp, Batch& batch);
    std::string encode(const Batch& batch, std::int8_t magic);
    void split(PartitionQueue& queue, Batch& batch);
    void fail(const TopicPartition& tp, Batch& batch, const Error& error);
    void finish(Pending& pending, const DeliveryReport& report);
    bool flushing() const { return flushing_.load() > 0; }

    const std::shared_ptr<Cluster> cluster_;
    const std::shared_ptr<Runtime> runtime_;
    const ProducerConfig config_;

    std::mutex mutex_;
    std::condition_variable reported_;
    std::vector<Pending> incoming_;
    bool sorting_ = false;  // sort_incoming is on its way
    bool closed_ = false;
    std::int64_t buffered_bytes_ = 0;
    std::uint64_t epoch_ = 0;
    std::map<std::uint64_t, std::int64_t> outstanding_;  // epoch -> records without a report
    std::atomic<int> flushing_{0};

    // The strand.
    std::map<std::string, Topic> topics_;
    std::set<Batch*> on_the_way_;  // of deliver()
    bool abandoned_ = false;
    Event report_came_;      // told only if somebody waits for it
    int report_waiters_ = 0;
    std::map<TopicPartition, Error> troubles_;  // of what is tried again; partition -1: the topic is looked up
    Compressor compressor_;
};

}  // namespace kwire
