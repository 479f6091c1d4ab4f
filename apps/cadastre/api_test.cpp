// What is asked of the API, and how its refusals read.
#include "api.h"

#include <doctest/doctest.h>

namespace cadastre {
namespace {

TEST_CASE("a query has the parameters that have a value, escaped") {
  CHECK(Parameters().text().empty());
  CHECK(Parameters().add("state", "Running").add("name", "").add("from", std::optional<std::int64_t>()).text() ==
        "?state=Running");
  CHECK(Parameters().add("a", "x&y=/ü ").add("n", 7).text() == "?a=x%26y%3D%2F%C3%BC%20&n=7");
}

TEST_CASE("a refusal is one sentence with its code and the request's id") {
  CHECK(problem_sentence(
            {.status = 429,
             .body = R"({"code":"QUOTA_EXCEEDED","detail":"max_vms is 10, 10 are in use","request_id":"r-1"})"}) ==
        "max_vms is 10, 10 are in use (QUOTA_EXCEEDED, request r-1)");
  CHECK(
      problem_sentence(
          {.status = 400,
           .body =
               R"({"code":"MALFORMED_REQUEST","detail":"The body is wrong","request_id":"r","errors":[{"pointer":"/a","detail":"is unknown"},{"pointer":"/b","detail":"is missing"}]})"}) ==
      "The body is wrong; /a: is unknown; /b: is missing (MALFORMED_REQUEST, request r)");
  CHECK(
      problem_sentence(
          {.status = 422,
           .body =
               R"({"code":"INVALID_FIELD","detail":"a must be b.","request_id":"r","errors":[{"pointer":"/a","detail":"a must be b"}]})"}) ==
      "a must be b (INVALID_FIELD, request r)");
  CHECK(problem_sentence({.status = 401,
                          .body = R"({"code":"UNAUTHENTICATED","detail":"no","reason":"expired","request_id":"r"})"}) ==
        "no (UNAUTHENTICATED: expired, request r)");
  CHECK(problem_sentence({.status = 429,
                          .body = R"({"code":"RATE_LIMITED","detail":"too many","request_id":"r"})",
                          .headers = {{"retry-after", "12"}}}) ==
        "too many; try again in 12 s (RATE_LIMITED, request r)");
  CHECK(problem_sentence({.status = 502, .body = "<html>"}) == "the server answers 502");
  CHECK(problem_sentence({.status = 400, .body = R"({"code":"X","detail":"a\u001b[2J","request_id":"r"})"}) ==
        "a?[2J (X, request r)");
}

}  // namespace
}  // namespace cadastre
