// The questions of the port, asked of one connection. Each is one statement, so what it sees is of one moment.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "store/postgresql/connection.h"
#include "store/postgresql/rows.h"

namespace cadastre::postgresql {

std::optional<NamespaceRow> find_namespace(Connection& connection, const TenantId& id);
std::vector<TenantWithHead> find_namespaces(Connection& connection, std::span<const TenantId> ids);
std::vector<Tenant> tenants_after(Connection& connection, std::string_view after, std::size_t limit);

std::optional<Vm> find_vm(Connection& connection, const TenantId& tenant, const VmId& id);
std::vector<Vm> find_vms(Connection& connection, const TenantId& tenant, const VmQuery& query);
std::int64_t count_vms(Connection& connection, const TenantId& tenant, VmState state);
Recount recount(Connection& connection, const TenantId& tenant);

std::optional<IssuedToken> find_token(Connection& connection, const TenantId& tenant, const TokenId& id);
std::optional<IssuedToken> find_token_by_rid(Connection& connection, const TenantId& tenant, const RevocationId& rid);
std::vector<IssuedToken> find_tokens(Connection& connection, const TenantId& tenant, const TokenQuery& query);
bool is_revoked(Connection& connection, const TenantId& tenant, RevocationKind kind, const Bytes<32>& id);
std::vector<Bytes<32>> revoked_among(Connection& connection, const TenantId& tenant, RevocationKind kind,
                                     std::span<const Bytes<32>> ids);
std::vector<Bytes<32>> revoked_after(Connection& connection, const TenantId& tenant, std::int64_t known,
                                     std::size_t limit);

std::optional<Device> find_device(Connection& connection, const TenantId& tenant, std::string_view id);
std::vector<Device> find_devices(Connection& connection, const TenantId& tenant, const DeviceQuery& query);
std::optional<Node> find_node(Connection& connection, const TenantId& tenant, std::string_view id);
std::vector<Node> find_nodes(Connection& connection, const TenantId& tenant, const NodeQuery& query);
std::optional<Image> find_image(Connection& connection, const TenantId& tenant, std::string_view name);
std::vector<Image> find_images(Connection& connection, const TenantId& tenant, const NameQuery& query);
std::optional<SshKey> find_ssh_key(Connection& connection, const TenantId& tenant, std::string_view name);
std::vector<SshKey> find_ssh_keys(Connection& connection, const TenantId& tenant, const NameQuery& query);
std::optional<VmConsole> find_vm_console(Connection& connection, const TenantId& tenant, const VmId& vm);
std::optional<PoolReservation> find_pool_reservation(Connection& connection, const TenantId& pool, const VmId& vm);
std::vector<PoolReservation> find_pool_reservations(Connection& connection, const TenantId& pool,
                                                    std::string_view node_id);
std::vector<PoolReservation> all_pool_reservations(Connection& connection, const PoolWalk& walk);
std::optional<PoolNews> find_pool_news(Connection& connection, const TenantId& tenant, const VmId& vm);
std::vector<PoolNews> pool_news(Connection& connection, std::size_t limit);
std::optional<TenantId> next_waiting_tenant(Connection& connection, const TenantId& after);
std::vector<Vm> waiting_vms(Connection& connection, const TenantId& tenant, const WaitingQuery& query);
std::optional<Challenge> find_challenge(Connection& connection, const TenantId& tenant, const Bytes<32>& id);
std::optional<cadastre::Session> find_session(Connection& connection, const TenantId& tenant, const SessionId& id);
std::vector<cadastre::Session> find_sessions(Connection& connection, const TenantId& tenant, const SessionQuery& query);
std::vector<cadastre::Session> ended_sessions(Connection& connection, Instant now, std::size_t limit);
std::vector<cadastre::Session> all_sessions(Connection& connection, const SessionWalk& walk);
std::optional<SeenLink> find_link(Connection& connection, const TenantId& tenant, const RevocationId& rid);
std::vector<SeenLink> find_links(Connection& connection, const TenantId& tenant, const LinkQuery& query);
/// Nothing when nothing was counted yet.
std::optional<std::int64_t> find_counter(Connection& connection, const TenantId& tenant, CounterKind kind,
                                         const RevocationId& rid);
/// An empty one when nothing was counted yet.
RateBudget find_caveat_rate(Connection& connection, const TenantId& tenant, const RevocationId& rid);
std::vector<ExpiredBearer> expired_bearers(Connection& connection, Instant at, std::size_t limit);
std::vector<SigningKey> signing_keys(Connection& connection);

std::vector<Leaf> find_leaves(Connection& connection, const TenantId& tenant, const LeafQuery& query);
std::optional<PublishedCheckpoint> find_checkpoint(Connection& connection, const TenantId& tenant);
std::vector<LogState> find_logs(Connection& connection, const std::optional<TenantId>& after, std::size_t limit);
std::vector<LogState> unpublished_logs(Connection& connection, std::size_t limit);

/// The answer under that key, whether it has expired or not.
std::optional<IdempotentAnswer> find_answer(Connection& connection, const TenantId& tenant, const Bytes<32>& key);
std::optional<std::string> find_setting(Connection& connection, std::string_view name);

}  // namespace cadastre::postgresql
