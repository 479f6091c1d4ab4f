// What a group of bodies has read and written in one transaction, until it is sent to the database.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "store/postgresql/connection.h"
#include "store/postgresql/overlay.h"
#include "store/postgresql/publisher_lease.h"
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

struct Buffer {
  using Key16 = std::pair<TenantId, Bytes<16>>;
  using Key32 = std::pair<TenantId, Bytes<32>>;
  using RevocationKey = std::tuple<TenantId, RevocationKind, Bytes<32>>;
  using Leaves = std::vector<std::pair<TenantId, Leaf>>;

  Overlay<TenantId, Namespace> namespaces;
  Overlay<Key16, Entry<Vm>> vms;
  Overlay<Key16, Entry<IssuedToken>> tokens;
  Overlay<RevocationKey, Entry<Revocation>> revocations;
  Overlay<TenantId, Entry<PublishedCheckpoint>> checkpoints;
  Overlay<Key32, Entry<IdempotentAnswer>> answers;
  Overlay<std::string, Entry<std::string>> settings;
  Leaves leaves, leaves_of_body;

  bool body_is_empty() const;
  void keep_body();
  void drop_body();
  /// Forgets what is written or was only read, but for the namespaces whose rows are locked.
  void forget_reads();
  void clear();
};

/// Which layer of the buffer is sent.
enum class Layer { group, body };

/// What sending needs besides the rows.
struct SendingContext {
  Bytes<16> writer{};        ///< Names this process in the change feed.
  const Fence& fence;        ///< Under which this process publishes.
  bool owes_lease = false;   ///< Checkpoints were sent, and the lease has to be kept before they are committed.
  Instant latest_now;        ///< The latest time that any body has named.
  std::string swept_tenant;  ///< Where the sweep of old answers has come to.
  std::string swept_key;
};

/// Sends what is unwritten of a layer, in one trip, and notes in the buffer that it is written. False when there was
/// nothing. Throws Failure, also when a row to be changed is not there or an answer is in the way.
bool send(Connection& connection, Buffer& buffer, Layer layer, SendingContext& context);

}  // namespace cadastre::postgresql
