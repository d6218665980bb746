#include "oracle_data.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <kwire/protocol/messages.h>

namespace kwire::test {
namespace {

std::string from_hex(const std::string& hex) {
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

OracleMessage parse(const std::string& line) {
    OracleMessage message;
    std::istringstream words(line);
    std::string hex;
    words >> message.name >> message.version >> hex;
    if (hex == "-") hex.clear();
    message.bytes = Bytes::own(from_hex(hex));
    words.get();
    std::getline(words, message.json);
    return message;
}

}  // namespace

std::vector<std::string> oracle_lines(const std::string& file) {
    const char* elsewhere = std::getenv("KWIRE_ORACLE_DATA");
    const std::string path = (elsewhere ? elsewhere : KWIRE_ORACLE_DATA) + ("/" + file);
    std::ifstream in(path);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::vector<const protocol::Schema*> every_schema() {
    std::vector<const protocol::Schema*> all;
    for (const auto list : {protocol::all_messages(), protocol::embedded_messages()}) {
        all.insert(all.end(), list.begin(), list.end());
    }
    return all;
}

const std::vector<OracleMessage>& oracle_messages() {
    static const auto messages = [] {
        std::vector<OracleMessage> all;
        for (const std::string& line : oracle_lines("messages.txt")) all.push_back(parse(line));
        return all;
    }();
    return messages;
}

}  // namespace kwire::test
