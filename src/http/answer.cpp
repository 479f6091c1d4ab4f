#include "http/answer.h"

#include <algorithm>

#include "http/body.h"
#include "http/query.h"

namespace cadastre::http {
namespace {

struct EntityTag {
  bool is_weak = false;
  std::string_view opaque;
};

/// Takes an entity tag (RFC 9110 section 8.8.3) off the front; nothing when there is none.
std::optional<EntityTag> take_entity_tag(std::string_view& rest) {
  EntityTag tag{.is_weak = rest.starts_with("W/"), .opaque = {}};
  if (tag.is_weak) rest.remove_prefix(2);
  const std::size_t end = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
  if (end == std::string_view::npos) return std::nullopt;
  tag.opaque = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return tag;
}

/// Takes a comma and the white space around it off the front; false when there is none, or nothing after it.
bool take_comma(std::string_view& rest) {
  const auto skip_space = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); };
  skip_space();
  if (!rest.starts_with(',')) return false;
  rest.remove_prefix(1);
  skip_space();
  return !rest.empty();
}

}  // namespace

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

Result<Precondition> parse_if_match(const Request& request) {
  const auto field = request.header("if-match");
  if (!field || *field == "*") return Precondition();
  const auto refused = [] {
    return refuse(Code::malformed, "If-Match", "If-Match must be * or entity tags in quotes, as ETag gave them.");
  };
  if (request.count("if-match") > 1) return refused();
  Precondition condition{std::vector<std::int64_t>()};
  for (std::string_view rest = *field;;) {
    const auto tag = take_entity_tag(rest);
    if (!tag) return refused();
    if (const auto revision = tag->is_weak ? std::nullopt : parse_number(tag->opaque))
      condition.revisions->push_back(*revision);
    if (rest.empty()) return condition;
    if (!take_comma(rest)) return refused();
  }
}

Result<void> expect_no_body(const Request& request) {
  if (request.body.empty()) return {};
  Body body = TRY(Body::parse(request));
  return body.finish();
}

}  // namespace cadastre::http
