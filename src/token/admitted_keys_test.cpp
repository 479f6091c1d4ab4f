#include "token/admitted_keys.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace cadastre {
namespace {

PublicKey key_of(std::uint8_t a, std::uint8_t b = 0) { return PrivateKey::from_seed(Bytes<32>{a, b}).public_key(); }

TEST_CASE("remembering admitted keys changes no answer") {
  AdmittedKeys admitted;
  const PublicKey good = key_of(1);
  PublicKey same_place = good;
  same_place[31] ^= 1U;
  for (int round = 0; round < 3; ++round) {
    CHECK(admitted.admits(good));
    CHECK(admitted.admits(same_place) == is_admissible(same_place));
    CHECK_FALSE(admitted.admits(PublicKey{}));
    CHECK_FALSE(admitted.admits(PublicKey{1}));
  }
}

TEST_CASE("every answer is that of admission however few keys are kept") {
  for (const std::size_t keys_max : {0U, 1U, 4U, 8U, 64U}) {
    AdmittedKeys admitted(keys_max);
    for (int round = 0; round < 2; ++round) {
      for (std::uint8_t i = 0; i < 100; ++i) {
        CHECK(admitted.admits(key_of(i)));
        PublicKey other = key_of(i);
        other[5] ^= 1U;
        CHECK(admitted.admits(other) == is_admissible(other));
      }
    }
  }
}

TEST_CASE("threads that admit the same keys at once get the same answers") {
  AdmittedKeys admitted(16);
  std::vector<PublicKey> keys;
  for (std::uint8_t i = 0; i < 40; ++i) keys.push_back(key_of(i, 7));
  std::vector<std::thread> threads;
  std::array<int, 4> good{}, bad{};
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      for (const PublicKey& key : keys) {
        good[t] += admitted.admits(key) ? 1 : 0;
        bad[t] += admitted.admits(PublicKey{key[0], key[1]}) == is_admissible(PublicKey{key[0], key[1]}) ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : good) CHECK(count == 40);
  for (const int count : bad) CHECK(count == 0);
}

}  // namespace
}  // namespace cadastre
