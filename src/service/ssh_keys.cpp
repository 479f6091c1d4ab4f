#include "service/ssh_keys.h"

#include <fmt/format.h>

#include "base/invariant.h"
#include "crypto/sha256.h"
#include "service/events.h"
#include "service/vms.h"

namespace cadastre {
namespace {

constexpr std::size_t keys_max = 100;

}  // namespace

std::string fingerprint_of(const SshKey& key) {
  const auto parts = parse_ssh_public_key(key.public_key);
  CHECK_INVARIANT(parts.has_value());
  std::string base64 = encode_base64(sha256(parts->blob));
  base64.resize(base64.find('='));
  return "SHA256:" + base64;
}

Result<SshKey> add_ssh_key(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                           std::string_view line) {
  TRY(check_ssh_key(name, line));
  TRY(changeable_tenant(tx, caller));
  const Instant now = services.clock.now();
  const SshKey fresh{.tenant = caller.tenant,
                     .name = std::string(name),
                     .public_key = std::string(line),
                     .created_at = now,
                     .created_by = caller.token_id};
  const auto others = all_ssh_keys(tx, caller.tenant);
  for (const SshKey& other : others) {
    if (other.name == name) {
      return refuse(Code::already_exists, "name",
                    "There is a key of this name: remove it first, or choose another name.");
    }
    if (fingerprint_of(other) == fingerprint_of(fresh)) {
      return refuse(Code::already_exists, "public_key", fmt::format("The key is there already, as {}.", other.name));
    }
  }
  if (others.size() >= keys_max) {
    return refuse(Code::conflict, "ssh_keys", fmt::format("A tenant holds at most {} SSH keys.", keys_max));
  }
  tx.put(fresh);
  tx.append(ssh_key_added(fresh, fingerprint_of(fresh), caller), now);
  return fresh;
}

Result<SshKey> ssh_key(Reader& reader, const TenantId& tenant, std::string_view name) {
  auto found = reader.ssh_key(tenant, name);
  if (!found) return refuse(Code::not_found, "ssh_key", "There is no such SSH key.");
  return *std::move(found);
}

std::vector<SshKey> all_ssh_keys(Reader& reader, const TenantId& tenant) {
  return reader.ssh_keys(tenant, {.after = {}, .limit = keys_max});
}

Result<void> remove_ssh_key(Tx& tx, Services& services, const Caller& caller, std::string_view name,
                            const Precondition& if_match) {
  TRY(changeable_tenant(tx, caller));
  const auto found = TRY(ssh_key(tx, caller.tenant, name));
  if (!if_match.holds(revision_of(found))) {
    return refuse(Code::precondition_failed, "If-Match", "The name stands for another key now: read it again.");
  }
  tx.erase_ssh_key(caller.tenant, name);
  tx.append(ssh_key_removed(found, fingerprint_of(found), caller), services.clock.now());
  return {};
}

void drop_ssh_keys(Tx& tx, const TenantId& tenant) {
  for (const SshKey& key : all_ssh_keys(tx, tenant)) tx.erase_ssh_key(tenant, key.name);
}

}  // namespace cadastre
