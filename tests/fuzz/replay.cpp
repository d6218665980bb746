// The fuzzers without libFuzzer, for every build and compiler: fuzz_test FUZZER ROUNDS [SEED [ROUND]]
//
// Gives a fuzzer all its seeds as they are, and then ROUNDS inputs that are made of them: cut, put
// together, bytes changed, sizes replaced by the worst there are. SEED is drawn at random and
// printed; with it and the number of a round that round alone is run again. Unlike libFuzzer this
// does not learn which inputs lead somewhere new.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "seeds.h"

extern "C" {
int capture_fuzz(const std::uint8_t* data, std::size_t size);
int messages_fuzz(const std::uint8_t* data, std::size_t size);
int records_fuzz(const std::uint8_t* data, std::size_t size);
int registry_fuzz(const std::uint8_t* data, std::size_t size);
int segments_fuzz(const std::uint8_t* data, std::size_t size);
}

namespace {

using namespace std::string_literals;
using Random = std::mt19937_64;
using Seeds = std::vector<std::string>;

constexpr std::size_t input_bytes_max = 1 << 16;

struct Fuzzer {
    std::string_view name;
    int (*run)(const std::uint8_t*, std::size_t);
};
constexpr std::array fuzzers{Fuzzer{"capture_fuzz", capture_fuzz}, Fuzzer{"messages_fuzz", messages_fuzz},
                             Fuzzer{"records_fuzz", records_fuzz}, Fuzzer{"registry_fuzz", registry_fuzz},
                             Fuzzer{"segments_fuzz", segments_fuzz}};

// What is said where an input ends the program; written before each, since nothing can be formatted then.
char last_words[256];

void say_last_words(int signal) {
    [[maybe_unused]] const auto ignored = ::write(2, last_words, std::strlen(last_words));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

std::size_t below(Random& random, std::size_t end) {
    return end == 0 ? 0 : static_cast<std::size_t>(random() % end);
}

const std::array worst_values{"\xff\xff\xff\xff"s,
                              "\x7f\xff\xff\xff"s,
                              "\x80\0\0\0"s,
                              "\0\0\0\0"s,
                              "\xff\xff"s,
                              "\x7f\xff"s,
                              "\xff"s,
                              "\x80"s,
                              "\0"s,
                              "\x01"s,
                              "\xff\xff\xff\xff\x0f"s};

/// One change that leaves the first byte, which picks what is tested, mostly as it is.
void change(std::string& input, const Seeds& seeds, Random& random) {
    const std::size_t at = std::min<std::size_t>(1 + below(random, input.size()), input.size());
    const std::size_t size = below(random, std::min<std::size_t>(input.size() - at, 64) + 1);
    switch (random() % 8) {
        case 0:
            if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
            break;
        case 1:
            if (at < input.size()) input[at] = static_cast<char>(random());
            break;
        case 2: {
            const std::string& value = worst_values[below(random, worst_values.size())];
            input.replace(at, std::min(value.size(), input.size() - at), value);
            break;
        }
        case 3:
            input.erase(at, size);
            break;
        case 4:
            input.insert(at, input.substr(at, size));
            break;
        case 5: {
            const std::string& other = seeds[below(random, seeds.size())];
            const std::size_t from = below(random, other.size());
            input.insert(at, other, from, below(random, 256));
            break;
        }
        case 6:
            input.resize(at);
            break;
        default: {  // a number a little larger or smaller
            if (at < input.size()) input[at] = static_cast<char>(input[at] + (random() % 2 == 0 ? 1 : -1));
        }
    }
}

std::string input_of(const Seeds& seeds, std::uint64_t seed, std::size_t round) {
    Random random(seed + round);
    std::string input = seeds[below(random, seeds.size())];
    for (std::size_t changes = 1 + below(random, 6); changes > 0; --changes) change(input, seeds, random);
    if (input.size() > input_bytes_max) input.resize(input_bytes_max);
    return input;
}

/// In a block of just its size, so that a sanitizer sees a read behind it.
void run(const Fuzzer& fuzzer, const std::string& input) {
    const std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[input.size()]);
    std::copy(input.begin(), input.end(), block.get());
    fuzzer.run(block.get(), input.size());
}

int replay(const Fuzzer& fuzzer, const Seeds& seeds, std::size_t rounds, std::uint64_t seed) {
    std::printf("%s: %zu seeds, then %zu rounds from %llu\n", fuzzer.name.data(), seeds.size(), rounds,
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        std::snprintf(last_words, sizeof last_words, "%s fails at seed input %zu\n", fuzzer.name.data(), i);
        run(fuzzer, seeds[i]);
    }
    for (std::size_t round = 0; round < rounds; ++round) {
        std::snprintf(last_words, sizeof last_words, "%s fails; again: fuzz_test %s 1 %llu %zu\n", fuzzer.name.data(),
                      fuzzer.name.data(), static_cast<unsigned long long>(seed), round);
        run(fuzzer, input_of(seeds, seed, round));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto fuzzer = std::find_if(fuzzers.begin(), fuzzers.end(),
                                     [&](const Fuzzer& candidate) { return argc > 2 && candidate.name == argv[1]; });
    if (fuzzer == fuzzers.end()) {
        std::fprintf(stderr, "usage: fuzz_test FUZZER ROUNDS [SEED [ROUND]]; FUZZER is the name of a file\n");
        return 2;
    }
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) {
        // A sanitizer that is already there has more to say.
        struct sigaction there {};
        sigaction(signal, nullptr, &there);
        if (there.sa_handler == SIG_DFL) std::signal(signal, say_last_words);
    }
    const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device{}();
    const Seeds seeds = kwire::fuzz::seeds_of(fuzzer->name, KWIRE_ORACLE_DATA);
    if (seeds.empty()) {
        std::fprintf(stderr, "there are no seeds for it\n");
        return 1;
    }
    if (argc > 4) {
        run(*fuzzer, input_of(seeds, seed, std::strtoull(argv[4], nullptr, 10)));
        return 0;
    }
    return replay(*fuzzer, seeds, std::strtoull(argv[2], nullptr, 10), seed);
}
