// Chance, as an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cadastre {

/// The source of chance. Two kinds exist: the kernel's and a seeded one for tests and simulations.
class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` with unpredictable bytes. Safe to call from several threads.
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

/// getrandom(2). Throws std::system_error when the kernel has none.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// SplitMix64 (Steele, Lea, Flood 2014) from one seed: for tests only, never for keys. Not for several threads.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;
  std::uint64_t next();
  /// Uniform enough for tests, in [0, bound).
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace cadastre
