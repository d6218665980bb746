// What someone who has kwire installed may write: it is compiled and linked, and reaches into every library.

#include <cstdio>

#include <kwire/group/consumer_group.h>

int main(int argc, char** argv) {
    try {
        const auto config = kwire::GroupConfig::from_properties({{"auto.offset.reset", "smallest"}});
        auto group = kwire::ConsumerGroup::join("group", {"topic"}, argc > 1 ? argv[1] : "", config);
        for (const kwire::Message& message : group->messages()) {
            std::printf("%lld\n", static_cast<long long>(message.offset()));
            if (!group->commit_upto(message)) return 1;
        }
    } catch (const kwire::Error& error) {
        std::printf("%s\n", error.what());
        return argc > 1 ? 1 : 0; // without an ensemble to join, being told so is what is expected
    }
}
