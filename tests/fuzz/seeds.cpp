// Writes the first inputs of the fuzzers from the golden data: fuzz_seeds DATA FOLDER
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <kwire/protocol/json_text.h>
#include <kwire/protocol/messages.h>

namespace {

namespace fs = std::filesystem;
using namespace kwire;
using namespace kwire::protocol;

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

class Seeds {
 public:
    explicit Seeds(fs::path folder) : folder_(std::move(folder)) {
        fs::create_directories(folder_);
    }

    void add(const std::string& bytes) {
        std::ofstream(folder_ / std::to_string(count_++), std::ios::binary) << bytes;
    }

 private:
    fs::path folder_;
    std::size_t count_ = 0;
};

/// The places that messages_fuzz knows them by.
std::map<std::string, std::size_t> numbers_of_messages() {
    std::map<std::string, std::size_t> numbers;
    for (const auto list : {all_messages(), embedded_messages()}) {
        for (const Schema* schema : list) numbers.emplace(schema->name, numbers.size());
    }
    return numbers;
}

void write_messages(const fs::path& data, Seeds seeds) {
    const auto numbers = numbers_of_messages();
    std::ifstream in(data / "messages.txt");
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string name;
        int version = 0;
        std::string hex;
        words >> name >> version >> hex;
        std::string json;
        words.get();
        std::getline(words, json);
        const std::size_t number = numbers.at(name);
        std::string pick{static_cast<char>(number >> 8), static_cast<char>(number & 0xff),
                         static_cast<char>(version - find_message(name)->versions.lowest)};
        seeds.add('\0' + pick + (hex == "-" ? "" : from_hex(hex)));
        seeds.add('\1' + pick + json);
    }
}

void write_records(const fs::path& data, Seeds seeds) {
    for (const auto& file : fs::directory_iterator(data)) {
        if (!file.path().filename().string().starts_with("records-")) continue;
        std::ifstream in(file.path());
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string kind;
            std::string name;
            std::string base64;
            words >> kind >> name >> base64;
            const auto bytes = kind == "case" ? from_base64(base64) : std::nullopt;
            if (bytes) seeds.add('\5' + *bytes);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: fuzz_seeds DATA FOLDER\n");
        return 2;
    }
    write_messages(argv[1], Seeds(fs::path(argv[2]) / "messages_fuzz"));
    write_records(argv[1], Seeds(fs::path(argv[2]) / "records_fuzz"));
    return 0;
}
