// Where service-fs reads logs from: the store beside the server, or a server over HTTP.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/audit.h"
#include "options.h"
#include "service/ports.h"

namespace cadastre {

/// One log by its name and the key that verifies it.
struct LogName {
  TenantId tenant;
  LogId log_id{};
  std::string vkey;
  std::string label() const { return ledger::log_label(tenant, log_id); }
};

/// How much of a log is checked.
struct Extent {
  bool edge_only = false;
  std::optional<std::uint64_t> from;  ///< With a bound, the edge and the leaves between: the first seq.
  std::optional<std::uint64_t> to;    ///< The last seq.
  bool is_range() const { return from || to; }
};

/// The caller asked for something that does not exist or that it may not have; exit 4.
class NoMatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What it reads is consistent for one log at a time only: call `evidence` again for news. Throws StoreFailure.
class Source {
 public:
  virtual ~Source() = default;
  /// Every log that can be read here.
  virtual std::vector<LogName> logs() = 0;
  /// The log of a tenant id, of a log id in hex, or `platform`. Throws NoMatch.
  virtual LogName log(std::string_view name) = 0;
  /// The log, read now. Valid as long as this source and `log`.
  virtual ledger::LogEvidence evidence(const LogName& log) = 0;
  /// The leaves that match, as far as the source can tell them apart; callers check again.
  virtual std::vector<ledger::StoredLeaf> leaves(const LogName& log, const LeafQuery& query) = 0;
  /// Everything that is wrong with that much of a log, as clauses.
  virtual std::vector<ledger::Finding> check(const LogName& log, const Extent& extent) = 0;
  /// What is wrong with the set of logs: sentences that name a log.
  virtual std::vector<std::string> check_set() = 0;
};

/// The audit of a range.
ledger::AuditResult audit_range(const ledger::LogEvidence& evidence, const Extent& extent);

/// Opens what the options name. Throws StoreFailure.
std::unique_ptr<Source> open_local_source(const Options& options);
std::unique_ptr<Source> open_remote_source(const Options& options);

/// The logs that the options name; all when they name none.
std::vector<LogName> chosen_logs(Source& source, const Options& options);

}  // namespace cadastre
