// Names of topics as an argument: a vector, or the names themselves in braces.
//
// Purpose: `co_await group->async_join("g", {"clicks", "views"}, ...)` must be safe. GCC 12 fails on the array behind a
// std::initializer_list of strings in an awaited call: some are refused with "array used as initializer", others are
// destroyed twice. There is no such array here.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kwire {

class TopicNames {
 public:
    TopicNames() = default;
    TopicNames(std::vector<std::string> names) : names_(std::move(names)) {}
    template <class... Names>
        requires(sizeof...(Names) > 0 && (std::convertible_to<const Names&, std::string_view> && ...))
    TopicNames(const Names&... names) {
        names_.reserve(sizeof...(Names));
        (names_.emplace_back(std::string_view(names)), ...);
    }

    operator std::vector<std::string>() && { return std::move(names_); }
    const std::vector<std::string>& get() const { return names_; }

 private:
    std::vector<std::string> names_;
};

}  // namespace kwire
