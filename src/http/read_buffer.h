// The bytes a connection has received and not yet understood.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace cadastre::http {

/// A queue of bytes in one piece of memory. Grows by doubling; whoever fills it bounds it.
class ReadBuffer {
 public:
  std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

  /// Room for at least one byte more. `received` makes what was written there part of the unread bytes.
  std::span<char> room() {
    if (end_ == capacity_) make_room();
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void received(std::size_t count) { end_ += count; }
  /// Gives memory back that only a large message needed. Requires that it is empty.
  void shrink() {
    if (capacity_ == capacity_at_rest) return;
    bytes_ = std::make_unique_for_overwrite<char[]>(capacity_at_rest);
    capacity_ = capacity_at_rest;
  }

 private:
  static constexpr std::size_t capacity_at_rest = 4096;  // a request with a token fits twice

  void make_room() {
    if (begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    } else {
      capacity_ *= 2;
      auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
      std::memcpy(larger.get(), bytes_.get(), end_);
      bytes_ = std::move(larger);
    }
    end_ -= begin_;
    begin_ = 0;
  }

  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(capacity_at_rest);
  std::size_t capacity_ = capacity_at_rest;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace cadastre::http
