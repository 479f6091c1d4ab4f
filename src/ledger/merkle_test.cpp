#include "ledger/merkle.h"

#include <doctest/doctest.h>

#include <bit>
#include <string>

namespace cadastre::ledger {
namespace {

/// The leaves of the well-known eight-leaf tree of the Certificate Transparency test suites.
const std::vector<std::string>& reference_leaves() {
  static const std::vector<std::string> leaves = [] {
    std::vector<std::string> bytes;
    for (const char* hex :
         {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}) {
      bytes.push_back(decode_hex(hex).value());
    }
    return bytes;
  }();
  return leaves;
}

std::vector<Hash> hashes_of(const std::vector<std::string>& leaves) {
  std::vector<Hash> hashes;
  for (const auto& leaf : leaves) hashes.push_back(leaf_hash(as_bytes(leaf)));
  return hashes;
}

std::vector<Hash> numbered_leaves(std::size_t count) {
  std::vector<std::string> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back("leaf " + std::to_string(i));
  return hashes_of(leaves);
}

/// MTH of RFC 6962 section 2.1, word by word.
Hash naive_root(std::span<const Hash> leaves) {
  if (leaves.empty()) return sha256(std::string_view());
  if (leaves.size() == 1) return leaves.front();
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(naive_root(leaves.first(k)), naive_root(leaves.subspan(k)));
}

/// PATH of RFC 6962 section 2.1.1, word by word.
std::vector<Hash> naive_path(std::size_t m, std::span<const Hash> leaves) {
  if (leaves.size() == 1) return {};
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  auto path = m < k ? naive_path(m, leaves.first(k)) : naive_path(m - k, leaves.subspan(k));
  path.push_back(naive_root(m < k ? leaves.subspan(k) : leaves.first(k)));
  return path;
}

/// SUBPROOF of RFC 6962 section 2.1.2, word by word.
std::vector<Hash> naive_subproof(std::size_t m, std::span<const Hash> leaves, bool known) {
  if (m == leaves.size()) return known ? std::vector<Hash>{} : std::vector<Hash>{naive_root(leaves)};
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  auto proof = m <= k ? naive_subproof(m, leaves.first(k), known) : naive_subproof(m - k, leaves.subspan(k), false);
  proof.push_back(naive_root(m <= k ? leaves.subspan(k) : leaves.first(k)));
  return proof;
}

HashReader reader_of(const std::vector<Hash>& leaves) {
  return [&leaves](NodeId id) -> std::optional<Hash> {
    const std::uint64_t count = std::uint64_t{1} << id.level;
    if ((id.index + 1) * count > leaves.size()) return std::nullopt;
    return naive_root(std::span(leaves).subspan(id.index * count, count));
  };
}

constexpr std::size_t size_max = 70;

}  // namespace

TEST_CASE("the eight-leaf tree has the roots that every RFC 6962 implementation gives") {
  const char* const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                               "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  const auto leaves = hashes_of(reference_leaves());
  Frontier frontier;
  for (std::size_t size = 0; size <= leaves.size(); ++size) {
    CAPTURE(size);
    CHECK(encode_hex(frontier.root()) == roots[size]);
    CHECK(frontier.size() == size);
    CHECK(root_of(size, reader_of(leaves)) == frontier.root());
    if (size < leaves.size()) frontier.append(leaves[size]);
  }
}

TEST_CASE("the eight-leaf tree has the published proofs") {
  const auto leaves = hashes_of(reference_leaves());
  const auto hex = [](const std::optional<std::vector<Hash>>& proof) {
    std::string text;
    for (const Hash& hash : proof.value()) text += encode_hex(hash).substr(0, 8) + ' ';
    return text;
  };
  CHECK(hex(inclusion_proof(0, 1, reader_of(leaves))) == "");
  CHECK(hex(inclusion_proof(0, 8, reader_of(leaves))) == "96a296d2 5f083f0a 6b47aaf2 ");
  CHECK(hex(inclusion_proof(5, 8, reader_of(leaves))) == "bc1a0643 ca854ea1 d37ee418 ");
  CHECK(hex(consistency_proof(1, 8, reader_of(leaves))) == "96a296d2 5f083f0a 6b47aaf2 ");
  CHECK(hex(consistency_proof(6, 8, reader_of(leaves))) == "0ebc5d34 ca854ea1 d37ee418 ");
  CHECK(hex(consistency_proof(2, 5, reader_of(leaves))) == "5f083f0a bc1a0643 ");
}

TEST_CASE("roots, frontiers and proofs equal the definitions, and verify, for every tree up to 70 leaves") {
  const auto leaves = numbered_leaves(size_max);
  const HashReader reader = reader_of(leaves);
  Frontier frontier;
  for (std::size_t size = 0; size <= size_max; ++size) {
    const auto tree = std::span(leaves).first(size);
    const Hash root = naive_root(tree);
    REQUIRE(frontier.root() == root);
    REQUIRE(frontier_of(size, reader).value().peaks() == frontier.peaks());
    REQUIRE(Frontier::restore(size, frontier.peaks()).value().root() == root);
    for (std::size_t index = 0; index < size; ++index) {
      const auto proof = inclusion_proof(index, size, reader);
      REQUIRE(proof == naive_path(index, tree));
      REQUIRE(verify_inclusion(leaves[index], index, size, *proof, root));
    }
    for (std::size_t old_size = 0; old_size <= size; ++old_size) {
      const auto proof = consistency_proof(old_size, size, reader);
      if (old_size != 0) REQUIRE(proof == naive_subproof(old_size, tree, true));
      REQUIRE(verify_consistency(old_size, size, naive_root(tree.first(old_size)), root, *proof));
    }
    if (size < size_max) frontier.append(leaves[size]);
  }
}

TEST_CASE("a proof holds for its own leaf, index, size and root only") {
  constexpr std::size_t limit = 20;
  const auto leaves = numbered_leaves(limit);
  const HashReader reader = reader_of(leaves);
  for (std::size_t size = 1; size < limit; ++size) {
    const Hash root = naive_root(std::span(leaves).first(size));
    for (std::size_t index = 0; index < size; ++index) {
      const auto proof = inclusion_proof(index, size, reader).value();
      CHECK_FALSE(verify_inclusion(leaf_hash({}), index, size, proof, root));
      CHECK_FALSE(verify_inclusion(leaves[index], index, size, proof, Hash{}));
      for (std::size_t other = 0; other <= size; ++other) {
        if (other != index) CHECK_FALSE(verify_inclusion(leaves[index], other, size, proof, root));
      }
      auto longer = proof;
      longer.push_back(root);
      CHECK_FALSE(verify_inclusion(leaves[index], index, size, longer, root));
      if (proof.empty()) continue;
      CHECK_FALSE(verify_inclusion(leaves[index], index, size, std::span(proof).first(proof.size() - 1), root));
      auto changed = proof;
      changed.front()[0] ^= 1U;
      CHECK_FALSE(verify_inclusion(leaves[index], index, size, changed, root));
    }
  }
}

TEST_CASE("consistency holds for the true history only") {
  constexpr std::size_t limit = 20;
  const auto leaves = numbered_leaves(limit);
  const HashReader reader = reader_of(leaves);
  const auto root = [&](std::size_t size) { return naive_root(std::span(leaves).first(size)); };
  for (std::size_t size = 1; size < limit; ++size) {
    for (std::size_t old_size = 1; old_size < size; ++old_size) {
      CAPTURE(size);
      CAPTURE(old_size);
      const auto proof = consistency_proof(old_size, size, reader).value();
      CHECK_FALSE(verify_consistency(old_size, size, Hash{}, root(size), proof));
      CHECK_FALSE(verify_consistency(old_size, size, root(old_size), Hash{}, proof));
      CHECK_FALSE(verify_consistency(size, old_size, root(size), root(old_size), proof));
      CHECK_FALSE(verify_consistency(old_size, size, root(old_size), root(size), {}));
      for (std::size_t i = 0; i < proof.size(); ++i) {
        auto changed = proof;
        changed[i][31] ^= 0x80U;
        CHECK_FALSE(verify_consistency(old_size, size, root(old_size), root(size), changed));
      }
      auto longer = proof;
      longer.push_back(root(size));
      CHECK_FALSE(verify_consistency(old_size, size, root(old_size), root(size), longer));
    }
  }
  CHECK_FALSE(verify_consistency(3, 3, root(3), root(4), {}));
  CHECK_FALSE(verify_consistency(0, 3, root(3), root(3), {}));
  CHECK_FALSE(verify_consistency(0, 3, empty_root(), root(3), {{Hash{}}}));
}

TEST_CASE("what cannot be proven is refused") {
  const auto leaves = numbered_leaves(8);
  CHECK_FALSE(inclusion_proof(8, 8, reader_of(leaves)));
  CHECK_FALSE(inclusion_proof(0, 0, reader_of(leaves)));
  CHECK_FALSE(inclusion_proof(3, 9, reader_of(leaves)));
  CHECK_FALSE(consistency_proof(9, 8, reader_of(leaves)));
  CHECK_FALSE(consistency_proof(3, 9, reader_of(leaves)));
  CHECK_FALSE(root_of(9, reader_of(leaves)));
  CHECK_FALSE(frontier_of(9, reader_of(leaves)));
  CHECK_FALSE(Frontier::restore(3, {Hash{}}));
}

}  // namespace cadastre::ledger
