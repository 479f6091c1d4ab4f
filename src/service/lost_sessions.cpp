#include "service/lost_sessions.h"

#include <algorithm>

#include "service/session_token.h"

namespace cadastre {
namespace {

/// The platform's own go in the transaction that revokes their token.
bool is_lost(Reader& reader, const Session& session) {
  if (session.tenant.is_platform()) return false;
  const Caller caller = caller_of(session);
  const auto places = namespaces_of(caller);
  const bool hangs_from_platform = std::ranges::find(places, TenantId::platform()) != places.end();
  return hangs_from_platform && !readmit_in(reader, caller, TenantId::platform());
}

}  // namespace

std::vector<Session> LostSessions::next(Reader& reader, std::size_t limit) {
  if (!is_walking_) {
    const auto platform = reader.tenant(TenantId::platform());
    const Mark mark = platform ? Mark{platform->generation, platform->revocations} : Mark();
    if (mark == begun_at_) return {};
    begun_at_ = mark;
    is_walking_ = true;
    walk_ = {};
  }
  walk_.limit = limit;
  auto page = reader.all_sessions(walk_);
  is_walking_ = page.size() == limit;
  if (is_walking_) {
    walk_.after_tenant = page.back().tenant;
    walk_.after = page.back().id;
  }
  std::erase_if(page, [&](const Session& session) { return !is_lost(reader, session); });
  return page;
}

}  // namespace cadastre
