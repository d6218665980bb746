#include <gtest/gtest.h>

#include <kwire/net/error.h>
#include <kwire/net/transport.h>

namespace kwire {
namespace {

TEST(HostPortTest, Parses) {
    EXPECT_EQ(HostPort::parse("b1:9093", 9092), (HostPort{"b1", 9093}));
    EXPECT_EQ(HostPort::parse(" b1 ", 9092), (HostPort{"b1", 9092}));
    EXPECT_EQ(HostPort::parse("[::1]:9093", 9092), (HostPort{"::1", 9093}));
    EXPECT_EQ(HostPort::parse("[fe80::1]", 9092), (HostPort{"fe80::1", 9092}));
    EXPECT_EQ(HostPort::parse("127.0.0.1:65535", 1), (HostPort{"127.0.0.1", 65535}));
}

TEST(HostPortTest, PrintsWhatItParses) {
    for (const char* text : {"b1:9093", "[::1]:9093"}) {
        EXPECT_EQ(HostPort::parse(text, 1).to_string(), text);
    }
}

TEST(HostPortTest, ParsesLists) {
    const std::vector<HostPort> expected{{"a", 1}, {"b", 9092}};
    EXPECT_EQ(HostPort::parse_list(" a:1 ,, b,", 9092), expected);
}

TEST(HostPortTest, RefusesInWords) {
    for (const char* text : {"", ":9092", "b1:", "b1:0", "b1:65536", "b1:-1", "b1:9092x", "::1",
                             "[::1", "[::1]9092", "b1:1:2", "PLAINTEXT://b1:9092", "b 1", "b1/x"}) {
        try {
            HostPort::parse(text, 9092);
            ADD_FAILURE() << text << " was taken";
        } catch (const Error& e) {
            EXPECT_EQ(e.condition(), errc::invalid_config) << text;
            EXPECT_NE(std::string(e.what()).find('\'' + std::string(text) + '\''),
                      std::string::npos)
                << e.what();
        }
    }
    EXPECT_THROW(HostPort::parse_list(" , ", 9092), Error);
    EXPECT_THROW(HostPort::parse_list("a,b:x", 9092), Error);
}

}  // namespace
}  // namespace kwire
