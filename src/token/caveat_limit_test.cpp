#include "token/caveat_limit.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace cadastre {
namespace {

const TenantId acme = TenantId::parse("acme").value();

CaveatBearer bearer(std::uint8_t rid, std::string_view cav, const TenantId& place = acme) {
  return {.place = place, .rid = RevocationId{rid}, .caveats = parse_caveats(cav, 0).value()};
}

/// `uses 1:5 2:3`, in order; an element of the platform's is marked.
std::string text_of(std::vector<CaveatLimit> limits) {
  std::vector<std::string> words;
  for (const CaveatLimit& limit : limits) {
    words.push_back(fmt::format("{} {}{}:{}", name_of(limit.kind), limit.place.is_platform() ? "platform " : "",
                                limit.rid[0], limit.number));
  }
  std::ranges::sort(words);
  return fmt::format("{}", fmt::join(words, ", "));
}

TEST_CASE("a request is charged to every element and ancestor that bears the caveat") {
  struct Row {
    std::string_view name;
    std::vector<CaveatBearer> chain, ancestors;
    std::string_view charged;
  };
  const Row rows[] = {
      {"no caveat", {bearer(1, "")}, {}, ""},
      {"none that counts", {bearer(1, R"([{"method":["GET"]}])")}, {bearer(9, R"([{"method":["GET"]}])")}, ""},
      {"a root", {bearer(1, R"([{"uses":5}])")}, {}, "uses 1:5"},
      {"all three", {bearer(1, R"([{"uses":5},{"rpm":60},{"quota":{"vms":3}}])")}, {}, "quota 1:3, rpm 1:60, uses 1:5"},
      {"a link charges what is above it", {bearer(1, R"([{"uses":5}])"), bearer(2, "")}, {}, "uses 1:5"},
      {"a link with its own", {bearer(1, R"([{"uses":5}])"), bearer(2, R"([{"uses":2}])")}, {}, "uses 1:5, uses 2:2"},
      {"a link's own alone", {bearer(1, ""), bearer(2, R"([{"quota":{"vms":2}}])")}, {}, "quota 2:2"},
      {"a sub-token charges whom it has it from",
       {bearer(1, R"([{"uses":5}])")},
       {bearer(9, R"([{"uses":5}])")},
       "uses 1:5, uses 9:5"},
      {"its own is its own",
       {bearer(1, R"([{"uses":5},{"uses":2}])")},
       {bearer(9, R"([{"uses":5}])")},
       "uses 1:2, uses 9:5"},
      {"the same words of a link charge no ancestor",
       {bearer(1, ""), bearer(2, R"([{"uses":5}])")},
       {bearer(9, R"([{"uses":5}])")},
       "uses 2:5"},
      {"three generations",
       {bearer(1, R"([{"quota":{"vms":9}},{"quota":{"vms":4}},{"quota":{"vms":4}}])")},
       {bearer(8, R"([{"quota":{"vms":9}},{"quota":{"vms":4}}])"), bearer(9, R"([{"quota":{"vms":9}}])")},
       "quota 1:4, quota 8:4, quota 9:9"},
      {"an ancestor that bears none", {bearer(1, R"([{"uses":5}])")}, {bearer(9, "")}, "uses 1:5"},
      {"other words of the same kind", {bearer(1, R"([{"uses":5}])")}, {bearer(9, R"([{"uses":6}])")}, "uses 1:5"},
      {"an ancestor in the platform's namespace",
       {bearer(1, R"([{"uses":5}])")},
       {bearer(9, R"([{"uses":5}])", TenantId::platform())},
       "uses 1:5, uses platform 9:5"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(text_of(limits_of(row.chain, row.ancestors)) == row.charged);
  }
}

}  // namespace
}  // namespace cadastre
