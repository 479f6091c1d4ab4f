// What a group of bodies has read and written in one transaction, until it is sent to the database.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "store/postgresql/overlay.h"
#include "store/postgresql/rows.h"

namespace cadastre::postgresql {

/// A row that may be missing, and how that compares with the database.
template <class Row>
struct Entry {
  std::optional<Row> row;
  bool is_stored = false;     ///< The database has a row of this key.
  bool is_unwritten = false;  ///< The database does not have it as it is here.
};

/// A namespace as the transaction has it. Only one whose row is locked may be changed.
struct Namespace : NamespaceRow {
  bool exists = true;
  bool is_locked = false;
  bool is_stored = true;
  bool usage_unwritten = false;
  bool details_unwritten = false;
  bool is_raised = false;      ///< The unfinished body has raised its revision.
  bool is_changed = false;     ///< Somebody is to be told.
  bool is_marked = false;      ///< The database lists its log as unpublished.
  bool was_published = false;  ///< Its log was published in this transaction: then it waits from now on.
};

/// What a caveat has counted, and the end of the element that bears it, which is written and never asked.
template <class Count>
struct Counted {
  Count count;
  std::optional<Instant> expires_at;
};

struct Buffer {
  using Key16 = std::pair<TenantId, Bytes<16>>;
  using Key32 = std::pair<TenantId, Bytes<32>>;
  using TextKey = std::pair<TenantId, std::string>;
  using CounterKey = std::tuple<TenantId, CounterKind, RevocationId>;
  using RevocationKey = std::tuple<TenantId, RevocationKind, Bytes<32>>;
  using Leaves = std::vector<std::pair<TenantId, Leaf>>;

  Overlay<TenantId, Namespace> namespaces;
  Overlay<Key16, Entry<Vm>> vms;
  Overlay<Key16, Entry<IssuedToken>> tokens;
  Overlay<RevocationKey, Entry<Revocation>> revocations;
  Overlay<TextKey, Entry<Device>> devices;
  Overlay<TextKey, Entry<Node>> nodes;
  Overlay<TextKey, Entry<Image>> images;
  Overlay<TextKey, Entry<SshKey>> ssh_keys;
  Overlay<Key16, Entry<VmConsole>> vm_consoles;
  Overlay<Key16, Entry<PoolReservation>> pool_reservations;
  Overlay<Key16, Entry<PoolNews>> pool_news;
  Overlay<Key32, Entry<Challenge>> challenges;
  Overlay<Key16, Entry<cadastre::Session>> sessions;
  Overlay<Key32, Entry<SeenLink>> links;
  Overlay<CounterKey, Entry<Counted<std::int64_t>>> counters;
  Overlay<Key32, Entry<Counted<RateBudget>>> caveat_rates;
  Overlay<std::string, Entry<SigningKey>> signing_keys;
  Overlay<TenantId, Entry<PublishedCheckpoint>> checkpoints;
  Overlay<Key32, Entry<IdempotentAnswer>> answers;
  Overlay<std::string, Entry<std::string>> settings;
  Leaves leaves, leaves_of_body;

  bool body_is_empty() const;
  void keep_body();
  void drop_body();
  /// Forgets what is written or was only read, but for the namespaces whose rows are locked.
  void forget_reads();
  /// Forgets a namespace whose lock is gone, and what was read of it meanwhile. Requires that nothing of it is
  /// unwritten.
  void forget(const TenantId& tenant);
  void clear();

 private:
  /// Calls `visit` with each overlay of rows that are their tenant's.
  template <class Self, class Visit>
  static void each_of_tenants(Self& self, Visit visit) {
    visit(self.vms), visit(self.tokens), visit(self.revocations), visit(self.answers);
    visit(self.devices), visit(self.challenges), visit(self.sessions), visit(self.links), visit(self.counters);
    visit(self.caveat_rates), visit(self.nodes), visit(self.images), visit(self.ssh_keys), visit(self.vm_consoles);
    visit(self.pool_reservations), visit(self.pool_news);
  }
  /// The same with each but that of the namespaces.
  template <class Self, class Visit>
  static void each(Self& self, Visit visit) {
    each_of_tenants(self, visit);
    visit(self.checkpoints), visit(self.settings), visit(self.signing_keys);
  }
};

}  // namespace cadastre::postgresql
