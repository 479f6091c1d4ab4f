// What a transaction asks and writes of devices, nodes, images, SSH keys, consoles, the pool, challenges, sessions,
// links, counters and issuer keys.
#include "base/invariant.h"
#include "store/postgresql/questions.h"
#include "store/postgresql/transaction.h"

namespace cadastre::postgresql {
namespace {

/// The entry of the key, with what `ask` says of it when nothing is known.
template <class Key, class Row, class Ask>
const Entry<Row>& find_entry(Overlay<Key, Entry<Row>>& overlay, const Key& key, Ask ask) {
  if (const Entry<Row>* const known = overlay.find(key)) return *known;
  std::optional<Row> row = ask();
  const bool is_stored = row.has_value();
  return overlay.learn(key, {.row = std::move(row), .is_stored = is_stored});
}

/// Nothing for `row` erases.
template <class Key, class Row>
void write_entry(Overlay<Key, Entry<Row>>& overlay, const Key& key, std::optional<Row> row) {
  overlay.put(key, {.row = std::move(row), .is_unwritten = true});
}

/// As the database has it: whoever asks what was counted does not ask for how long it is kept.
template <class Count>
std::optional<Counted<Count>> counted(std::optional<Count> count) {
  if (!count) return std::nullopt;
  return Counted<Count>{*std::move(count), std::nullopt};
}

}  // namespace

void Transaction::count_access_change(const TenantId& id) {
  Namespace& one = edit(id);
  ++one.tenant.access_changes;
  one.details_unwritten = true;
  raise(id);
}

std::optional<Device> Transaction::device(const TenantId& tenant, std::string_view id) {
  hold(tenant);
  return find_entry(buffer_.devices, {tenant, std::string(id)}, [&] { return find_device(connection(), tenant, id); })
      .row;
}

std::vector<Device> Transaction::devices(const TenantId& tenant, const DeviceQuery& query) {
  return find_devices(up_to_date(), tenant, query);
}

void Transaction::put(const Device& device) {
  count_access_change(device.tenant);
  write_entry(buffer_.devices, {device.tenant, device.id}, std::optional(device));
}

void Transaction::erase_device(const TenantId& tenant, std::string_view id) {
  count_access_change(tenant);
  if (!device(tenant, id)) throw StoreFailure("the removal of a device that does not exist: " + std::string(id));
  write_entry(buffer_.devices, {tenant, std::string(id)}, std::optional<Device>());
}

std::optional<Node> Transaction::node(const TenantId& tenant, std::string_view id) {
  hold(tenant);
  return find_entry(buffer_.nodes, {tenant, std::string(id)}, [&] { return find_node(connection(), tenant, id); }).row;
}

/// A VM is placed by what a page of nodes says of their room, so nobody may change it meanwhile.
std::vector<Node> Transaction::nodes(const TenantId& tenant, const NodeQuery& query) {
  hold(tenant);
  return find_nodes(up_to_date(), tenant, query);
}

void Transaction::put(const Node& node) {
  require(node.tenant);
  write_entry(buffer_.nodes, {node.tenant, node.id}, std::optional(node));
}

void Transaction::erase_node(const TenantId& tenant, std::string_view id) {
  require(tenant);
  if (!node(tenant, id)) throw StoreFailure("the removal of a node that does not exist: " + std::string(id));
  write_entry(buffer_.nodes, {tenant, std::string(id)}, std::optional<Node>());
}

std::optional<Image> Transaction::image(const TenantId& tenant, std::string_view name) {
  hold(tenant);
  return find_entry(buffer_.images, {tenant, std::string(name)}, [&] { return find_image(connection(), tenant, name); })
      .row;
}

/// Images and SSH keys are counted against a limit, so nobody may add one meanwhile.
std::vector<Image> Transaction::images(const TenantId& tenant, const NameQuery& query) {
  hold(tenant);
  return find_images(up_to_date(), tenant, query);
}

void Transaction::put(const Image& image) {
  require(image.tenant);
  write_entry(buffer_.images, {image.tenant, image.facts.name}, std::optional(image));
}

void Transaction::erase_image(const TenantId& tenant, std::string_view name) {
  require(tenant);
  if (!image(tenant, name)) throw StoreFailure("the removal of an image that does not exist: " + std::string(name));
  write_entry(buffer_.images, {tenant, std::string(name)}, std::optional<Image>());
}

std::optional<SshKey> Transaction::ssh_key(const TenantId& tenant, std::string_view name) {
  hold(tenant);
  return find_entry(buffer_.ssh_keys, {tenant, std::string(name)},
                    [&] { return find_ssh_key(connection(), tenant, name); })
      .row;
}

std::vector<SshKey> Transaction::ssh_keys(const TenantId& tenant, const NameQuery& query) {
  hold(tenant);
  return find_ssh_keys(up_to_date(), tenant, query);
}

void Transaction::put(const SshKey& key) {
  require(key.tenant);
  write_entry(buffer_.ssh_keys, {key.tenant, key.name}, std::optional(key));
}

void Transaction::erase_ssh_key(const TenantId& tenant, std::string_view name) {
  require(tenant);
  if (!ssh_key(tenant, name)) throw StoreFailure("the removal of an SSH key that does not exist: " + std::string(name));
  write_entry(buffer_.ssh_keys, {tenant, std::string(name)}, std::optional<SshKey>());
}

std::optional<VmConsole> Transaction::vm_console(const TenantId& tenant, const VmId& vm) {
  hold(tenant);
  return find_entry(buffer_.vm_consoles, {tenant, vm.bytes()},
                    [&] { return find_vm_console(connection(), tenant, vm); })
      .row;
}

void Transaction::put(const VmConsole& console) {
  require(console.tenant);
  write_entry(buffer_.vm_consoles, {console.tenant, console.vm.bytes()}, std::optional(console));
}

void Transaction::erase_vm_console(const TenantId& tenant, const VmId& vm) {
  require(tenant);
  write_entry(buffer_.vm_consoles, {tenant, vm.bytes()}, std::optional<VmConsole>());
}

std::optional<PoolReservation> Transaction::pool_reservation(const TenantId& pool, const VmId& vm) {
  hold(pool);
  return find_entry(buffer_.pool_reservations, {pool, vm.bytes()},
                    [&] { return find_pool_reservation(connection(), pool, vm); })
      .row;
}

std::vector<PoolReservation> Transaction::pool_reservations(const TenantId& pool, std::string_view node_id) {
  hold(pool);
  return find_pool_reservations(up_to_date(), pool, node_id);
}

std::vector<PoolReservation> Transaction::all_pool_reservations(const PoolWalk& walk) {
  return postgresql::all_pool_reservations(up_to_date(), walk);
}

void Transaction::put(const PoolReservation& reservation) {
  require(reservation.pool);
  write_entry(buffer_.pool_reservations, {reservation.pool, reservation.vm.bytes()}, std::optional(reservation));
}

void Transaction::erase_pool_reservation(const TenantId& pool, const VmId& vm) {
  require(pool);
  write_entry(buffer_.pool_reservations, {pool, vm.bytes()}, std::optional<PoolReservation>());
}

std::vector<PoolNews> Transaction::pool_news(std::size_t limit) { return postgresql::pool_news(up_to_date(), limit); }

std::optional<TenantId> Transaction::next_waiting_tenant(const TenantId& after) {
  return postgresql::next_waiting_tenant(up_to_date(), after);
}

std::vector<Vm> Transaction::waiting_vms(const TenantId& tenant, const WaitingQuery& query) {
  return postgresql::waiting_vms(up_to_date(), tenant, query);
}

std::optional<PoolNews> Transaction::news_of(const TenantId& tenant, const VmId& vm) {
  return find_entry(buffer_.pool_news, {tenant, vm.bytes()}, [&] { return find_pool_news(connection(), tenant, vm); })
      .row;
}

void Transaction::put(const PoolNews& news) {
  require(news.tenant);
  write_entry(buffer_.pool_news, {news.tenant, news.vm.bytes()}, std::optional(news));
}

void Transaction::erase(const PoolNews& news) {
  require(news.tenant);
  const auto now = news_of(news.tenant, news.vm);
  if (!now || now->number != news.number) return;
  write_entry(buffer_.pool_news, {news.tenant, news.vm.bytes()}, std::optional<PoolNews>());
}

std::optional<Challenge> Transaction::challenge(const TenantId& tenant, const Bytes<32>& id) {
  hold(tenant);
  return find_entry(buffer_.challenges, {tenant, id}, [&] { return find_challenge(connection(), tenant, id); }).row;
}

void Transaction::put(const Challenge& challenge) {
  require(challenge.tenant);
  write_entry(buffer_.challenges, {challenge.tenant, challenge.id}, std::optional(challenge));
}

void Transaction::erase_challenge(const TenantId& tenant, const Bytes<32>& id) {
  require(tenant);
  if (!challenge(tenant, id)) throw StoreFailure("the removal of a challenge that does not exist");
  write_entry(buffer_.challenges, {tenant, id}, std::optional<Challenge>());
}

std::optional<cadastre::Session> Transaction::session(const TenantId& tenant, const SessionId& id) {
  return find_entry(buffer_.sessions, {tenant, id}, [&] { return find_session(connection(), tenant, id); }).row;
}

std::vector<cadastre::Session> Transaction::sessions(const TenantId& tenant, const SessionQuery& query) {
  return find_sessions(up_to_date(), tenant, query);
}

std::vector<cadastre::Session> Transaction::ended_sessions(Instant now, std::size_t limit) {
  return postgresql::ended_sessions(up_to_date(), now, limit);
}

std::vector<cadastre::Session> Transaction::all_sessions(const SessionWalk& walk) {
  return postgresql::all_sessions(up_to_date(), walk);
}

void Transaction::put(const cadastre::Session& session) {
  require(session.tenant);
  write_entry(buffer_.sessions, {session.tenant, session.id}, std::optional(session));
}

void Transaction::erase_session(const TenantId& tenant, const SessionId& id) {
  require(tenant);
  if (!session(tenant, id)) throw StoreFailure("the removal of a session that does not exist: " + encode_base64url(id));
  write_entry(buffer_.sessions, {tenant, id}, std::optional<cadastre::Session>());
}

std::optional<SeenLink> Transaction::link(const TenantId& tenant, const RevocationId& rid) {
  hold(tenant);
  return find_entry(buffer_.links, {tenant, rid}, [&] { return find_link(connection(), tenant, rid); }).row;
}

std::vector<SeenLink> Transaction::links(const TenantId& tenant, const LinkQuery& query) {
  return find_links(up_to_date(), tenant, query);
}

void Transaction::put(const SeenLink& link) {
  require(link.tenant);
  write_entry(buffer_.links, {link.tenant, link.rid}, std::optional(link));
}

std::int64_t Transaction::counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid) {
  hold(tenant);
  const auto& found = find_entry(buffer_.counters, {tenant, kind, rid},
                                 [&] { return counted(find_counter(connection(), tenant, kind, rid)); });
  return found.row ? found.row->count : 0;
}

