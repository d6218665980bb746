#include "watch_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kwire::zk {
namespace {

using Kind = WatchTable::Kind;
using Type = WatchEvent::Type;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Watch nothing = [](const WatchEvent&) {};

Stat stat(std::int64_t czxid, std::int64_t mzxid, std::int32_t cversion) {
    Stat stat;
    stat.czxid = czxid;
    stat.mzxid = mzxid;
    stat.cversion = cversion;
    return stat;
}

TEST(WatchTable, TheFirstWatchesStayWithTheClientAndTheOthersAreAskedForAgain) {
    WatchTable table;
    const std::string path(96, 'x');  // 100 bytes in a request
    for (int i = 0; i < 5; ++i) table.left(table.add(nothing, path, Kind::data), Kind::data, {});
    const auto unanswered = table.add(nothing, path, Kind::children);
    std::vector<std::uintptr_t> forgotten;
    table.keep_first(350, [&](std::uintptr_t number, const WatchTable::Entry&) { forgotten.push_back(number); });
    EXPECT_THAT(forgotten, ElementsAre(4, 5));
    EXPECT_THAT(table.not_left(10), ElementsAre(4, 5));
    EXPECT_THAT(table.not_left(1), ElementsAre(4));
    table.drop(unanswered);
    table.find(4)->is_left = true;
    EXPECT_TRUE(table.take(5));
    EXPECT_FALSE(table.take(5)) << "called once";
    EXPECT_THAT(table.not_left(10), IsEmpty());
    // The next loss: those that were called do not count any more.
    EXPECT_TRUE(table.take(1));
    forgotten.clear();
    table.keep_first(350, [&](std::uintptr_t number, const WatchTable::Entry&) { forgotten.push_back(number); });
    EXPECT_THAT(forgotten, IsEmpty());
    EXPECT_EQ(table.take_all().size(), 3U);
}

TEST(WatchTable, WhatAWatchMissedIsToldAsAServerTellsIt) {
    WatchTable::Entry data{nothing, "/a", Kind::data, stat(1, 5, 2)};
    EXPECT_EQ(missed(data, Code::ok, stat(1, 5, 3)), std::nullopt) << "its children are not its data";
    EXPECT_EQ(missed(data, Code::ok, stat(1, 6, 2)), Type::data_changed);
    EXPECT_EQ(missed(data, Code::ok, stat(9, 9, 2)), Type::data_changed) << "deleted and created again";
    EXPECT_EQ(missed(data, Code::no_node, {}), Type::deleted);
    WatchTable::Entry absence{nothing, "/a", Kind::absence, {}};
    EXPECT_EQ(missed(absence, Code::no_node, {}), std::nullopt);
    EXPECT_EQ(missed(absence, Code::ok, stat(1, 1, 0)), Type::created);
    WatchTable::Entry children{nothing, "/a", Kind::children, stat(1, 5, 2)};
    EXPECT_EQ(missed(children, Code::ok, stat(1, 6, 2)), std::nullopt) << "its data is not its children";
    EXPECT_EQ(missed(children, Code::ok, stat(1, 5, 3)), Type::children_changed);
    EXPECT_EQ(missed(children, Code::ok, stat(9, 5, 2)), Type::children_changed);
    EXPECT_EQ(missed(children, Code::no_node, {}), Type::deleted);
    EXPECT_EQ(missed(children, Code::no_auth, {}), Type::children_changed) << "who asks again hears why";
}

}  // namespace
}  // namespace kwire::zk
