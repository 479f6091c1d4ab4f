// Refusals as RFC 9457 problem documents; the one place with error statuses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace cadastre::http {

/// What a problem document says besides the refusal itself.
struct ProblemContext {
  std::string_view instance;  ///< The request's path.
  std::string_view request_id;
  std::string_view tenant_id;  ///< Empty when none is known.
};

/// Begins the subject of a refusal that is about a DPoP proof and not about the token itself; never shown.
constexpr std::string_view proof_mark = "proof:";

int status_of(Code code);
/// As `code` on the wire: `QUOTA_EXCEEDED`.
std::string_view name_of(Code code);

/// Why a credential is refused, as TOKENS.md section 16 spells it. It lives as long as the refusal.
std::string_view reason_of(const Refusal& refusal);

/// The problem document with its status and the headers that go with it (`Retry-After`, `WWW-Authenticate`).
Response problem(const Refusal& refusal, const ProblemContext& context);

/// The page served at a problem's `type`, as HTML; nothing for a name that no problem has.
std::optional<std::string> problem_page(std::string_view name);
/// All problems' names in `type`, one page each.
std::string problem_index();

}  // namespace cadastre::http
