// What is printed is marked as processed, and nothing else: whatever becomes of the output.
#include "message_printer.h"

#include <csignal>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <kwire/protocol/record_batch_builder.h>

// Private to net: batches come from nowhere else.
#include "fetching/fetch_queue.h"

namespace kwire::tools {
namespace {

constexpr auto unlimited = std::numeric_limits<std::int64_t>::max();

/// A file without a name that takes at most so many bytes.
class LimitedFile {
 public:
    explicit LimitedFile(rlim_t bytes_max = RLIM_INFINITY) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes_max, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        std::signal(SIGXFSZ, SIG_IGN);
    }
    ~LimitedFile() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::fclose(file_);
    }
    LimitedFile(const LimitedFile&) = delete;
    LimitedFile& operator=(const LimitedFile&) = delete;

    int descriptor() const { return fileno(file_); }
    std::string contents() const {
        std::string all(1 << 16, '\0');
        const ssize_t size = pread(descriptor(), all.data(), all.size(), 0);
        all.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return all;
    }

 private:
    std::FILE* file_ = std::tmpfile();
    rlimit before_{};
};

struct MessagePrinterTest : testing::Test {
    /// Messages `v0`, `v1`, ... at offsets from 0, with keys `k`.
    MessageBatch batch_of(int count) {
        RecordBatchBuilder builder({.base_offset = 0});
        for (int i = 0; i < count; ++i) builder.append(1'000, "k", "v" + std::to_string(i));
        Compressor compressor;
        const std::string records = builder.build(compressor);

        auto partition = std::make_shared<QueuedPartition>(cursor);
        queue->add(partition);
        const auto size = static_cast<std::int64_t>(records.size());
        budget->reserve(size);
        FetchedChunk chunk;
        chunk.records =
            FrameShare::hold(std::make_shared<FrameShare>(budget, size), Bytes::copy_of(records));
        chunk.position = 0;
        chunk.next_offset = count;
        partition->waiting_bytes += size;
        std::vector<FetchQueue::Delivery> deliveries;
        deliveries.push_back({partition, std::move(chunk)});
        queue->push(std::move(deliveries));
        return queue->try_take();
    }

    const TopicPartition tp{"t", 3};
    std::shared_ptr<PartitionCursor> cursor = std::make_shared<PartitionCursor>(tp, 1, 0, [] {});
    std::shared_ptr<BufferBudget> budget = std::make_shared<BufferBudget>(1 << 20, [] {});
    std::shared_ptr<FetchQueue> queue = std::make_shared<FetchQueue>(
        budget, RecordReaderOptions{}, [](const Error&) {}, [] {});
};

TEST_F(MessagePrinterTest, PrintsABatchAndMarksIt) {
    LimitedFile file;
    Output output(file.descriptor());
    MessagePrinter printer(output, MessagePrinter::Format::text, unlimited);
    MessageBatch batch = batch_of(3);
    EXPECT_TRUE(printer.print(batch));
    EXPECT_EQ(file.contents(), "v0\nv1\nv2\n");
    EXPECT_EQ(cursor->processed(), 3);
    EXPECT_EQ(printer.messages(), 3U);
    EXPECT_EQ(printer.bytes(), 9U) << "of keys and values";
    EXPECT_EQ(printer.partitions(), 1U);
    EXPECT_EQ(printer.printed(tp), 3);
    EXPECT_EQ(printer.printed({"t", 4}), std::nullopt);
    EXPECT_FALSE(printer.done());
    EXPECT_FALSE(printer.print(batch)) << "nothing is left of it";
}

TEST_F(MessagePrinterTest, PrintsJsonLines) {
    LimitedFile file;
    Output output(file.descriptor());
    MessagePrinter printer(output, MessagePrinter::Format::json, unlimited);
    MessageBatch batch = batch_of(1);
    EXPECT_TRUE(printer.print(batch));
    EXPECT_EQ(file.contents(),
              "{\"topic\":\"t\",\"partition\":3,\"offset\":0,\"timestamp\":1000,"
              "\"timestamp_type\":\"CreateTime\",\"key\":\"k\",\"value\":\"v0\",\"headers\":[]}\n");
}

TEST_F(MessagePrinterTest, StopsAtTheNumberItWasGiven) {
    LimitedFile file;
    Output output(file.descriptor());
    MessagePrinter printer(output, MessagePrinter::Format::text, 2);
    MessageBatch batch = batch_of(5);
    EXPECT_TRUE(printer.print(batch));
    EXPECT_EQ(file.contents(), "v0\nv1\n");
    EXPECT_EQ(cursor->processed(), 2);
    EXPECT_TRUE(printer.done());
}

TEST_F(MessagePrinterTest, MarksOnlyWhatWasWrittenWhole) {
    LimitedFile file(7);  // the first two, and one byte of the third
    Output output(file.descriptor());
    MessagePrinter printer(output, MessagePrinter::Format::text, unlimited);
    MessageBatch batch = batch_of(5);
    printer.print(batch);
    EXPECT_EQ(file.contents(), "v0\nv1\nv");
    EXPECT_EQ(cursor->processed(), 2);
    EXPECT_EQ(printer.messages(), 2U);
    EXPECT_EQ(printer.printed(tp), 2);
    EXPECT_TRUE(printer.done()) << "nothing can be printed any more";
}

}  // namespace
}  // namespace kwire::tools
