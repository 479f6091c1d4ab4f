// Refusals: how a function says no to something its sender can mend.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace cadastre {

/// Why a request was turned down. `http/problem.cpp` gives each its status, its name on the wire and its page.
enum class Code {
  malformed,           ///< Not JSON, an unknown member, a wrong type, a bad header.
  invalid_field,       ///< Well formed, but a value that can never be right.
  unauthenticated,     ///< No credential, or one that does not hold; `subject` is the reason of TOKENS.md section 16.
  insufficient_scope,  ///< A good credential that may not do this.
  tenant_mismatch,     ///< The path or body names a tenant that is not the credential's.
  caveat_denied,       ///< A caveat of the token excludes this request.
  tenant_suspended,    ///< The tenant is suspended: reads work, changes do not.
  forbidden,           ///< Any other "may not", such as revoking one's own ancestor.
  not_found,           ///< Missing, or another tenant's.
  method_not_allowed,
  conflict,  ///< The state does not allow it, such as starting a VM that is being deleted.
  already_exists,
  tenant_not_empty,
  limit_below_usage,
  idempotency_mismatch,
  idempotency_in_flight,
  precondition_failed,  ///< `If-Match` names an older version.
  request_timeout,
  content_too_large,
  unsupported_media_type,
  quota_exceeded,
  rate_limited,
  headers_too_large,
  not_implemented,  ///< A transfer coding or method that HTTP knows and this server does not.
  http_version_unsupported,
  expires_after_parent,
  overloaded,   ///< The tenant's queue of changes is full; try again.
  unavailable,  ///< A part the answer depends on cannot be asked; nothing was granted.
  internal,     ///< Ours to mend; the log line with the same request id says what.
};

/// One limit that a request would pass (the `violations` member of a quota problem).
struct Violation {
  std::string quota;  ///< As the API spells it: `max_vms`.
  std::int64_t limit = 0;
  std::int64_t used = 0;
  std::int64_t requested = 0;
  std::string unit;  ///< `count`, `GB` or `MiB`.
};

/// One member of a request body that is wrong (RFC 9457 section 3 example, `errors`).
struct FieldError {
  std::string pointer;  ///< JSON Pointer (RFC 6901): `/max_vms`.
  std::string detail;
};

/// A request turned down for a reason its sender can act on.
struct Refusal {
  Code code;
  std::string subject;  ///< The field, limit, reason or resource concerned, as the API spells it.
  std::string detail;   ///< One sentence for a person.
  std::vector<Violation> violations = {};
  std::vector<FieldError> errors = {};
  std::int64_t retry_after_s = 0;  ///< Whole seconds until a retry can succeed; 0 when waiting does not help.
};

template <class T>
struct [[nodiscard]] Result : std::expected<T, Refusal> {
  using std::expected<T, Refusal>::expected;
};

inline std::unexpected<Refusal> refuse(Code code, std::string subject, std::string detail) {
  return std::unexpected(Refusal{code, std::move(subject), std::move(detail)});
}

/// A member of the request body with a value that can never be right: `rule` says what it must be.
inline std::unexpected<Refusal> refuse_member(const std::string& name, const std::string& rule) {
  return std::unexpected(Refusal{Code::invalid_field, name, name + " " + rule, {}, {{"/" + name, rule}}});
}

/// Members of the request body that are wrong, the first of them in the words of the whole. Yes when there are none.
inline Result<void> refuse_members(std::vector<FieldError> errors) {
  if (errors.empty()) return {};
  std::string name = errors.front().pointer.substr(1);
  std::string detail = name + " " + errors.front().detail;
  return std::unexpected(Refusal{Code::invalid_field, std::move(name), std::move(detail), {}, std::move(errors)});
}

/// The value of a Result, or a return of its Refusal from the enclosing function. Not for coroutines.
#define TRY(expression)                                                       \
  __extension__({                                                             \
    auto&& try_outcome = (expression);                                        \
    if (!try_outcome) return std::unexpected(std::move(try_outcome).error()); \
    *std::move(try_outcome);                                                  \
  })

}  // namespace cadastre
