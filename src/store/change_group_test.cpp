#include "store/change_group.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace cadastre {
namespace {

std::string kind_of(const std::exception_ptr& failure) {
  if (!failure) return "none";
  try {
    std::rethrow_exception(failure);
  } catch (const CommitUnknown& thrown) {
    return std::string("unknown: ") + thrown.what();
  } catch (const StoreFailure& thrown) {
    return std::string("failed: ") + thrown.what();
  }
}

const void* address_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& thrown) {
    return &thrown;
  }
}

TEST_CASE("a group that fails gives each change an exception of its own, of the kind and words of the reason") {
  ChangeFailures failures(3);
  fail_all(failures, StoreFailure("disk full"));
  std::set<const void*> exceptions;
  for (const auto& failure : failures) {
    CHECK(kind_of(failure) == "failed: disk full");
    exceptions.insert(address_of(failure));
  }
  CHECK(exceptions.size() == failures.size());
  fail_all(failures, CommitUnknown("gone"));
  for (const auto& failure : failures) CHECK(kind_of(failure) == "unknown: gone");
}

TEST_CASE("each change is told of its own failure, and nobody else keeps it") {
  std::vector<std::string> told;
  ChangeGroup group;
  for (int i = 0; i < 2; ++i) {
    group.push_back({.tenant = TenantId::platform(),
                     .body = [](Tx&) { return Verdict::drop; },
                     .done = [&told](const std::exception_ptr& failure) { told.push_back(kind_of(failure)); }});
  }
  ChangeFailures failures(2);
  failures[1] = std::make_exception_ptr(StoreFailure("the second"));
  tell_all(group, failures);
  CHECK(told == std::vector<std::string>{"none", "failed: the second"});
  CHECK(failures[1] == nullptr);
}

}  // namespace
}  // namespace cadastre
