// The first inputs of the fuzzers, made of the golden data, which brokers and Java's clients wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kwire::fuzz {

/// For the fuzzer of this name, such as "records_fuzz". Throws where `folder` lacks a file.
std::vector<std::string> seeds_of(std::string_view fuzzer, const std::string& folder);

}  // namespace kwire::fuzz
