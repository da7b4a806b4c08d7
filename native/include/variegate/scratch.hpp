// Memory that a thread keeps from one sample to the next, so that the loop over samples does not
// allocate.
#pragma once

#include "variegate/target.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

namespace variegate::inline VARIEGATE_TARGET {

// Grows to the largest request; contents are not kept when it grows.
class Buffer {
  public:
    template <class T> T* get(int64_t count) {
        const auto bytes = static_cast<size_t>(count) * sizeof(T) + slack;
        if (bytes > size_) {
            memory_.reset();
            size_ = 0;
            memory_.reset(new std::byte[bytes]);
            size_ = bytes;
        }
        return reinterpret_cast<T*>(memory_.get());
    }
    // The same with the first `kept` values as they were.
    template <class T> T* grown(int64_t count, int64_t kept) {
        Buffer larger;
        std::memcpy(larger.get<T>(count), memory_.get(), static_cast<size_t>(kept) * sizeof(T));
        std::swap(memory_, larger.memory_);
        std::swap(size_, larger.size_);
        return reinterpret_cast<T*>(memory_.get());
    }
    // At a multiple of 64 bytes.
    template <class T> T* get_aligned(int64_t count) {
        auto* room = get<std::byte>(count * static_cast<int64_t>(sizeof(T)) + 64);
        const auto place = reinterpret_cast<uintptr_t>(room);
        return reinterpret_cast<T*>(room + (64 - place % 64) % 64);
    }
    size_t size() const { return size_; }
    void release() {
        memory_.reset();
        size_ = 0;
    }

  private:
    // Room behind the last value for reads of whole vectors.
    static constexpr size_t slack = 64;
    std::unique_ptr<std::byte[]> memory_;
    size_t size_ = 0;
};

struct Scratch {
    Buffer groups;       // the stage's plan for one sample
    Buffer source;       // a contiguous copy of the input
    Buffer image[2];     // images between entries
    Buffer tile;         // pixels of a pointwise run before they become one channel
    Buffer tables;       // composed and measured lookup tables
    Buffer reduced;      // the source, made smaller by a whole factor
    Buffer margin;       // the source with a margin that continues it
    Buffer fixed;        // places of the pixels of one row in whole numbers
    Buffer turned;       // the source with rows and columns exchanged
    Buffer pass;         // rows between the two passes of a separable filter
    Buffer groups_along; // how the values of a row are found from a source row
    Buffer pairs_along;
    Buffer passed_row; // a row that has been through the first pass
    Buffer lines;      // single rows of numbers
    Buffer smaller;    // an image within a verb
    Buffer sums;       // numbers of each value of an image
    Buffer points;     // where the pixels of one row come from
    Buffer weights[2]; // filter weights of each axis
    Buffer
        places[2]; // first tap and number of taps, or source index, of each output row and column

    static Scratch& mine();
    // Gives back what a very large image made grow.
    void trim();
};

} // namespace variegate::inline VARIEGATE_TARGET
