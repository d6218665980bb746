// Rows and columns for people.
#pragma once

#include <string>
#include <vector>

namespace kwire::tools {

class Table {
 public:
    explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
    /// As many cells as the header has.
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    /// Columns of numbers stand to the right. Cells count by bytes: names in Kafka and ZooKeeper
    /// are ASCII.
    void append_to(std::string& out) const;

 private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace kwire::tools
