// What a transaction writes of devices, nodes, images, SSH keys, consoles, the pool, challenges, sessions, links,
// counters and issuer keys.
#include "base/invariant.h"
#include "store/sqlite/transaction.h"

namespace cadastre::sqlite {

void Transaction::write_to(const TenantId& id) {
  body_has_written_ = true;
  row(id);
}

void Transaction::count_access_change(const TenantId& id) {
  CachedTenant& held = row(id);
  ++held.row.tenant.access_changes;
  held.details_unwritten = true;
  raise(held);
}

void Transaction::put(const Device& device) {
  count_access_change(device.tenant);
  tables_.devices.put(device);
}

void Transaction::erase_device(const TenantId& tenant, std::string_view id) {
  count_access_change(tenant);
  if (!tables_.devices.erase(tenant, id))
    throw StoreFailure("the removal of a device that does not exist: " + std::string(id));
}

void Transaction::put(const Node& node) {
  write_to(node.tenant);
  tables_.nodes.put(node);
}

void Transaction::erase_node(const TenantId& tenant, std::string_view id) {
  write_to(tenant);
  if (!tables_.nodes.erase(tenant, id))
    throw StoreFailure("the removal of a node that does not exist: " + std::string(id));
}

void Transaction::put(const Image& image) {
  write_to(image.tenant);
  tables_.images.put(image);
}

void Transaction::erase_image(const TenantId& tenant, std::string_view name) {
  write_to(tenant);
  if (!tables_.images.erase(tenant, name))
    throw StoreFailure("the removal of an image that does not exist: " + std::string(name));
}

void Transaction::put(const SshKey& key) {
  write_to(key.tenant);
  tables_.ssh_keys.put(key);
}

void Transaction::erase_ssh_key(const TenantId& tenant, std::string_view name) {
  write_to(tenant);
  if (!tables_.ssh_keys.erase(tenant, name))
    throw StoreFailure("the removal of an SSH key that does not exist: " + std::string(name));
}

void Transaction::put(const VmConsole& console) {
  write_to(console.tenant);
  tables_.vm_consoles.put(console);
}

void Transaction::erase_vm_console(const TenantId& tenant, const VmId& vm) {
  write_to(tenant);
  tables_.vm_consoles.erase(tenant, vm);
}

void Transaction::put(const PoolReservation& reservation) {
  write_to(reservation.pool);
  tables_.pool_reservations.put(reservation);
}

void Transaction::erase_pool_reservation(const TenantId& pool, const VmId& vm) {
  write_to(pool);
  tables_.pool_reservations.erase(pool, vm);
}

void Transaction::put(const PoolNews& news) {
  write_to(news.tenant);
  tables_.pool_news.put(news);
}

void Transaction::erase(const PoolNews& news) {
  write_to(news.tenant);
  tables_.pool_news.erase(news);
}

void Transaction::put(const Challenge& challenge) {
  write_to(challenge.tenant);
  tables_.challenges.sweep(challenge.tenant, challenge.created_at);
  tables_.challenges.put(challenge);
}

void Transaction::erase_challenge(const TenantId& tenant, const Bytes<32>& id) {
  write_to(tenant);
  if (!tables_.challenges.erase(tenant, id)) throw StoreFailure("the removal of a challenge that does not exist");
}

void Transaction::put(const Session& session) {
  write_to(session.tenant);
  tables_.sessions.put(session);
}

void Transaction::erase_session(const TenantId& tenant, const SessionId& id) {
  write_to(tenant);
  if (!tables_.sessions.erase(tenant, id))
    throw StoreFailure("the removal of a session that does not exist: " + encode_base64url(id));
}

void Transaction::put(const SeenLink& link) {
  write_to(link.tenant);
  tables_.links.put(link);
}

void Transaction::set_counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                              std::optional<Instant> expires_at) {
  CHECK_INVARIANT(value >= 0);
  write_to(tenant);
  tables_.counters.set(tenant, kind, rid, value, expires_at);
}

void Transaction::set_caveat_rate(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate,
                                  Instant expires_at) {
  write_to(tenant);
  tables_.caveat_rates.set(tenant, rid, rate, expires_at);
}

void Transaction::forget_requests(const TenantId& tenant, const RevocationId& rid) {
  set_counter(tenant, CounterKind::uses, rid, 0, std::nullopt);
  tables_.caveat_rates.erase(tenant, rid);
}

void Transaction::put(const SigningKey& key) {
  count_access_change(TenantId::platform());
  tables_.signing_keys.put(key);
}

}  // namespace cadastre::sqlite
