#include "paths.h"

#include <gtest/gtest.h>

#include <kwire/net/error.h>

namespace kwire::zk {
namespace {

TEST(Paths, TellsLegalFromIllegal) {
    for (const char* path : {"/", "/a", "/a/b", "/a.b/..c", "/a b"}) {
        EXPECT_TRUE(valid_path(path)) << path;
    }
    for (const char* path : {"", "a", "/a/", "//", "//a", "/a//b", "/.", "/a/../b", "/a\nb"}) {
        EXPECT_FALSE(valid_path(path)) << path;
    }
}

TEST(Paths, SplitsServersFromChroot) {
    EXPECT_EQ(split_hosts("a:1,b:2").servers, "a:1,b:2");
    EXPECT_EQ(split_hosts("a:1,b:2").chroot, "");
    EXPECT_EQ(split_hosts("a:1/").chroot, "");
    EXPECT_EQ(split_hosts("a:1,b:2/kafka/one/").chroot, "/kafka/one");
    EXPECT_EQ(split_hosts("a:1,b:2/kafka/one/").servers, "a:1,b:2");
    EXPECT_THROW(split_hosts("a:1/x//y"), Error);
    EXPECT_EQ(split_hosts("a:1/kafka,b:2/kafka/,c:3/kafka").servers, "a:1,b:2,c:3");
    EXPECT_EQ(split_hosts("a:1/kafka,b:2/kafka/,c:3/kafka").chroot, "/kafka");
    for (const char* hosts : {"a:1/x,b:2/y", "a:1/x,b:2", "a:1/,b:2/x"}) {
        try {
            split_hosts(hosts);
            ADD_FAILURE() << hosts;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("once, after the last server")) << hosts;
        }
    }
}

TEST(Paths, PutsTheChrootBeforeAndTakesItAway) {
    EXPECT_EQ(below("", "/a"), "/a");
    EXPECT_EQ(below("/c", "/"), "/c");
    EXPECT_EQ(below("/c", "/a/b"), "/c/a/b");
    EXPECT_EQ(without("/c", "/c"), "/");
    EXPECT_EQ(without("/c", "/c/a/b"), "/a/b");
    EXPECT_EQ(without("", "/c/a"), "/c/a");
}

TEST(Paths, NamesTheParent) {
    EXPECT_EQ(parent_of("/a"), "/");
    EXPECT_EQ(parent_of("/a/b"), "/a");
}

}  // namespace
}  // namespace kwire::zk
