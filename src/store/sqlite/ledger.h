// The tables `ledger_leaf` and `ledger_checkpoint`.
#pragma once

#include <functional>
#include <vector>

#include "service/ports.h"
#include "store/sqlite/statement.h"

namespace cadastre::sqlite {

class LedgerTable {
 public:
  explicit LedgerTable(Connection& connection);
  std::vector<Leaf> leaves(const TenantId& tenant, const LeafQuery& query);
  std::uint64_t count(const TenantId& tenant);
  void insert(const TenantId& tenant, const Leaf& leaf);

  std::optional<PublishedCheckpoint> checkpoint(const TenantId& tenant);
  /// False, and nothing written, when the published size is not `expected_size`.
  bool publish(const PublishedCheckpoint& checkpoint, std::uint64_t expected_size);

  /// In order of tenant, from the one after `after` on.
  std::vector<LogState> logs(const std::optional<TenantId>& after, std::size_t limit);
  std::optional<LogState> log(const TenantId& tenant);
  /// The logs whose head is beyond what was published, in order of tenant. Reads every head.
  std::vector<LogState> unpublished(std::size_t limit);
  void each_unpublished(const std::function<void(const TenantId&)>& visit);

 private:
  /// The least seq in [from, to) whose leaf is not older than `at`, or `to`: no log's `ts` ever goes back. Nothing when
  /// a leaf is missing.
  std::optional<std::uint64_t> first_since(const TenantId& tenant, std::uint64_t from, std::uint64_t to, Instant at);
  /// The part of the log that the query's times leave to be read, at most.
  std::pair<std::uint64_t, std::uint64_t> range(const TenantId& tenant, const LeafQuery& query);

  Query ascending_, descending_, last_, ts_, count_, insert_, checkpoint_, publish_, first_logs_, logs_after_, log_,
      unpublished_, unpublished_ids_;
};

}  // namespace cadastre::sqlite
