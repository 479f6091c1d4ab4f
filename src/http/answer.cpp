#include "http/answer.h"

#include <charconv>

#include "http/body.h"

namespace cadastre::http {

void append_time(std::string& out, Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

void append_time(std::string& out, const std::optional<Instant>& at) {
  if (at)
    append_time(out, *at);
  else
    out += "null";
}

void append_etag(std::string& headers, std::int64_t revision) {
  headers += "ETag: \"";
  json::append_integer(headers, revision);
  headers += "\"\r\n";
}

Result<std::optional<std::int64_t>> parse_if_match(const Request& request) {
  const std::string_view text = request.header("if-match").value_or("");
  if (text.empty() || text == "*") return std::optional<std::int64_t>();
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.find('"', 1) == text.size() - 1;
  if (!quoted) {
    return refuse(Code::malformed, "If-Match", "If-Match must be one entity tag in quotes, as ETag gave it.");
  }
  const std::string_view tag = text.substr(1, text.size() - 2);
  std::int64_t revision = 0;
  const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), revision);
  const bool ours = error == std::errc{} && end == tag.data() + tag.size();
  return std::optional<std::int64_t>(ours ? revision : -1);
}

Result<void> expect_no_body(const Request& request) {
  if (request.body.empty()) return {};
  Body body = TRY(Body::parse(request));
  return body.finish();
}

}  // namespace cadastre::http
