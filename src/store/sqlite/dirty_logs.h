// The logs whose head is beyond what was published, kept in memory so that the publisher need not look for them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/tenant_id.h"

namespace cadastre::sqlite {

/// What a commit did to a log.
struct LogNote {
  enum class Fact { appended, published_in_part, published_whole };
  TenantId tenant;
  Fact fact;
};

/// Safe to use from several threads.
class DirtyLogs {
 public:
  /// Takes the facts of one commit, in their order.
  void apply(std::span<const LogNote> notes);
  /// At most `limit` logs, those first that wait longest.
  std::vector<TenantId> oldest(std::size_t limit) const;

 private:
  void add(const TenantId& tenant);
  void remove(const TenantId& tenant);

  mutable std::mutex mutex_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, TenantId> by_age_;
  std::unordered_map<std::string, std::uint64_t> ages_;
};

}  // namespace cadastre::sqlite
