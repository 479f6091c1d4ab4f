// What a token is used for: the request as the verifier sees it.
#pragma once

#include <optional>
#include <string_view>

#include "domain/scope.h"
#include "domain/tenant_id.h"

namespace cadastre {

/// One request. The views live as long as the request.
struct TokenUse {
  std::string_view method;
  std::string_view path;                ///< Raw, without the query; `%2f`, `//`, `.` and `..` have been refused before.
  std::string_view operation;           ///< The operationId of the contract, such as `vm.list`.
  std::string_view resource;            ///< `vm:…` or `node:…` when the path names one; empty otherwise.
  std::string_view peer;                ///< The peer's address as text, IPv4 or IPv6.
  std::optional<TenantId> tenant = {};  ///< The tenant that the path or body names, if it names one.
  Scope needed = Scope::read();
  /// Whether whoever asks also charges `quota`, `rpm` and `uses` (service/caveat_charges.h). When not, a token that has
  /// such a caveat is refused: a limit nobody counts is no limit.
  bool charges_counters = false;
};

}  // namespace cadastre