void Transaction::set_counter(const TenantId& tenant, CounterKind kind, const RevocationId& rid, std::int64_t value,
                              std::optional<Instant> expires_at) {
  CHECK_INVARIANT(value >= 0);
  require(tenant);
  auto row = value > 0 ? std::optional(Counted<std::int64_t>{value, expires_at}) : std::nullopt;
  write_entry(buffer_.counters, {tenant, kind, rid}, std::move(row));
}

RateBudget Transaction::caveat_rate(const TenantId& tenant, const RevocationId& rid) {
  hold(tenant);
  const auto& found = find_entry(buffer_.caveat_rates, {tenant, rid},
                                 [&] { return counted(std::optional(find_caveat_rate(connection(), tenant, rid))); });
  return found.row ? found.row->count : RateBudget();
}

void Transaction::set_caveat_rate(const TenantId& tenant, const RevocationId& rid, const RateBudget& rate,
                                  Instant expires_at) {
  require(tenant);
  write_entry(buffer_.caveat_rates, {tenant, rid}, std::optional(Counted<RateBudget>{rate, expires_at}));
}

void Transaction::forget_requests(const TenantId& tenant, const RevocationId& rid) {
  set_counter(tenant, CounterKind::uses, rid, 0, std::nullopt);
  write_entry(buffer_.caveat_rates, {tenant, rid}, std::optional<Counted<RateBudget>>());
}

std::vector<ExpiredBearer> Transaction::expired_bearers(Instant at, std::size_t limit) {
  return postgresql::expired_bearers(up_to_date(), at, limit);
}

std::vector<SigningKey> Transaction::signing_keys() { return postgresql::signing_keys(up_to_date()); }

void Transaction::put(const SigningKey& key) {
  count_access_change(TenantId::platform());
  write_entry(buffer_.signing_keys, key.kid, std::optional(key));
}

}  // namespace cadastre::postgresql
