// The rows of the tables as values of the domain, and back.
#pragma once

#include "store/postgresql/values.h"
#include "store/tenant_row.h"

namespace cadastre::postgresql {

/// A namespace with what was published of its log.
struct NamespaceRow : TenantRow {
  std::uint64_t published_size = 0;
};

constexpr int usage_columns = 9;  // of `tenant_usage`, which stand before those of `tenant`

/// What the columns of `tenant_usage`, from the first on, say.
void read_usage(const Rows& rows, NamespaceRow& row);
/// What the columns of `tenant`, from `first` on, say.
void read_details(const Rows& rows, int first, NamespaceRow& row);
/// Both.
NamespaceRow namespace_of(const Rows& rows);

Vm vm_of(const Rows& rows);
IssuedToken token_of(const Rows& rows);
Device device_of(const Rows& rows);
Node node_of(const Rows& rows);
Image image_of(const Rows& rows);
SshKey ssh_key_of(const Rows& rows);
VmConsole vm_console_of(const Rows& rows);
Challenge challenge_of(const Rows& rows);
cadastre::Session session_of(const Rows& rows);
SeenLink link_of(const Rows& rows);
/// Without the tenant, which is the platform.
SigningKey signing_key_of(const Rows& rows);
Leaf leaf_of(const Rows& rows);
LogState log_of(const Rows& rows);

void add_usage(Columns& columns, const NamespaceRow& row);
void add_whole_details(Columns& columns, const Tenant& tenant);
/// Of what may change.
void add_details(Columns& columns, const Tenant& tenant);
void add_vm(Columns& columns, const Vm& vm);
void add_token(Columns& columns, const IssuedToken& token);
void add_device(Columns& columns, const Device& device);
void add_node(Columns& columns, const Node& node);
void add_image(Columns& columns, const Image& image);
void add_ssh_key(Columns& columns, const SshKey& key);
void add_vm_console(Columns& columns, const VmConsole& console);
void add_pool_reservation(Columns& columns, const PoolReservation& reservation);
void add_pool_news(Columns& columns, const PoolNews& news);
void add_challenge(Columns& columns, const Challenge& challenge);
void add_session(Columns& columns, const cadastre::Session& session);
void add_link(Columns& columns, const SeenLink& link);
void add_signing_key(Columns& columns, const SigningKey& key);
void add_leaf(Columns& columns, const TenantId& tenant, const Leaf& leaf);
void add_answer(Columns& columns, const TenantId& tenant, const IdempotentAnswer& answer);

}  // namespace cadastre::postgresql
