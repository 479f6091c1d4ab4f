// Sessions in tenants' namespaces whose administrator's token was revoked: no request may touch the platform's rows and
// a tenant's, so they are looked for beside the requests.
#pragma once

#include <vector>

#include "service/ports.h"

namespace cadastre {

/// Walks through the sessions of all tenants, a page at a time, once for whatever was revoked in the platform's
/// namespace since the last walk began. For one thread. What a walk does not end, because the store failed, ends when
/// its time is over.
class LostSessions {
 public:
  /// Those among the next `limit` sessions that hang from a token of the platform's which is revoked. Costs one row
  /// when no walk is due.
  std::vector<Session> next(Reader& reader, std::size_t limit);
  /// Has a walk begin anew, since not all that was found could be ended.
  void begin_again() { begun_at_ = {}; }

 private:
  /// What has been revoked in the platform's namespace, as its row counts it.
  struct Mark {
    std::int64_t generation = 1;
    std::int64_t revocations = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  Mark begun_at_;  ///< Nothing was revoked: nothing to look for.
  bool is_walking_ = false;
  SessionWalk walk_;
};

}  // namespace cadastre
