#include "inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api.h"
#include "mint.h"
#include "table.h"
#include "token/subject_pubkey.h"
#include "token/verify.h"

namespace cadastre {
namespace {

constexpr std::size_t links_max_ever = 8;  // TOKENS.md section 7

/// One element; empty members where it cannot be read.
struct Element {
  json::Value header;
  json::Value claims;
  std::string rid;
};

Element element_of(std::string_view text) {
  Element element;
  const auto jws = decode_jws(text);
  if (!jws) return element;
  element.rid = encode_base64url(rid_of(jws->signing_input));
  if (auto header = decode_object(jws->header)) element.header = *std::move(header);
  if (auto claims = decode_object(jws->payload)) element.claims = *std::move(claims);
  return element;
}

std::vector<Element> elements_of(std::string_view credential) {
  std::vector<Element> elements;
  for (std::size_t start = 0; start <= credential.size();) {
    const std::size_t end = std::min(credential.find('~', start), credential.size());
    elements.push_back(element_of(credential.substr(start, end - start)));
    start = end + 1;
  }
  return elements;
}

std::string fault_of(std::string_view credential, Instant now) {
  AdmittedKeys admitted;
  const auto claimed =
      read_chain(credential, {.issuer = "", .audience = "", .service = "", .links_max = links_max_ever}, admitted, now);
  return claimed ? "" : claimed.error().reason;
}

/// The member, a NumericDate as a time.
Line line_of(const json::Member& member) {
  constexpr std::string_view dates[] = {"exp", "iat", "nbf"};
  const auto date = numeric_date(member.value);
  const bool is_date = std::ranges::find(dates, std::string_view(member.name)) != std::end(dates) && date;
  return {"  " + printable(member.name), is_date ? format_rfc3339(instant_from_s(*date)) : cell_of(member.value)};
}

}  // namespace

std::string inspected(std::string_view credential, Instant now) {
  std::string out;
  json::Object object(out);
  object.field("verified", false);
  const std::string fault = fault_of(credential, now);
  if (fault.empty()) {
    object.null("fault");
  } else {
    object.field("fault", fault);
  }
  std::string& list = object.key("elements") += '[';
  for (bool is_first = true; const Element& element : elements_of(credential)) {
    if (!is_first) list += ',';
    is_first = false;
    json::Object each(list);
    append_json(each.key("header"), element.header);
    append_json(each.key("claims"), element.claims);
    each.field("rid", element.rid).end();
  }
  list += ']';
  object.end();
  return out;
}

std::string inspected_lines(std::string_view credential, Instant now) {
  std::string out = "NOT VERIFIED: this is what the token says of itself; see `cadastre token verify`\n";
  for (std::size_t place = 0; const Element& element : elements_of(credential)) {
    out += place == 0 ? "\nroot\n" : fmt::format("\nlink {}\n", place);
    ++place;
    if (element.rid.empty()) {
      out += "  no part of a token\n";
      continue;
    }
    std::vector<Line> lines = {{"  rid", element.rid}};
    for (const json::Member& member : element.header.members) lines.push_back(line_of(member));
    for (const json::Member& member : element.claims.members) lines.push_back(line_of(member));
    out += lines_of(lines);
  }
  const std::string fault = fault_of(credential, now);
  return out + (fault.empty() ? "\nNothing in it speaks against itself.\n"
                              : fmt::format("\nNo server accepts it: {}\n", explained(fault)));
}

IssuerKeys parse_jwks(std::string_view text, const std::string& origin) {
  const json::Value set = parse_document(text, origin);
  const json::Value* const listed = set.find("keys");
  if (listed == nullptr || listed->kind != json::Kind::array) file_error(fmt::format("{} is no JWK set", origin));
  IssuerKeys keys;
  AdmittedKeys admitted;
  for (const json::Value& jwk : listed->elements) {
    const auto key = parse_subject_pubkey(jwk, admitted);
    const json::Value* const kid = jwk.find("kid");
    if (!key || kid == nullptr || kid->text != kid_of(*key)) {
      file_error(fmt::format("{} has a key that is no Ed25519 key under its thumbprint", origin));
    }
    keys.put(*key, IssuerKeyState::active);
  }
  return keys;
}

}  // namespace cadastre
