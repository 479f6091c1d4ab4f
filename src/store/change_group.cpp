#include "store/change_group.h"

#include <algorithm>
#include <utility>

namespace cadastre {

void fail_all(ChangeFailures& failures, const StoreFailure& reason) {
  const bool is_unknown = dynamic_cast<const CommitUnknown*>(&reason) != nullptr;
  std::ranges::generate(failures, [&] {
    return is_unknown ? std::make_exception_ptr(CommitUnknown(reason.what()))
                      : std::make_exception_ptr(StoreFailure(reason.what()));
  });
}

void tell_all(ChangeGroup& group, ChangeFailures& failures) {
  for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::exchange(failures[i], nullptr));
}

}  // namespace cadastre
