// What the subcommands of `kwire bench` share.
#pragma once

#include <cstdint>
#include <string>

#include "bench_figures.h"
#include "connection.h"

namespace kwire::tools {

struct BenchOptions {
    ConnectionOptions connection;
    std::string group;
    std::string topic;
    std::int64_t messages = 0;
    std::int32_t repeat = 1;
    std::int32_t warm_up = 0;  // runs
    bool json = false;
    bool summary = false;
    std::int32_t threads = 1;
    // of what is written
    std::int32_t size_bytes = 91;
    std::int32_t rate = 1000;  // messages a second
    std::string compression = "none";
};

using BenchOnce = BenchResult (*)(const BenchOptions&);

/// Runs once as often as options say, and prints what it finds. Answers the exit code.
int run_bench(const BenchOptions& options, BenchOnce once);

// bench_read.cpp
BenchResult bench_fetch(const BenchOptions& options);
BenchResult bench_group(const BenchOptions& options);
// bench_write.cpp
BenchResult bench_produce(const BenchOptions& options);
BenchResult bench_latency(const BenchOptions& options);

/// What the topic holds, from the first megabyte of its first partitions: codec, format, sizes, and the versions used.
Figures describe_topic(Connections& connections, const std::string& topic);

}  // namespace kwire::tools
