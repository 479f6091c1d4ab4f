// A key is held by one request at a time, and free again when that is over.
#include "http/keys_in_flight.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace cadastre::http {
namespace {

TEST_CASE("a key in flight is refused until whoever holds it is done") {
  KeysInFlight keys;
  const Digest key = sha256(as_bytes("one"));
  auto first = keys.take(key);
  REQUIRE(first);
  CHECK_FALSE(keys.take(key));
  CHECK(keys.take(sha256(as_bytes("another"))));
  std::optional<KeysInFlight::Hold> moved(*std::move(first));
  first.reset();
  CHECK_FALSE(keys.take(key));
  moved.reset();
  CHECK(keys.take(key));
}

}  // namespace
}  // namespace cadastre::http
