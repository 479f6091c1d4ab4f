// Checkpoints: a log's size and root, signed by the log (c2sp.org/tlog-checkpoint).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/merkle.h"
#include "ledger/note.h"

namespace cadastre::ledger {

struct Checkpoint {
  std::string origin;  ///< Names the log; ours are also the name of the log's key.
  std::uint64_t size = 0;
  Hash root{};
  std::vector<std::string> extensions = {};  ///< Opaque further lines; ours have none.
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// The note text: origin, size and base64 root, each on a line of its own.
std::string encode_checkpoint(const Checkpoint& checkpoint);
/// Refuses a size with leading zeroes or above 64 bits, a root that is not 32 bytes, and empty lines.
Result<Checkpoint> parse_checkpoint(std::string_view text);

/// The note signed with each of the keys, under the origin as key name. Requires that the origin is a key name.
std::string sign_checkpoint(const Checkpoint& checkpoint, std::span<const PrivateKey> keys);
inline std::string sign_checkpoint(const Checkpoint& checkpoint, const PrivateKey& key) {
  return sign_checkpoint(checkpoint, std::span(&key, 1));
}
/// The checkpoint in a note that this key signed and whose origin is the key's name.
Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key);

}  // namespace cadastre::ledger
