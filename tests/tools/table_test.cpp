#include "table.h"

#include <gtest/gtest.h>

namespace kwire::tools {
namespace {

TEST(Table, numbers_stand_right_and_words_left) {
    Table table({"TOPIC", "LAG", "OWNER"});
    table.row({"a", "5", "me"});
    table.row({"longer", "-", "somebody"});
    table.row({"b", "12345", "-"});
    std::string out;
    table.append_to(out);
    EXPECT_EQ(out,
              "TOPIC     LAG  OWNER\n"
              "a           5  me\n"
              "longer      -  somebody\n"
              "b       12345  -\n");
}

TEST(Table, without_rows_is_its_header) {
    std::string out;
    Table({"A", "B"}).append_to(out);
    EXPECT_EQ(out, "A  B\n");
}

}  // namespace
}  // namespace kwire::tools
