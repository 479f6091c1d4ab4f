// A session: a token presented once, and then an opaque secret in its place.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "domain/issued_token.h"

namespace cadastre {

using SessionId = Bytes<16>;

/// Allows what its token allowed, and ends with it. Neither the secret nor the token is kept.
struct Session {
  TenantId tenant;  ///< TenantId::platform() for a platform administrator's.
  SessionId id{};
  Bytes<32> secret_hash{};  ///< SHA-256.
  Bytes<32> csrf_hash{};    ///< SHA-256; all zero when it is not a browser's.
  std::string token_id;     ///< `jti` of the token it was opened with.
  Bytes<32> subject_key{};
  std::string scope;
  std::string label;               ///< Free text, for lists; may be empty.
  std::string grant;               ///< What its token allowed, as the service encodes it.
  std::vector<RevocationId> rids;  ///< Of the token's elements and ancestors: any of them revoked ends it.
  std::vector<Bytes<32>> keys;     ///< Thumbprints of the subject keys (RFC 7638): any of them revoked ends it.
  std::int64_t generation = 1;     ///< Of the token (TOKENS.md section 4, `gen`).
  Instant opened_at;
  Instant seen_at;  ///< When it was last used, roughly.
  Instant expires_at;
  std::int64_t idle_s = 0;  ///< Ends when it was not used for so long (`ending_of`); 0: only at `expires_at`.
  std::string peer;         ///< The address from which it was opened.
  bool is_browser = false;
};

constexpr std::chrono::seconds session_limit_min{10};  // of idleness and of life
constexpr std::chrono::seconds session_lifetime_max = std::chrono::hours(24);
constexpr std::chrono::seconds session_lifetime_default = std::chrono::hours(8);
constexpr std::chrono::seconds session_idle_default = std::chrono::minutes(15);
constexpr std::size_t sessions_max = 1000;  // of a namespace at once: what ends some of them looks at them all

/// When a session that is about to be opened will end.
struct SessionTimes {
  Instant expires_at;
  std::int64_t idle_s = 0;
};

/// Decides the ends of a session from what was asked for. It never outlives its token: a longer life that was asked for
/// is refused with `expires_after_parent`, the one taken by default ends with the token.
Result<SessionTimes> session_times(std::optional<std::int64_t> idle_s, std::optional<std::int64_t> lifetime_s,
                                   Instant now, Instant token_expires_at);

/// How a session ends when nobody ends it.
enum class SessionEnd { expired, idle };
/// As the ledger spells it.
std::string_view name_of(SessionEnd end);

struct SessionEnding {
  SessionEnd how = SessionEnd::expired;
  Instant at;
};

/// A use is noted when the last note is this old: a tenth of the idle limit, from 1 to 60 s.
std::chrono::seconds note_interval(const Session& session);

/// When and how it ends if it is not used any more. Since not every use is noted, it is idle only when the noted one is
/// older than the limit and the interval of notes together: never before the limit has passed since the last use.
SessionEnding ending_of(const Session& session);
bool has_ended(const Session& session, Instant now);
/// Whether a use at `now` is to be noted.
bool is_note_due(const Session& session, Instant now);

/// From when on its row may go: at once after its life; after idleness only when no process can still believe in a use
/// that was never noted, which it does for as long as it keeps what it read.
Instant sweep_time(const Session& session);

}  // namespace cadastre
