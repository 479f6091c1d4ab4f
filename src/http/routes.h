// The table of routes: every call of the API in one place, each with the scope it asks for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "domain/scope.h"
#include "http/call.h"

namespace cadastre::http {

class Api;

/// Answers anyone, without a credential.
using OpenHandler = Result<Response> (*)(Api&, const Request&, const PathParameters&, unsigned io_thread);

/// Whose data a route is about.
enum class Subject {
  nobody,         ///< No tenant's: open routes, and those about all tenants.
  own_tenant,     ///< The caller's own tenant; a platform administrator has none and is refused.
  own_namespace,  ///< The caller's own tenant, or the platform's own namespace for its administrators.
  path_tenant,    ///< The tenant in the path: the caller's own, or any for the platform.
  own_device,     ///< The device whose token the caller has, of whatever scope; others are refused.
  own_node,       ///< A node that the caller's device is, or is about to be; others than devices are refused.
};

/// Answers whoever proves itself by the body alone, from inside a transaction.
struct ProvedHandler {
  /// Who that is by its own word, as a caller without a token; in the I/O thread.
  Result<Caller> (*read)(const Request&, const TenantId&);
  /// Turns away what cannot succeed, so that a stranger does not wait among the tenant's changes; in the I/O thread.
  Result<void> (*admit)(const Call&, Reader&);
  ChangeHandler change;
};

struct Route {
  std::string_view method;
  std::string_view path;       ///< `{name}` stands for one segment, a last `{name...}` for all that follow.
  std::string_view operation;  ///< The contract's operationId, which `op` caveats name.
  std::optional<Scope> needs;  ///< Nothing: anyone.
  Subject subject;
  std::variant<OpenHandler, ReadHandler, ChangeHandler, ProvedHandler> handler;
  std::string_view parameters = {};  ///< What its query may name, with blanks between. Open routes take any.
};

std::span<const Route> routes();

/// What a method and path lead to.
struct Match {
  const Route* route = nullptr;  ///< Null when there is none of that path and method.
  PathParameters path;           ///< Views into the path that was asked for.
  std::string allow;             ///< When the path exists with other methods: `GET, POST`.
};

/// Finds the row. HEAD is answered by GET's.
Match find_route(std::string_view method, std::string_view path);

}  // namespace cadastre::http
