// Writes the first inputs of a fuzzer as files: fuzz_seeds DATA FUZZER FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "seeds.h"

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: fuzz_seeds DATA FUZZER FOLDER\n");
        return 2;
    }
    const std::filesystem::path folder(argv[3]);
    std::filesystem::create_directories(folder);
    std::size_t count = 0;
    for (const std::string& seed : kwire::fuzz::seeds_of(argv[2], argv[1])) {
        std::ofstream(folder / std::to_string(count++), std::ios::binary) << seed;
    }
    return 0;
}
