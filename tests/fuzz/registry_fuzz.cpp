// libFuzzer: any text as what brokers, controllers and members keep in ZooKeeper nodes. The first
// byte picks the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../zk/node_json.h"

namespace {

using namespace kwire::zk;

/// A value or a problem, and never both or neither.
template <class T>
void check(const Read<T>& read) {
    if (read.value.has_value() != read.problem.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    excerpt(text);
    switch (data[0] % 8) {
        case 0:
            check(read_broker(1, text));
            break;
        case 1:
            check(read_controller(text));
            break;
        case 2:
            check(read_topic(text));
            break;
        case 3:
            check(read_partition_state(text));
            break;
        case 4:
            check(read_topic_config(text));
            break;
        case 5:
            check(read_registration(text));
            break;
        case 6:
            check(read_plan(text));
            break;
        default:
            read_offset(text);
    }
    return 0;
}
