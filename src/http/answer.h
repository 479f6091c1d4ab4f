// What many handlers' answers share: times, entity tags, lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/precondition.h"
#include "http/message.h"

namespace cadastre::http {

/// A JSON string of RFC 3339, or null for none.
void append_time(std::string& out, Instant at);
void append_time(std::string& out, const std::optional<Instant>& at);

/// The header line of a strong entity tag (RFC 9110 section 8.8.3) made of a revision.
void append_etag(std::string& headers, std::int64_t revision);

/// What `If-Match` demands: nothing without the header or for `*`. Tags that are weak or not ours match no resource
/// (RFC 9110 section 13.1.1). Refuses what is not a list of entity tags.
Result<Precondition> parse_if_match(const Request& request);

/// Refuses a body other than none or an empty JSON object.
Result<void> expect_no_body(const Request& request);

/// `{"<name>":[…],"next_page_token":…}` of at most `size` of the `items`; one more says that there is a next page.
template <class Item, class Append, class Token>
Response list_answer(std::string_view name, const std::vector<Item>& items, std::size_t size, Append append,
                     Token token) {
  Response response{.status = 200, .content_type = "application/json"};
  json::Object object(response.body);
  std::string& out = object.key(name);
  out += '[';
  for (std::size_t i = 0; i < items.size() && i < size; ++i) {
    if (i > 0) out += ',';
    append(out, items[i]);
  }
  out += ']';
  if (items.size() > size) object.field("next_page_token", token(items[size - 1]));
  object.end();
  return response;
}

}  // namespace cadastre::http
