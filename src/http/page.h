// Lists in pages (AIP-158): `page_size`, an opaque `page_token`, `next_page_token` absent at the end.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/lru.h"
#include "base/result.h"
#include "domain/tenant_id.h"
#include "http/message.h"
#include "http/query.h"

namespace cadastre::http {

constexpr std::int64_t page_size_default = 50;
constexpr std::int64_t page_size_max = 1000;

struct PageRequest {
  std::size_t size = page_size_default;
  std::string after;  ///< The last key of the page before; empty at the start.
};

/// Reads `page_size` (to 1000; larger is brought down to 1000, and 0 stands for none, as AIP-158 asks) and `page_token`
/// (empty: none). Refuses a token
/// that was not made for the same list and filters: `list` names both.
Result<PageRequest> parse_page(const Query& query, std::string_view list);
std::string encode_page_token(std::string_view list, std::string_view last_key);

/// First pages as they were rendered, kept while their tenant does not change. Belongs to one I/O thread.
class PageCache {
 public:
  using Body = std::shared_ptr<const std::string>;
  /// The page rendered at exactly this revision of the tenant, or null.
  Body find(const TenantId& tenant, std::int64_t revision);
  void put(const TenantId& tenant, std::int64_t revision, Body body);

 private:
  struct Entry {
    std::int64_t revision = 0;
    Body body;
  };
  static constexpr std::size_t pages_max = 4096;
  static constexpr std::size_t page_bytes_max = 16 * 1024;  // 4096 of them are 64 MiB at the very most
  Lru<std::string, Entry> pages_{pages_max};
};

}  // namespace cadastre::http
