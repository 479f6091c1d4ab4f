// What the store is asked for when it is asked for many rows: which ones, and how many at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/event.h"
#include "domain/issued_token.h"
#include "domain/placement.h"
#include "domain/session.h"
#include "domain/vm.h"

namespace cadastre {

enum class Order { ascending, descending };

struct LeafQuery {
  std::uint64_t from = 0;         ///< First seq, included.
  std::uint64_t to = UINT64_MAX;  ///< Past the last seq.
  std::vector<EventType> types;   ///< Empty: all.
  std::optional<Instant> since;   ///< `ts` from, included.
  std::optional<Instant> until;   ///< `ts` to, excluded.
  Order order = Order::ascending;
  std::size_t limit = 1000;
};

struct VmQuery {
  std::optional<VmId> after;  ///< Keyset: only ids greater than this one.
  std::optional<VmState> state;
  std::string node_id;  ///< Empty: any.
  std::string name;     ///< Empty: any.
  std::size_t limit = 50;
};

/// In order of id, by bytes.
struct NodeQuery {
  std::string after;  ///< Keyset: only ids greater than this one; empty: all.
  std::size_t limit = 50;
};

/// Of images and of SSH keys: in order of name, by bytes.
struct NameQuery {
  std::string after;  ///< Keyset: only names greater than this one; empty: all.
  std::size_t limit = 50;
};

struct TokenQuery {
  std::optional<TokenId> after;
  std::size_t limit = 50;
};

/// In order of id, by bytes.
struct DeviceQuery {
  std::string after;  ///< Keyset: only ids greater than this one; empty: all.
  std::size_t limit = 50;
};

struct SessionQuery {
  std::optional<SessionId> after;
  std::size_t limit = 50;
};

/// Of all tenants, in order of tenant and id.
struct SessionWalk {
  TenantId after_tenant = TenantId::platform();
  std::optional<SessionId> after;  ///< Keyset: only those after this one of that tenant; nothing: from the first on.
  std::size_t limit = 1000;
};

/// Of all pools, in order of pool and VM.
struct PoolWalk {
  TenantId after_pool = TenantId::platform();
  std::optional<VmId> after;  ///< Keyset: only those after this one of that pool; nothing: from the first on.
  std::size_t limit = 1000;
};

/// In order of id, which is that of age.
struct WaitingQuery {
  std::optional<VmId> after;  ///< Keyset: only those after this one; nothing: from the first on.
  Room most;                  ///< Only those that ask for no more of each kind.
  std::size_t limit = 50;
};

/// In order of revocation id.
struct LinkQuery {
  std::optional<RevocationId> after;
  std::size_t limit = 50;
};

}  // namespace cadastre
