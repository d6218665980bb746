// A read-only slice of memory that somebody else filled, mostly a frame that came from a broker.
//
// Purpose: hand record bytes from the socket to the reader without copying them. A Bytes keeps the whole block it points
// into alive, so keeping a few bytes of a large frame for long wastes memory: copy those with copy_of.
// Threads: a Bytes may be copied and read from any thread; one object is not to be changed by two threads at once.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace kwire {

class Bytes {
 public:
    Bytes() = default;
    /// Views data, which must stay unchanged as long as owner lives.
    Bytes(std::shared_ptr<const void> owner, std::string_view data)
        : owner_(std::move(owner)), data_(data) {}

    /// Owns a copy of data.
    static Bytes copy_of(std::string_view data) { return own(std::string(data)); }
    static Bytes own(std::string data) {
        auto block = std::make_shared<const std::string>(std::move(data));
        const std::string_view view = *block;
        return {std::move(block), view};
    }

    const char* data() const { return data_.data(); }
    std::size_t size() const { return data_.size(); }
    bool empty() const { return data_.empty(); }
    std::string_view view() const { return data_; }

    /// The slice [offset, offset + size), sharing the block. Precondition: it lies inside.
    Bytes slice(std::size_t offset, std::size_t size) const {
        assert(offset <= data_.size() && size <= data_.size() - offset);
        return {owner_, data_.substr(offset, size)};
    }

    friend bool operator==(const Bytes& a, const Bytes& b) { return a.data_ == b.data_; }

 private:
    std::shared_ptr<const void> owner_;
    std::string_view data_;
};

}  // namespace kwire
