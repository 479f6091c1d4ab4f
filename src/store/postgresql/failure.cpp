#include "store/postgresql/failure.h"

#include <algorithm>
#include <array>

namespace cadastre::postgresql {

Trouble trouble_of(std::string_view sqlstate) {
  // A session is ended by an administrator, a crash or its idle limit (25P03); none can be had (53300) or not yet; or
  // it leads to a server that only reads now (25006), while another may be written to.
  constexpr std::array ended = {"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25006", "53300"};
  // Serialization failure, deadlock, a lock or a statement that waited too long.
  constexpr std::array in_the_way = {"40001", "40P01", "55P03", "57014"};
  if (sqlstate.empty() || sqlstate.starts_with("08") || std::ranges::find(ended, sqlstate) != ended.end())
    return Trouble::connection;
  return std::ranges::find(in_the_way, sqlstate) != in_the_way.end() ? Trouble::conflict : Trouble::statement;
}

}  // namespace cadastre::postgresql
