#include "http/form.h"

#include <doctest/doctest.h>

using namespace cadastre;
using namespace cadastre::http;

namespace {

Request request_of(std::string_view type, std::string_view body) {
  auto head = parse_head("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: " + std::string(type) + "\r\n\r\n");
  REQUIRE(head);
  Request request;
  static_cast<Head&>(request) = *std::move(head);
  request.body = body;
  return request;
}

constexpr std::string_view form_type = "application/x-www-form-urlencoded";

/// The value of `token`, or `<refused>`.
std::string token_of(std::string_view body) {
  const auto form = Form::parse(request_of(form_type, body));
  if (!form || !form->only("token token_type_hint")) return "<refused>";
  return form->text("token").value_or("<refused>");
}

}  // namespace

TEST_CASE("a form has each of its fields once, and escapes stand for text") {
  struct Row {
    std::string_view body, token;
  };
  const Row rows[] = {
      {"token=a.b.c", "a.b.c"},
      {"token=a~b", "a~b"},
      {"token=a%7Eb%2ec", "a~b.c"},
      {"token_type_hint=access_token&token=a", "a"},
      {"token=a+b%2Bc", "a b+c"},
      {"token=a=b", "a=b"},
      {"%74oken=a", "a"},
      {"token=caf%C3%A9", "caf\xc3\xa9"},
      {"", "<refused>"},
      {"token", "<refused>"},
      {"token=", "<refused>"},
      {"=a", "<refused>"},
      {"token=a&", "<refused>"},
      {"&token=a", "<refused>"},
      {"token=a&&token_type_hint=b", "<refused>"},
      {"token=a&token=b", "<refused>"},
      {"token=a&%74oken=a", "<refused>"},
      {"token=a&client_id=b", "<refused>"},
      {"Token=a", "<refused>"},
      {"token=a;token_type_hint=b", "a;token_type_hint=b"},
      {"token=%", "<refused>"},
      {"token=%4", "<refused>"},
      {"token=%zz", "<refused>"},
      {"token=%00", "<refused>"},
      {"token=%0a", "<refused>"},
      {"token=%ff", "<refused>"},
      {"token=%C0%AF", "<refused>"},
      {"token=a\n", "<refused>"},
      {"token=a b", "<refused>"},
      {"token=caf\xc3\xa9", "<refused>"},
      {"{\"token\":\"a\"}", "<refused>"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    CHECK(token_of(row.body) == row.token);
  }
}

TEST_CASE("a form is of one media type") {
  for (const char* good :
       {"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded",
        "application/x-www-form-urlencoded; charset=utf-8", "application/x-www-form-urlencoded ;a=b"}) {
    CAPTURE(good);
    CHECK(Form::parse(request_of(good, "token=a")));
  }
  for (const char* bad : {"application/json", "text/plain", "multipart/form-data; boundary=a", "application/x-www-form",
                          "x; application/x-www-form-urlencoded"}) {
    CAPTURE(bad);
    const auto form = Form::parse(request_of(bad, "token=a"));
    REQUIRE_FALSE(form);
    CHECK(form.error().code == Code::unsupported_media_type);
  }
}

TEST_CASE("no refusal of a form repeats what was sent") {
  for (const char* body : {"secret", "secret=1&secret=2", "token=secret%", "token=secret\n", "secret=1"}) {
    const auto form = Form::parse(request_of(form_type, body));
    const auto refusal = form ? form->text("token").error() : form.error();
    CHECK(refusal.detail.find("secret") == std::string::npos);
  }
}
