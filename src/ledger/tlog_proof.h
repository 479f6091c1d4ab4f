// Proofs that an entry is in a log, checkable offline (c2sp.org/tlog-proof).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/checkpoint.h"

namespace cadastre::ledger {

/// The format has no place for the entry: ours carry its bytes as the extra data, which the proof then covers.
struct TlogProof {
  std::optional<std::string> extra;  ///< The bytes, not their base64.
  std::uint64_t index = 0;
  std::vector<Hash> hashes;  ///< From the leaf's sibling to the root's child.
  std::string checkpoint;    ///< The signed note, verbatim.
};

std::string encode_proof(const TlogProof& proof);
/// Refuses any other form of the file. The checkpoint is not looked into.
Result<TlogProof> parse_proof(std::string_view text);
/// The checkpoint, when the log's key signed it and `entry` is the leaf at the proof's index under it.
Result<Checkpoint> verify_proof(const TlogProof& proof, std::string_view entry, const VerifierKey& key);

}  // namespace cadastre::ledger
