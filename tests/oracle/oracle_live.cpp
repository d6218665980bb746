// Converses with MessageOracle: oracle_live SEED JAVA ARGUMENT...
//
// The Java client's values must come out of kwire as the same JSON and the same bytes, from bytes
// and from JSON; those that kwire makes must be read by the Java client, which judges them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <kwire/protocol/codec.h>
#include <kwire/protocol/json.h>
#include <kwire/protocol/messages.h>

#include "../protocol/random_message.h"

namespace {

using namespace kwire;
using namespace kwire::protocol;

class Pipe {
 public:
    Pipe(std::FILE* in, std::FILE* out) : in_(in), out_(out) {}

    std::uint32_t number() {
        unsigned char bytes[4];
        read(bytes, sizeof bytes);
        return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
               std::uint32_t{bytes[2]} << 8 | bytes[3];
    }
    std::string text() {
        std::string text(number(), '\0');
        read(text.data(), text.size());
        return text;
    }
    void put(const std::string& text) {
        const auto size = static_cast<std::uint32_t>(text.size());
        for (int shift = 24; shift >= 0; shift -= 8) {
            std::fputc(static_cast<int>(size >> shift & 0xff), out_);
        }
        std::fwrite(text.data(), 1, text.size(), out_);
    }
    void flush() { std::fflush(out_); }

 private:
    void read(void* to, std::size_t size) {
        if (std::fread(to, 1, size, in_) != size) throw std::runtime_error("Java is gone");
    }

    std::FILE* in_;
    std::FILE* out_;
};

/// The program with its stdin and stdout at the ends of pipes.
Pipe start(char** command) {
    int to[2];
    int from[2];
    if (pipe(to) != 0 || pipe(from) != 0) throw std::runtime_error("no pipe");
    if (fork() == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
        execvp(command[0], command);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    return {fdopen(from[0], "r"), fdopen(to[1], "w")};
}

std::string encoded(const Schema& schema, const void* value, std::int16_t version,
                    const UnknownTags* unknown = nullptr) {
    std::string out;
    if (const auto error = encode(schema, value, version, out, unknown)) {
        throw std::runtime_error(error->message());
    }
    return out;
}

/// Throws what is wrong with a value of Java's.
void check(const Schema& schema, std::int16_t version, const std::string& bytes,
           const std::string& json) {
    const auto value = schema.make();
    UnknownTags unknown;
    if (const auto error = decode(schema, value.get(), version, Bytes::own(bytes), &unknown)) {
        throw std::runtime_error(error->message());
    }
    const std::string ours = to_json(schema, value.get(), version, RecordsAs::size);
    // Java orders tagged fields and writes numbers with fractions in its own way.
    if (ours != json && nlohmann::json::parse(ours) != nlohmann::json::parse(json)) {
        throw std::runtime_error("other JSON: " + ours);
    }
    if (encoded(schema, value.get(), version, &unknown) != bytes) {
        throw std::runtime_error("other bytes");
    }
    if (!unknown.empty()) return;  // JSON does not show them
    // Java's JSON has only the size of records; kwire's own has them.
    const bool complete = json.find("SizeInBytes\":") == std::string::npos;
    const auto again = schema.make();
    if (const auto error = from_json(schema, again.get(), version,
                                     complete ? json : to_json(schema, value.get(), version))) {
        throw std::runtime_error(error->message());
    }
    if (encoded(schema, again.get(), version) != bytes) {
        throw std::runtime_error("other bytes from JSON");
    }
}

struct Counts {
    std::size_t versions = 0;
    std::size_t values = 0;
    std::size_t wrong = 0;
};

void converse_about(Pipe& java, const std::string& name, std::mt19937_64& random, Counts& counts) {
    const auto version = static_cast<std::int16_t>(java.number());
    const std::uint32_t count = java.number();
    const Schema* const schema = find_message(name);
    if (!schema) throw std::runtime_error("kwire lacks " + name);
    const auto fail = [&](const std::string& what) {
        if (++counts.wrong < 20) std::printf("%s %d: %s\n", name.c_str(), version, what.c_str());
    };
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string bytes = java.text();
        const std::string json = java.text();
        try {
            check(*schema, version, bytes, json);
        } catch (const std::exception& error) {
            fail(error.what() + ("; Java: " + json));
        }
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto value = schema->make();
        test::fill_randomly(*schema, value.get(), version, random, true);
        java.put(encoded(*schema, value.get(), version));
        java.put(to_json(*schema, value.get(), version));
    }
    java.flush();
    const std::string verdict = java.text();
    if (!verdict.empty()) fail("Java says: " + verdict);
    ++counts.versions;
    counts.values += 2 * count;
}

int run(char** arguments) {
    std::mt19937_64 random(std::strtoull(arguments[0], nullptr, 10));
    Pipe java = start(arguments + 1);
    Counts counts;
    for (std::string name = java.text(); !name.empty(); name = java.text()) {
        converse_about(java, name, random, counts);
    }
    int status = 0;
    wait(&status);
    std::printf("%zu versions, %zu values, %zu wrong\n", counts.versions, counts.values,
                counts.wrong);
    return status == 0 && counts.wrong == 0 && counts.versions > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    try {
        return run(argv + 1);
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 1;
    }
}
