// One log's rows, published files and high-water mark against each other, at the start and for `service-fs verify`.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "ledger/audit.h"
#include "service/ports.h"

namespace cadastre {

/// Why a log cannot be trusted any more.
struct LogFinding {
  std::optional<TenantId> tenant;  ///< Nothing when the store does not know the log.
  LogId log_id{};
  std::uint64_t seq = 0;  ///< The first leaf concerned.
  std::string what;       ///< One clause, with the expected and the found hash where there are two.
};

/// One line that names the log and the index.
std::string describe(const LogFinding& finding);

/// Where the parts of the logs are kept.
struct LogKeeping {
  Reader& reader;
  TileStore& tiles;
  const HighWater& marks;
};

/// The published files of a log, by path.
ledger::TileReader files_of(TileStore& tiles, const TenantId& tenant, const LogId& log);

/// The same files, each read once however often it is asked for, and kept. Not for several threads.
ledger::TileReader each_once(ledger::TileReader files);

/// The two halves of a log's key.
struct LogKey {
  ledger::VerifierKey verifier;  ///< Its name is the log's origin.
  PrivateKey signer;
  std::uint32_t epoch = 0;  ///< How often the log's key was rotated.
};

constexpr std::uint32_t log_key_epochs_max = 64;

/// The key of a log, whichever of the seed's epochs its `vkey` is of; nothing when the `vkey` is malformed, is not
/// named after the tenant, or is of no key of this seed.
std::optional<LogKey> key_of_log(const Bytes<32>& master_seed, const TenantId& tenant, std::string_view vkey);

/// What signs a checkpoint: the log's key, the one before it, and the one that will follow. So whoever knows the key of
/// before goes on verifying, and a rotation changes nothing that is published.
std::vector<PrivateKey> signers_of(const Bytes<32>& master_seed, LogKey key);

/// Of the log only its name and `vkey` are taken from `log`, all else is read in the order that LogEvidence asks for.
/// Valid as long as what `keeping` names.
ledger::LogEvidence gather_evidence(const LogKeeping& keeping, const LogState& log);

/// Before the first publication is complete the checkpoint's file may be missing: the publisher puts it there. Then the
/// store's note stands in its place, unless the log's mark says that the publication had come to its end. The mark is
/// that from before the evidence was gathered: a publication may come to its end meanwhile.
void overlook_cut_off_publication(const std::optional<WaterMark>& mark, ledger::LogEvidence& evidence);

enum class CheckDepth {
  edge,  ///< LEDGER.md section 4 "Always": a few files, whatever the size.
  full,  ///< Every leaf and every file.
};

/// How far a check is, for other threads to read.
struct CheckProgress {
  std::atomic<std::uint64_t> logs = 0;
  std::atomic<std::uint64_t> leaves = 0;  ///< Read from the store.
};

/// Checks one log: what the audit of that depth checks, the root at the high-water mark, and that what the mark says is
/// settled lies published. With a seed, also that the log's key is of it. Asked to stop, it answers nothing.
std::vector<LogFinding> check_log(const LogKeeping& keeping, const LogState& log, CheckDepth depth,
                                  const Bytes<32>* master_seed, CheckProgress& progress, const std::stop_token& stop);

/// Checks what the store says of a log against its high-water mark alone: no file is read.
std::optional<LogFinding> check_mark(const HighWater& marks, const LogState& log);

}  // namespace cadastre
