#include "token/caveat_limit.h"

#include <algorithm>

namespace cadastre {
namespace {

void add(std::vector<CaveatLimit>& limits, const Caveat& caveat, const CaveatBearer& bearer) {
  const auto same = std::ranges::find_if(limits, [&](const CaveatLimit& each) {
    return each.kind == caveat.kind && each.place == bearer.place && each.rid == bearer.rid;
  });
  if (same != limits.end())
    same->number = std::min(same->number, caveat.number);
  else
    limits.push_back({.kind = caveat.kind,
                      .place = bearer.place,
                      .rid = bearer.rid,
                      .number = caveat.number,
                      .expires_at = bearer.expires_at});
}

}  // namespace

std::vector<CaveatLimit> limits_of(std::span<const CaveatBearer> chain, std::span<const CaveatBearer> ancestors) {
  std::vector<CaveatLimit> limits;
  for (const CaveatBearer& element : chain) {
    for (const Caveat& caveat : element.caveats) {
      if (!is_counted(caveat.kind)) continue;
      add(limits, caveat, element);
      if (&element != chain.data()) continue;
      for (const CaveatBearer& ancestor : ancestors) {
        if (std::ranges::find(ancestor.caveats, caveat) != ancestor.caveats.end()) add(limits, caveat, ancestor);
      }
    }
  }
  return limits;
}

}  // namespace cadastre
