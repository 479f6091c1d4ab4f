#include "ledger/merkle.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cadastre::ledger {
namespace {

constexpr Bytes<1> leaf_prefix{0x00};
constexpr Bytes<1> node_prefix{0x01};

/// The largest power of two below `count`; requires `count >= 2`.
std::uint64_t split_of(std::uint64_t count) { return std::bit_floor(count - 1); }

/// MTH(D[begin:end]) where `begin` is a multiple of the largest power of two not above the number of leaves.
std::optional<Hash> range_hash(std::uint64_t begin, std::uint64_t end, const HashReader& hashes) {
  const std::uint64_t count = end - begin;
  if (std::has_single_bit(count)) {
    const auto level = static_cast<unsigned>(std::countr_zero(count));
    return hashes({.level = level, .index = begin >> level});
  }
  const std::uint64_t middle = begin + split_of(count);
  const auto left = range_hash(begin, middle, hashes);
  const auto right = left ? range_hash(middle, end, hashes) : std::nullopt;
  if (!right) return std::nullopt;
  return node_hash(*left, *right);
}

/// Adds MTH(D[begin:end]) to the proof; false when a hash is missing.
bool add_range(std::vector<Hash>& proof, std::uint64_t begin, std::uint64_t end, const HashReader& hashes) {
  const auto hash = range_hash(begin, end, hashes);
  if (hash) proof.push_back(*hash);
  return hash.has_value();
}

/// One side of each split on the way from the root of D[begin:end] down: the sibling that a proof must give.
struct Sibling {
  std::uint64_t begin;
  std::uint64_t end;
};

}  // namespace

Hash leaf_hash(ByteView leaf) { return sha256({leaf_prefix, leaf}); }
Hash node_hash(const Hash& left, const Hash& right) { return sha256({node_prefix, left, right}); }
Hash empty_root() { return sha256(ByteView{}); }

std::optional<Frontier> Frontier::restore(std::uint64_t size, std::vector<Hash> peaks) {
  if (peaks.size() != static_cast<std::size_t>(std::popcount(size))) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  frontier.peaks_ = std::move(peaks);
  return frontier;
}

void Frontier::append(const Hash& leaf) {
  Hash hash = leaf;
  // Each trailing one bit of the size is a complete subtree as large as the one in hand.
  for (int merges = std::countr_one(size_); merges > 0; --merges) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash Frontier::root() const {
  if (peaks_.empty()) return empty_root();
  Hash hash = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) hash = node_hash(*peak, hash);
  return hash;
}

std::optional<Hash> root_of(std::uint64_t size, const HashReader& hashes) {
  if (size == 0) return empty_root();
  return range_hash(0, size, hashes);
}

std::optional<Frontier> frontier_of(std::uint64_t size, const HashReader& hashes) {
  std::vector<Hash> peaks;
  std::uint64_t begin = 0;
  while (begin < size) {
    const std::uint64_t count = std::bit_floor(size - begin);
    if (!add_range(peaks, begin, begin + count, hashes)) return std::nullopt;
    begin += count;
  }
  return Frontier::restore(size, std::move(peaks));
}

std::optional<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size, const HashReader& hashes) {
  if (index >= size) return std::nullopt;
  std::vector<Sibling> siblings;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + split_of(end - begin);
    const bool left = index < middle;
    siblings.push_back(left ? Sibling{middle, end} : Sibling{begin, middle});
    (left ? end : begin) = middle;
  }
  std::vector<Hash> proof;
  for (auto sibling = siblings.rbegin(); sibling != siblings.rend(); ++sibling) {
    if (!add_range(proof, sibling->begin, sibling->end, hashes)) return std::nullopt;
  }
  return proof;
}

std::optional<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                                   const HashReader& hashes) {
  if (old_size > size) return std::nullopt;
  std::vector<Hash> proof;
  if (old_size == 0 || old_size == size) return proof;
  std::vector<Sibling> siblings;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end != old_size) {
    const std::uint64_t middle = begin + split_of(end - begin);
    const bool left = old_size <= middle;
    siblings.push_back(left ? Sibling{middle, end} : Sibling{begin, middle});
    (left ? end : begin) = middle;
  }
  // The verifier knows the subtree that ends at `old_size` only when it is the whole old tree.
  if (begin != 0 && !add_range(proof, begin, end, hashes)) return std::nullopt;
  for (auto sibling = siblings.rbegin(); sibling != siblings.rend(); ++sibling) {
    if (!add_range(proof, sibling->begin, sibling->end, hashes)) return std::nullopt;
  }
  return proof;
}

bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, std::span<const Hash> proof,
                      const Hash& root) {
  if (index >= size) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1U) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      for (; (node & 1U) == 0 && node != 0; node >>= 1U) last >>= 1U;
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1U;
    last >>= 1U;
  }
  return last == 0 && hash == root;
}

bool verify_consistency(std::uint64_t old_size, std::uint64_t size, const Hash& old_root, const Hash& root,
                        std::span<const Hash> proof) {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  const bool whole = std::has_single_bit(old_size);  // the old root is itself the first hash
  if (!whole && proof.empty()) return false;
  Hash old_hash = whole ? old_root : proof.front();
  Hash hash = old_hash;
  const int complete = std::countr_one(old_size - 1);
  std::uint64_t node = (old_size - 1) >> complete;
  std::uint64_t last = (size - 1) >> complete;
  for (const Hash& sibling : proof.subspan(whole ? 0 : 1)) {
    if (last == 0) return false;
    if ((node & 1U) != 0 || node == last) {
      old_hash = node_hash(sibling, old_hash);
      hash = node_hash(sibling, hash);
      for (; (node & 1U) == 0 && node != 0; node >>= 1U) last >>= 1U;
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1U;
    last >>= 1U;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

}  // namespace cadastre::ledger
