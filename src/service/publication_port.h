// What the publisher and the start check need beside the store: the published files, who may write them, and the
// high-water marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "domain/tenant.h"
#include "service/store_failure.h"

namespace cadastre {

/// One file of a log that is to be published. Its bytes are the caller's, for the time of the call.
struct PublishedFile {
  TenantId tenant;
  LogId log{};
  std::string path;
  std::string_view bytes;
};

/// For each file of a batch, in the batch's order, what stopped it; null where nothing did.
using FileFailures = std::vector<std::exception_ptr>;

/// The published files of the logs, as a folder or wherever an engine keeps them. Paths are those of LEDGER.md
/// section 3 below the log's own folder: `checkpoint`, `tile/0/000`. Files are written in batches, without two of the
/// same path: what makes them durable costs little more for a thousand than for one. What stops one file stops none of
/// the others; what stops all is thrown as StoreFailure. A process that ends in the middle has written any of them,
/// each whole or not at all. Safe to call from several threads.
class TileStore {
 public:
  virtual ~TileStore() = default;
  /// The file's bytes, or nothing when it is missing. Throws StoreFailure on any other trouble.
  virtual std::optional<std::string> read(const TenantId& tenant, const LogId& log, std::string_view path) = 0;
  /// Durably creates the files. One that exists with the same bytes is durable too then; one that exists with other
  /// bytes stays as it is, and fails.
  [[nodiscard]] virtual FileFailures create(std::span<const PublishedFile> files) = 0;
  /// Durably replaces the files, or creates them; each atomically.
  [[nodiscard]] virtual FileFailures replace(std::span<const PublishedFile> files) = 0;
  /// Removes the files directly in a folder of the log, and the folder; one that is missing is no trouble.
  virtual void remove(const TenantId& tenant, const LogId& log, std::string_view folder) = 0;
  /// The names of the files directly in a folder of the log, without order; empty when it is missing.
  virtual std::vector<std::string> list(const TenantId& tenant, const LogId& log, std::string_view folder) = 0;
};

/// A log's checkpoint as it lies published.
struct ShownCheckpoint {
  TenantId tenant;
  LogId log_id{};
  std::string note;
};

/// Which of the processes on one store publishes (C. Gray and D. Cheriton, "Leases", SOSP 1989). A process that stands
/// still loses the lease within seconds, and does not notice: so the store itself refuses, in the same transaction,
/// every published file and every checkpoint of one that does not have it any more. Safe to call from several threads.
class PublisherLease {
 public:
  virtual ~PublisherLease() = default;
  /// Takes the lease when nobody has it, or keeps it: the fencing number under which this process has it, the same one
  /// until another process has had it; nothing while another has it. What is written until the next call is written
  /// under that number. So it is called only between two rounds: when nothing is left to be written of what was loaded
  /// under the number before. Throws StoreFailure.
  virtual std::optional<std::int64_t> take() = 0;
  /// Keeps the lease under the number of the last `take`, and never takes it: false once another process has had it.
  /// To be called at least every second while this process publishes; costs nothing when it was kept a moment ago.
  /// Throws StoreFailure.
  virtual bool keep() = 0;
  /// As `keep`, but asks the store now, whatever this process believes: yes means that nobody else has published since
  /// the last `take`. Throws StoreFailure.
  virtual bool confirm() = 0;
  /// Leaves it to another, who need not wait then. Throws StoreFailure.
  virtual void release() = 0;
  /// The checkpoints put in place since the last answer, by whomever, oldest first; at first those of all logs. At most
  /// `limit`, and none when there are no more. Throws StoreFailure.
  virtual std::vector<ShownCheckpoint> shown(std::size_t limit) = 0;
};

/// The most that was ever published of a log.
struct WaterMark {
  LogId log_id{};
  std::uint64_t size = 0;
  Bytes<32> root{};
  bool is_settled = false;  ///< The log's `checkpoint` file is of this size too.
};

/// Remembers what was published, apart from the store and its backups, so that a store brought back from an older state
/// is noticed (LEDGER.md section 4). Safe to call from several threads. Throws StoreFailure.
class HighWater {
 public:
  virtual ~HighWater() = default;
  /// Nothing was ever written to it, or it was taken away.
  virtual bool is_missing() const = 0;
  virtual std::size_t count() const = 0;
  virtual std::optional<WaterMark> find(const LogId& log) const = 0;
  virtual std::vector<WaterMark> marks() const = 0;
  /// Durably raises the marks, unsettled; given none, only makes sure that it is not missing any more. Throws
  /// StoreFailure on a size below the mark's, and on another root at the same size.
  virtual void raise(std::span<const WaterMark> marks) = 0;
  /// Notes that these marks' checkpoint files are in place. A power failure may lose the note, nothing else does.
  virtual void settle(std::span<const WaterMark> marks) = 0;
};

}  // namespace cadastre
