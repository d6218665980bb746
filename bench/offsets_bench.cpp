// What keeping track of offsets takes, a message: handing out and marking, in order, from other threads, out of order.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include <kwire/net/partition_cursor.h>

namespace {

using kwire::PartitionCursor;

std::shared_ptr<PartitionCursor> cursor_at_zero() {
    return std::make_shared<PartitionCursor>(kwire::TopicPartition{"t", 0}, 1, 0, nullptr);
}

void BM_HandOutAndMark(benchmark::State& state) {
    const auto cursor = cursor_at_zero();
    std::int64_t next = 0;
    for (auto _ : state) {
        ++next;
        benchmark::DoNotOptimize(cursor->begin_delivery(next));
        benchmark::DoNotOptimize(cursor->mark_processed(next));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HandOutAndMark);

void BM_MarkFromAnotherThread(benchmark::State& state) {
    const auto cursor = cursor_at_zero();
    std::int64_t next = 0;
    for (auto _ : state) benchmark::DoNotOptimize(cursor->mark_processed_shared(++next));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MarkFromAnotherThread);

void BM_AcknowledgeInOrder(benchmark::State& state) {
    const auto cursor = cursor_at_zero();
    std::int64_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(cursor->acknowledge(next, next + 1));
        ++next;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AcknowledgeInOrder);

/// Within windows of so many messages any order: as many threads that work on messages of their own leave it.
void BM_AcknowledgeShuffled(benchmark::State& state) {
    const auto window = state.range(0);
    std::vector<std::int64_t> order(static_cast<std::size_t>(window));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    const auto cursor = cursor_at_zero();
    std::int64_t base = 0;
    for (auto _ : state) {
        for (const std::int64_t offset : order) {
            benchmark::DoNotOptimize(cursor->acknowledge(base + offset, base + offset + 1));
        }
        base += window;
    }
    state.SetItemsProcessed(state.iterations() * window);
}
BENCHMARK(BM_AcknowledgeShuffled)->Arg(16)->Arg(256)->Arg(4096);

void BM_AskWhatToCommit(benchmark::State& state) {
    const auto cursor = cursor_at_zero();
    cursor->mark_processed(1);
    for (auto _ : state) benchmark::DoNotOptimize(cursor->processed());
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AskWhatToCommit);

}  // namespace
