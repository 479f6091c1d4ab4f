// Open file descriptors: files, sockets, folders.
#pragma once

#include <unistd.h>

#include <string_view>
#include <utility>

namespace cadastre {

/// An open file descriptor with one owner; a negative one is none.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// write(2) until all of it is written, for descriptors that block; false when it fails, and errno says why.
bool write_all(const Descriptor& file, std::string_view bytes);

}  // namespace cadastre
