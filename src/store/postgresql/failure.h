// What PostgreSQL, or the way to it, says when it says no.
#pragma once

#include <string>
#include <string_view>

#include "service/ports.h"

namespace cadastre::postgresql {

/// What can be done about a failure.
enum class Trouble {
  connection,  ///< The connection is gone, or was never made. On a new one the same may succeed.
  conflict,    ///< Another transaction was in the way. The same may succeed when it is run again.
  statement,   ///< A statement was at fault, such as a second row of the same key: of a group, one body is to blame.
};

/// Its sentence never holds a value of a row, a password or a connection string.
class Failure : public StoreFailure {
 public:
  Failure(Trouble kind, const std::string& sentence) : StoreFailure(sentence), trouble_(kind) {}
  Trouble trouble() const { return trouble_; }

 private:
  Trouble trouble_;
};

/// The kind of a failure with this SQLSTATE (PostgreSQL 15, appendix A).
Trouble trouble_of(std::string_view sqlstate);

}  // namespace cadastre::postgresql
