#include "http/routes.h"

#include <unordered_map>
#include <vector>

#include "http/devices.h"
#include "http/images.h"
#include "http/ledger.h"
#include "http/links.h"
#include "http/nodes.h"
#include "http/oauth.h"
#include "http/open.h"
#include "http/sessions.h"
#include "http/ssh_keys.h"
#include "http/tenants.h"
#include "http/tokens.h"
#include "http/vm_consoles.h"
#include "http/vms.h"

namespace cadastre::http {
namespace {

constexpr std::nullopt_t anyone = std::nullopt;
constexpr Scope read = Scope::read();
constexpr Scope user = Scope::user();
constexpr Scope input = Scope::input();
constexpr Scope tenant_admin = Scope::tenant_admin();
constexpr Scope platform_admin = Scope::platform_admin();

const Scope vm_host = *Scope::parse_canonical("service:vm-host");

constexpr std::string_view paged = "page_size page_token";
constexpr std::string_view filtered =
    "page_size page_token type event_type from to since until order node_id vm_id token_id actor request_id";

const Route table[] = {
    {"POST", "/v1/tenants", "tenant.create", platform_admin, Subject::nobody, post_tenant},
    {"GET", "/v1/tenants", "tenant.list", platform_admin, Subject::nobody, get_tenants, paged},
    {"GET", "/v1/tenants/{t}", "tenant.get", read, Subject::path_tenant, get_tenant},
    {"PATCH", "/v1/tenants/{t}", "tenant.update", platform_admin, Subject::path_tenant, patch_tenant, "force"},
    {"DELETE", "/v1/tenants/{t}", "tenant.delete", platform_admin, Subject::path_tenant, remove_tenant},
    {"POST", "/v1/tenants/{t}/suspend", "tenant.suspend", platform_admin, Subject::path_tenant, suspend_tenant},
    {"POST", "/v1/tenants/{t}/resume", "tenant.resume", platform_admin, Subject::path_tenant, resume_tenant},

    {"POST", "/v1/tenants/{t}/tokens", "token.issue", tenant_admin, Subject::path_tenant, post_token},
    {"GET", "/v1/tenants/{t}/tokens", "token.list", tenant_admin, Subject::path_tenant, get_tokens, paged},
    {"GET", "/v1/tenants/{t}/tokens/{id}", "token.get", tenant_admin, Subject::path_tenant, get_token},
    {"DELETE", "/v1/tenants/{t}/tokens/{id}", "token.revoke", tenant_admin, Subject::path_tenant, remove_token,
     "devices"},
    {"POST", "/v1/tenants/{t}/tokens/replace", "token.replace.bulk", tenant_admin, Subject::path_tenant,
     post_replacements},
    {"POST", "/v1/tenants/{t}/tokens/{id}/replace", "token.replace", tenant_admin, Subject::path_tenant,
     post_replacement},
    {"GET", "/v1/tenants/{t}/links", "link.list", tenant_admin, Subject::path_tenant, get_links, paged},
    {"POST", "/v1/tenants/{t}/revocations", "revocation.create", tenant_admin, Subject::path_tenant, post_revocation,
     "devices"},
    {"POST", "/v1/tokens", "token.issue.alias", tenant_admin, Subject::own_namespace, post_token},
    {"DELETE", "/v1/tokens/{id}", "token.revoke.alias", read, Subject::own_namespace, remove_token, "devices"},
    {"POST", "/v1/tokens/verify", "token.verify", anyone, Subject::nobody, verify_presented_token},
    {"POST", "/v1/tokens/introspect", "token.introspect", read, Subject::own_namespace, introspect_token},
    {"POST", "/v1/tokens/revoke", "token.revoke.form", read, Subject::own_namespace, revoke_presented_token},
    {"GET", "/.well-known/jwks.json", "key.list", anyone, Subject::nobody, get_jwks},

    {"POST", "/v1/sessions/challenges", "session.challenge", read, Subject::own_namespace, post_session_challenge},
    {"POST", "/v1/sessions", "session.open", read, Subject::own_namespace, post_session},
    {"GET", "/v1/sessions", "session.list", read, Subject::own_namespace, get_sessions, paged},
    {"DELETE", "/v1/sessions", "session.close.all", read, Subject::own_namespace, remove_sessions},
    {"GET", "/v1/sessions/{id}", "session.get", read, Subject::own_namespace, get_session},
    {"DELETE", "/v1/sessions/{id}", "session.close", read, Subject::own_namespace, remove_session},
    {"GET", "/v1/tenants/{t}/sessions", "tenant.session.list", tenant_admin, Subject::path_tenant, get_sessions, paged},
    {"DELETE", "/v1/tenants/{t}/sessions", "tenant.session.close.all", tenant_admin, Subject::path_tenant,
     remove_sessions},
    {"GET", "/v1/tenants/{t}/sessions/{id}", "tenant.session.get", tenant_admin, Subject::path_tenant, get_session},
    {"DELETE", "/v1/tenants/{t}/sessions/{id}", "tenant.session.close", tenant_admin, Subject::path_tenant,
     remove_session},
    {"POST", "/v1/tenants/{t}/devices/challenges", "device.challenge", tenant_admin, Subject::path_tenant,
     post_device_challenge},
    {"POST", "/v1/tenants/{t}/devices", "device.enrol", anyone, Subject::path_tenant,
     ProvedHandler{read_prover, admit_prover, post_device}},
    {"GET", "/v1/tenants/{t}/devices", "device.list", tenant_admin, Subject::path_tenant, get_devices, paged},
    {"GET", "/v1/tenants/{t}/devices/{id}", "device.get", tenant_admin, Subject::path_tenant, get_device},
    {"DELETE", "/v1/tenants/{t}/devices/{id}", "device.remove", tenant_admin, Subject::path_tenant,
     remove_enrolled_device},
    {"POST", "/v1/tenants/{t}/devices/{id}/approve", "device.approve", tenant_admin, Subject::path_tenant,
     post_device_approval},
    {"POST", "/v1/devices/renew", "device.renew", read, Subject::own_device, post_device_renewal},

    {"POST", "/v1/vms", "vm.create", input, Subject::own_tenant, post_vm},
    {"GET", "/v1/vms", "vm.list", read, Subject::own_tenant, get_vms, "page_size page_token state node_id name"},
    {"GET", "/v1/vms/{id}", "vm.get", read, Subject::own_tenant, get_vm},
    {"DELETE", "/v1/vms/{id}", "vm.delete", input, Subject::own_tenant, remove_vm},
    {"POST", "/v1/vms/{id}/start", "vm.start", input, Subject::own_tenant, start_vm},
    {"POST", "/v1/vms/{id}/stop", "vm.stop", input, Subject::own_tenant, stop_vm},
    {"POST", "/v1/vms/{id}/reboot", "vm.reboot", input, Subject::own_tenant, reboot_vm},
    {"GET", "/v1/vms/{id}/console", "vm.console", user, Subject::own_tenant, get_console},

    {"POST", "/v1/nodes", "node.enrol", vm_host, Subject::own_node, post_node},
    {"POST", "/v1/nodes/heartbeat", "node.heartbeat", vm_host, Subject::own_node, post_heartbeat},
    {"GET", "/v1/nodes/{id}/wishes", "node.wishes", vm_host, Subject::own_node, get_wishes, "after wait"},
    {"POST", "/v1/nodes/{id}/reports", "node.report", vm_host, Subject::own_node, post_reports},
    {"PUT", "/v1/nodes/{id}/consoles/{vm_id}", "node.console", vm_host, Subject::own_node, put_console},
    {"GET", "/v1/nodes", "node.list", read, Subject::own_tenant, get_nodes, paged},
    {"GET", "/v1/nodes/{id}", "node.get", read, Subject::own_tenant, get_node},
    {"POST", "/v1/nodes/{id}/cordon", "node.cordon", tenant_admin, Subject::own_tenant, cordon_node},
    {"POST", "/v1/nodes/{id}/uncordon", "node.uncordon", tenant_admin, Subject::own_tenant, uncordon_node},
    {"POST", "/v1/nodes/{id}/drain", "node.drain", tenant_admin, Subject::own_tenant, drain_node},
    {"DELETE", "/v1/nodes/{id}", "node.remove", tenant_admin, Subject::own_tenant, remove_node, "lost"},
    {"GET", "/v1/placement", "placement.get", read, Subject::own_tenant, get_placement,
     "ram_mb vcpu_count disk_gb prefer_kvm preferred_node"},
    {"POST", "/v1/images", "image.add", tenant_admin, Subject::own_namespace, post_image},
    {"GET", "/v1/images", "image.list", read, Subject::own_namespace, get_images, paged},
    {"GET", "/v1/images/{name}", "image.get", read, Subject::own_namespace, get_image},
    {"DELETE", "/v1/images/{name}", "image.remove", tenant_admin, Subject::own_namespace, remove_image},
    {"POST", "/v1/ssh-keys", "ssh-key.add", input, Subject::own_tenant, post_ssh_key},
    {"GET", "/v1/ssh-keys", "ssh-key.list", read, Subject::own_tenant, get_ssh_keys, paged},
    {"GET", "/v1/ssh-keys/{name}", "ssh-key.get", read, Subject::own_tenant, get_ssh_key},
    {"DELETE", "/v1/ssh-keys/{name}", "ssh-key.remove", input, Subject::own_tenant, remove_ssh_key},
    {"GET", "/v1/status", "status.get", read, Subject::own_tenant, get_status},

    {"GET", "/v1/ledger/entries", "ledger.entries", read, Subject::own_namespace, get_entries, filtered},
    {"GET", "/v1/ledger/checkpoint", "ledger.checkpoint", read, Subject::own_namespace, get_checkpoint},
    {"GET", "/v1/ledger/tile/{path...}", "ledger.tile", read, Subject::own_namespace, get_tile},
    {"GET", "/v1/ledger/proof/{index}", "ledger.proof", read, Subject::own_namespace, get_proof},
    {"GET", "/v1/tenants/{t}/ledger/entries", "tenant.ledger.entries", read, Subject::path_tenant, get_entries,
     filtered},
    {"GET", "/v1/tenants/{t}/ledger/checkpoint", "tenant.ledger.checkpoint", read, Subject::path_tenant,
     get_checkpoint},
    {"GET", "/v1/tenants/{t}/ledger/tile/{path...}", "tenant.ledger.tile", read, Subject::path_tenant, get_tile},
    {"GET", "/v1/tenants/{t}/ledger/proof/{index}", "tenant.ledger.proof", read, Subject::path_tenant, get_proof},

    {"GET", "/healthz", "health.live", anyone, Subject::nobody, get_healthz},
    {"GET", "/health", "health.live.alias", anyone, Subject::nobody, get_healthz},
    {"GET", "/readyz", "health.ready", anyone, Subject::nobody, get_readyz},
    {"GET", "/metrics", "metrics.get", anyone, Subject::nobody, get_metrics},
    {"GET", "/openapi.json", "contract.get", anyone, Subject::nobody, get_openapi},
    {"GET", "/problems", "problem.list", anyone, Subject::nobody, get_problems},
    {"GET", "/problems/{name}", "problem.get", anyone, Subject::nobody, get_problem},
};

/// One segment of a path, and what follows its slash.
std::string_view take_segment(std::string_view& rest) {
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
  return segment;
}

/// Fills `parameters` when the path has the pattern's form. Both begin with a slash.
bool fits(std::string_view pattern, std::string_view path, PathParameters& parameters) {
  parameters.clear();
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  while (!pattern.empty()) {
    if (path.empty()) return false;
    if (pattern.ends_with("...}") && pattern.find('/') == std::string_view::npos) {
      parameters.push_back(path);
      return true;
    }
    const std::string_view wanted = take_segment(pattern);
    const bool ends_with_slash = path.ends_with('/') && path.find('/') == path.size() - 1;
    const std::string_view segment = take_segment(path);
    if (ends_with_slash) return false;
    if (wanted.starts_with('{'))
      parameters.push_back(segment);
    else if (wanted != segment)
      return false;
  }
  return path.empty();
}

/// The rows without a variable part, by path: found without walking the table.
const std::unordered_map<std::string_view, std::vector<const Route*>>& plain_routes() {
  static const auto index = [] {
    std::unordered_map<std::string_view, std::vector<const Route*>> by_path;
    for (const Route& route : table) {
      if (route.path.find('{') == std::string_view::npos) by_path[route.path].push_back(&route);
    }
    return by_path;
  }();
  return index;
}

void add_allowed(std::string& allow, std::string_view method) {
  if (!allow.empty()) allow += ", ";
  allow += method;
  if (method == "GET") allow += ", HEAD";
}

}  // namespace

std::span<const Route> routes() { return table; }

Match find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Match match;
  if (path.empty() || path.front() != '/') return match;
  if (const auto plain = plain_routes().find(path); plain != plain_routes().end()) {
    for (const Route* route : plain->second) {
      if (route->method == method) return {.route = route, .path = {}, .allow = {}};
      add_allowed(match.allow, route->method);
    }
  }
  PathParameters parameters;
  for (const Route& route : table) {
    if (route.path.find('{') == std::string_view::npos || !fits(route.path, path, parameters)) continue;
    if (route.method == method) return {.route = &route, .path = std::move(parameters), .allow = {}};
    add_allowed(match.allow, route.method);
  }
  return match;
}

}  // namespace cadastre::http
