// What a change demands of the version it finds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace cadastre {

/// The revisions of which one must be the resource's for the change to be made (`If-Match`, RFC 9110 section 13.1.1);
/// nothing: any will do.
struct Precondition {
  std::optional<std::vector<std::int64_t>> revisions;

  bool holds(std::int64_t revision) const {
    return !revisions || std::ranges::find(*revisions, revision) != revisions->end();
  }
};

}  // namespace cadastre
