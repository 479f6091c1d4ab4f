// The Merkle tree of RFC 6962 section 2.1 over SHA-256: hashes, growth, and the two proofs with their verification.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace cadastre::ledger {

using Hash = Digest;

/// SHA-256(0x00 || leaf).
Hash leaf_hash(ByteView leaf);
/// SHA-256(0x01 || left || right).
Hash node_hash(const Hash& left, const Hash& right);
/// The root of the tree without leaves, SHA-256 of nothing.
Hash empty_root();

/// The hashes of the complete subtrees that a tree of `size` leaves consists of, the largest first: enough to append
/// to the tree and to give its root.
class Frontier {
 public:
  Frontier() = default;
  /// Nothing when `peaks` are not as many as `size` has one bits.
  static std::optional<Frontier> restore(std::uint64_t size, std::vector<Hash> peaks);
  void append(const Hash& leaf);
  std::uint64_t size() const { return size_; }
  const std::vector<Hash>& peaks() const { return peaks_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;
};

/// A complete subtree: the leaves from `index << level` up to, not including, `(index + 1) << level`.
struct NodeId {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

/// Gives the hash of a complete subtree, or nothing when it is not to be had.
using HashReader = std::function<std::optional<Hash>(NodeId)>;

/// The root of the first `size` leaves; nothing when a hash is missing.
std::optional<Hash> root_of(std::uint64_t size, const HashReader& hashes);
/// The frontier of the first `size` leaves; nothing when a hash is missing.
std::optional<Frontier> frontier_of(std::uint64_t size, const HashReader& hashes);

/// PATH(index, D[size]) of RFC 6962 section 2.1.1, from the leaf's sibling to the root's child.
/// Nothing when `index >= size` or a hash is missing.
std::optional<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size, const HashReader& hashes);
/// PROOF(old_size, D[size]) of RFC 6962 section 2.1.2; empty when `old_size` is 0 or `size`.
/// Nothing when `old_size > size` or a hash is missing.
std::optional<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                                   const HashReader& hashes);

/// RFC 9162 section 2.1.3.2: is `leaf` the hash of the leaf at `index` in the tree of `size` leaves with that root?
bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, std::span<const Hash> proof,
                      const Hash& root);
/// RFC 9162 section 2.1.4.2: does the tree of `size` leaves begin with the tree of `old_size` leaves?
/// Of an empty old tree, only its root is checked.
bool verify_consistency(std::uint64_t old_size, std::uint64_t size, const Hash& old_root, const Hash& root,
                        std::span<const Hash> proof);

}  // namespace cadastre::ledger
