// The verbs about sessions: challenge, open, find, close (TOKENS.md section 14a). A session's secret is made here and
// never kept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/caller.h"
#include "service/services.h"

namespace cadastre {

constexpr std::chrono::seconds session_challenge_life{300};
constexpr std::int64_t wrong_proofs_max = 5;  // of one challenge

/// A nonce for one proof, by the holder of the caller's token.
struct FreshChallenge {
  Bytes<32> nonce{};
  Instant expires_at;
};

struct SessionOrder {
  std::string proof;
  std::string label;
  bool is_browser = false;
  std::optional<std::int64_t> idle_s;
  std::optional<std::int64_t> lifetime_s;
  std::string peer;  ///< From where it is opened.
};

/// A session just opened, with the secrets that only its holder will know.
struct FreshSession {
  Session record;
  std::string credential;
  std::string csrf_token;  ///< Empty when it is not a browser's.
};

/// The proof was for an open challenge and does not hold. That is counted, so whoever gets this commits.
struct WrongProof {
  Refusal refusal;
};

/// Hands out a nonce that is good once, for 300 s, for the token that it is handed to. Refuses with `forbidden` whoever
/// could not open a session: another session, a device, a token that demands a proof of every request, and an
/// administrator's token made on the server, whose key nobody has.
Result<FreshChallenge> challenge_session(Tx& tx, Services& services, const Caller& caller);

/// Opens a session for the holder of the caller's token, who has signed a challenge. Refuses as `challenge_session`,
/// `session_times` and, with `conflict`, when the namespace has `sessions_max` open.
Result<std::variant<FreshSession, WrongProof>> open_session(Tx& tx, Services& services, const Caller& caller,
                                                            const SessionOrder& order);

/// The open session of that id (22 characters of base64url), when the caller may see it: an administrator sees all of
/// its namespace, any other holder those of its own token and of what hangs below that.
Result<Session> session(Reader& reader, const Caller& caller, const TenantId& tenant, std::string_view id, Instant now);
/// Those that the caller may see, in order of id.
Result<std::vector<Session>> sessions(Reader& reader, const Caller& caller, const TenantId& tenant,
                                      const SessionQuery& query, Instant now);

/// Ends a session at once, on every replica. Whoever may revoke its token may end it; refuses as that does.
Result<void> close_session(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant,
                           std::string_view id);
/// Ends all that the caller sees and may end; answers how many.
Result<std::int64_t> close_sessions(Tx& tx, Services& services, const Caller& caller, const TenantId& tenant);

/// Takes the sessions away that have ended already with what they hang from, in this namespace: `has_lost` says which,
/// `reason` how.
void drop_sessions(Tx& tx, const Caller& caller, const TenantId& tenant, std::string_view reason, Instant now,
                   const std::function<bool(const Session&)>& has_lost);

/// Takes a session away whose time is over; false when it is not, or the session is not there any more.
bool sweep_session(Tx& tx, const TenantId& tenant, const SessionId& id, Instant now);
/// Takes a session away whose token was revoked in the platform's namespace; false when it is not there any more.
bool drop_lost_session(Tx& tx, const TenantId& tenant, const SessionId& id, Instant now);
/// Notes that a session was used, unless a later use is noted; false then, and when it is not there any more.
bool note_session_use(Tx& tx, const TenantId& tenant, const SessionId& id, Instant at);

}  // namespace cadastre
