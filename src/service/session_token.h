// A session's credential, and what its token allowed, kept so that the session can stand in its place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/session.h"
#include "service/caller.h"
#include "token/verify.h"

namespace cadastre {

/// The credential of a session: `cs_<tenant>.<session id>.<secret>`, 22 and 43 characters of base64url; the platform's
/// have no tenant. Scanners for secrets find it by `cs_[a-z0-9-]{0,63}\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}`.
struct SessionCredential {
  TenantId tenant;
  SessionId id{};
  Bytes<32> secret{};

  static constexpr std::string_view prefix = "cs_";
  /// Nothing for any other text.
  static std::optional<SessionCredential> parse(std::string_view text);
  std::string text() const;
};

/// What is recorded as revoked when a session is ended before its time.
RevocationId session_rid(const SessionId& id);

/// What a session keeps of the token it is opened with, as JSON: audience, caveats by element, chain, kid, times.
std::string encode_grant(const Caller& caller);

/// The token as the session stands for it. Its `id` is the session's `token_id`. Throws StoreFailure when the grant is
/// not one that `encode_grant` wrote.
VerifiedToken token_of(const Session& session);

/// The caller who comes with it; the request id is missing.
Caller caller_of(const Session& session);

}  // namespace cadastre
