// One authenticated call on its way to a handler, and the shapes a handler may have.
#pragma once

#include <string_view>
#include <vector>

#include "http/message.h"
#include "service/caller.h"
#include "service/services.h"
#include "service/tenant_gates.h"

namespace cadastre::http {

class Authenticator;
class PageCache;
struct TokenCache;

/// The path's variable parts, in the order the route names them.
using PathParameters = std::vector<std::string_view>;

/// What a handler is told. All references outlive the call.
struct Call {
  const Request& request;
  const Caller& caller;
  const PathParameters& path;
  Services& services;
  /// The tenant that the path names, or else the caller's own; TenantId::platform() for neither.
  const TenantId& tenant;
  TenantGate& gate;  ///< The caller's.
  TileStore& tiles;  ///< The published ledgers.
  PageCache* pages;  ///< Rendered pages of this I/O thread; null where none may be kept.
  Authenticator& authenticator;
  TokenCache* tokens;  ///< Of this I/O thread; null inside a transaction.
};

/// Answers from a reader, on the I/O thread.
using ReadHandler = Result<Response> (*)(const Call&, Reader&);
/// Answers from inside a transaction, on the store's thread; may run more than once.
using ChangeHandler = Result<Response> (*)(const Call&, Tx&);

}  // namespace cadastre::http
