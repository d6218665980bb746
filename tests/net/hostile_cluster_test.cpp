// Plays a choice of all the ways in which a cluster can answer wrongly. KWIRE_HOSTILE=all plays every one, in all versions
// (half an hour; spread them over processors with --gtest_filter), KWIRE_HOSTILE=1000 so many of each scene,
// KWIRE_HOSTILE=TEXT those whose name contains TEXT, known findings too.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <malloc.h>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "hostile_cluster.h"

namespace {

std::size_t live = 0;
std::size_t peak = 0;
std::size_t live_at_first = 0;
constexpr std::size_t refused_from = std::size_t{1} << 30;  // the machine that runs the test has other work to do

void* counted(std::size_t size) {
    if (live + size > refused_from) return nullptr;
    void* block = std::malloc(size > 0 ? size : 1);
    if (block != nullptr) {
        live += malloc_usable_size(block);
        peak = std::max(peak, live);
    }
    return block;
}

void uncount(void* block) {
    live -= std::min(live, malloc_usable_size(block));
    std::free(block);
}

}  // namespace

// Not inlined: the compiler must not see one half of a pair and warn about the other.
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* block = counted(size)) return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted(size);
}
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
    uncount(block);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
    uncount(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
    uncount(block);
}

namespace kwire::test {

void begin_counting() {
    live_at_first = peak = live;
}
std::size_t peak_bytes() {
    return peak - live_at_first;
}

namespace {

// In a process of its own, so that one that ends or hangs is a verdict like others.
constexpr rlim_t cpu_seconds_max = 5;

constexpr int nothing_spoiled = 100;  // the exit code

Verdict judge_apart(const Case& played) {
    int ends[2];
    if (pipe(ends) != 0) return {"no pipe", false};
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        const rlimit limit{cpu_seconds_max, cpu_seconds_max};
        setrlimit(RLIMIT_CPU, &limit);
        const Verdict verdict = judge(played);
        const std::string& text = verdict.objections;
        const auto written = write(ends[1], text.data(), std::min<std::size_t>(text.size(), 4000));
        _exit(written < 0 ? 1 : verdict.was_spoiled ? 0 : nothing_spoiled);
    }
    close(ends[1]);
    std::string verdict;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
        verdict.append(buffer, static_cast<std::size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        const bool hangs = signal == SIGXCPU || signal == SIGKILL;
        return {verdict + (hangs ? "hangs\n" : "ends the process: " + std::string(strsignal(signal)) + '\n'), true};
    }
    const int code = WEXITSTATUS(status);
    if (code != 0 && code != nothing_spoiled) {
        return {verdict + "ends the process with " + std::to_string(code) + '\n', true};
    }
    return {verdict, code == 0};
}

std::string wanted() {
    const char* value = std::getenv("KWIRE_HOSTILE");
    return value == nullptr ? "" : value;
}

class HostileCluster : public testing::TestWithParam<Scene> {};

// Of all cases as many as there is time for, evenly spread.
constexpr std::size_t cases_by_default = 80;

// What is known and not mended yet: a part of a case's name, and what the judge says of it.
struct Finding {
    std::string_view played;
    std::string_view verdict;
};
constexpr Finding open_findings[] = {
    {"producing Produce", "had no report within 10 s"},  // what is under way is not given up at delivery.timeout.ms
};

bool is_open(const std::string& played, const std::string& verdict) {
    return std::any_of(std::begin(open_findings), std::end(open_findings), [&](const Finding& finding) {
        return played.find(finding.played) != std::string::npos && verdict.find(finding.verdict) != std::string::npos;
    });
}

TEST_P(HostileCluster, IsSurvived) {
    const std::string choice = wanted();
    const std::vector<Case> cases = cases_of(GetParam(), choice == "all");
    const bool is_number = !choice.empty() && choice.find_first_not_of("0123456789") == std::string::npos;
    const std::size_t count = is_number ? std::stoul(choice) : cases_by_default;
    const bool by_name = !choice.empty() && !is_number && choice != "all";
    const std::size_t step = choice.empty() || is_number ? cases.size() / std::max<std::size_t>(count, 1) + 1 : 1;
    std::size_t played = 0;
    std::size_t spoiled = 0;
    for (std::size_t i = 0; i < cases.size(); i += step) {
        const std::string name = cases[i].text();
        if (by_name && name.find(choice) == std::string::npos) continue;
        const Verdict verdict = judge_apart(cases[i]);
        ++played;
        spoiled += verdict.was_spoiled ? 1 : 0;
        if (!by_name && is_open(name, verdict.objections)) continue;
        EXPECT_EQ(verdict.objections, "") << "KWIRE_HOSTILE='" << name << "'";
    }
    std::cout << played << " of " << cases.size() << " cases, " << spoiled << " of them with an answer that was spoiled\n";
    if (!by_name) {
        EXPECT_GT(spoiled, played / 3) << "the others are played for nothing";
    }
}

std::string scene_name(const testing::TestParamInfo<Scene>& info) {
    constexpr const char* names[] = {"Reading", "Producing", "LookingUp", "Offsets", "Topics"};
    return names[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Everything, HostileCluster,
                         testing::Values(Scene::reading, Scene::producing, Scene::looking_up, Scene::offsets, Scene::topics),
                         scene_name);

}  // namespace
}  // namespace kwire::test
