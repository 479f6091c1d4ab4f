// The JSON reader: no input crashes it, and what it reads it writes back as the one canonical text.
#include "base/invariant.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cadastre;
  constexpr int depth_max = 8;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const json::Outcome outcome = json::parse(text, depth_max);
  CHECK_INVARIANT(outcome.offset <= size);
  if (!outcome.value) return 0;
  const auto canonical = json::canonical(*outcome.value);
  if (!canonical) return 0;
  const json::Outcome again = json::parse(*canonical, depth_max);
  CHECK_INVARIANT(again.value.has_value());
  CHECK_INVARIANT(json::canonical(*again.value) == canonical);
  return 0;
}
