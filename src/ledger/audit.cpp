#include "ledger/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/audit_checks.h"

namespace cadastre::ledger {
namespace {

/// That the tiles of a tree of the checkpoint's size or more have the checkpoint's root.
void check_root(const Checkpoint& checkpoint, TileTree& tree, AuditResult& result) {
  const std::uint64_t last = checkpoint.size == 0 ? 0 : checkpoint.size - 1;
  const auto root = root_of(checkpoint.size, tree.reader());
  if (!root) {
    Findings(result).add(last, fmt::format("a tile of the edge at size {} is missing or malformed", checkpoint.size));
  } else if (*root != checkpoint.root) {
    Findings(result).add(last, differs("the tiles' root is not the signed one", checkpoint.root, *root));
  }
}

/// That the tiles lead from a leaf to the signed root.
void check_path(std::uint64_t index, TileTree& tree, AuditResult& result) {
  const auto proof = inclusion_proof(index, result.size, tree.reader());
  const auto leaf = tree.node({0, index});
  if (!proof || !leaf) {
    Findings(result).add(index, "a tile above the leaf is missing or malformed");
  } else if (!verify_inclusion(*leaf, index, result.size, *proof, result.root)) {
    Findings(result).add(index, "the tiles above the leaf do not lead to the signed root");
  }
}

/// The checkpoints, the head and the roots; answers the tree of the newest checkpoint.
TileTree check_edge(const LogEvidence& log, AuditResult& result) {
  const std::vector<Checkpoint> checkpoints = check_checkpoints(log, result);
  check_head(log, result);
  TileTree tree(result.size, log.files);
  for (const Checkpoint& checkpoint : checkpoints) check_root(checkpoint, tree, result);
  return tree;
}

/// The leaves from `from` to `to` against their rows and, as far as they are published, their files.
void check_leaves(const LogEvidence& log, std::uint64_t from, std::uint64_t to, TileTree& tree, AuditResult& result) {
  for_each_leaf(log, from, to, result, [&](const StoredLeaf& leaf) {
    check_leaf(log, leaf, result);
    if (leaf.seq < tree.size()) check_published_leaf(tree, leaf, result);
  });
}

}  // namespace

AuditResult audit_edge(const LogEvidence& log) {
  AuditResult result;
  TileTree tree = check_edge(log, result);
  if (result.size == 0) return result;
  check_path(result.size - 1, tree, result);  // a full last tile is below what the root was computed from
  const std::uint64_t last_bundle = (result.size - 1) / tile_width_max * tile_width_max;
  check_leaves(log, last_bundle, std::min(result.size, log.head), tree, result);
  return result;
}

AuditResult audit_range(const LogEvidence& log, std::uint64_t from, std::uint64_t to) {
  AuditResult result;
  TileTree tree = check_edge(log, result);
  const std::uint64_t end = std::min(to, log.head);
  check_leaves(log, from, end, tree, result);
  // A path from each tile of level 0: what lies in the tile itself, check_leaves has compared.
  for (std::uint64_t index = from; index < std::min(end, result.size);
       index = (index / tile_width_max + 1) * tile_width_max) {
    check_path(index, tree, result);
  }
  return result;
}

std::optional<Finding> audit_older(const LogEvidence& log, const AuditResult& newest, std::string_view older_note) {
  const auto older = open_past_checkpoint(log, older_note);
  if (!older) return Finding{0, fmt::format("the older checkpoint {}", older.error().detail)};
  if (older->size > newest.size) {
    return Finding{newest.size, fmt::format("the older checkpoint has {} leaves, the log's newest only {}", older->size,
                                            newest.size)};
  }
  TileTree tree(newest.size, log.files);
  const auto proof = consistency_proof(older->size, newest.size, tree.reader());
  if (proof && verify_consistency(older->size, newest.size, older->root, newest.root, *proof)) return std::nullopt;
  return Finding{older->size == 0 ? 0 : older->size - 1,
                 fmt::format("the log does not begin with the older checkpoint of size {}", older->size)};
}

}  // namespace cadastre::ledger
