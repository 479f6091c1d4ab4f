#include "http/page.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace cadastre::http {
namespace {

constexpr std::size_t tag_bytes = 6;

/// Ties a token to its list, so that one list's token is refused by another's.
std::string tag_of(std::string_view list) { return std::string(as_text(sha256(list)).substr(0, tag_bytes)); }

}  // namespace

Result<PageRequest> parse_page(const Query& query, std::string_view list) {
  PageRequest page;
  if (const auto text = query.find("page_size")) {
    const auto size = parse_number(*text);
    if (!size) {
      return refuse(Code::malformed, "page_size", "page_size must be an integer from 0 to 1000; 0 stands for 50.");
    }
    if (*size > 0) page.size = static_cast<std::size_t>(std::min(*size, page_size_max));
  }
  if (const auto text = query.find("page_token"); text && !text->empty()) {
    const auto bytes = decode_base64url(*text);
    if (!bytes || bytes->size() <= tag_bytes || !bytes->starts_with(tag_of(list))) {
      return refuse(Code::malformed, "page_token", "page_token is not one that this list has given.");
    }
    page.after = bytes->substr(tag_bytes);
  }
  return page;
}

std::string encode_page_token(std::string_view list, std::string_view last_key) {
  return encode_base64url(as_bytes(tag_of(list) + std::string(last_key)));
}

PageCache::Body PageCache::find(const TenantId& tenant, std::int64_t revision) {
  const Entry* const entry = pages_.find(tenant.text());
  return entry != nullptr && entry->revision == revision ? entry->body : nullptr;
}

void PageCache::put(const TenantId& tenant, std::int64_t revision, Body body) {
  if (body->size() <= page_bytes_max) pages_.put(tenant.text(), {revision, std::move(body)});
}

}  // namespace cadastre::http
