// The paths of published files (docs/LEDGER.md section 3).
#pragma once

#include <string_view>

namespace cadastre {

/// Throws StoreFailure unless the path, or the folder, stays inside its log's own folder.
void expect_published_path(std::string_view path);

}  // namespace cadastre
