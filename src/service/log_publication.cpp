#include "service/log_publication.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "ledger/checkpoint.h"

namespace cadastre {
namespace {

using ledger::TileBuilder;
using ledger::TileId;

std::unexpected<LogFinding> found(const LogState& log, std::uint64_t seq, std::string what) {
  return std::unexpected(LogFinding{log.tenant, log.head.log_id, seq, std::move(what)});
}

std::uint64_t last_leaf_of(std::uint64_t size) { return size == 0 ? 0 : size - 1; }

std::uint64_t first_leaf_of(const TileId& tile) {
  return (tile.index * ledger::tile_width_max) << (tile.level * ledger::tile_height);
}

std::string hashes(const Bytes<32>& expected, const Bytes<32>& computed) {
  return fmt::format("{} expected, {} found", encode_hex(expected), encode_hex(computed));
}

/// That the stored row is what its note says, under the log's key.
std::expected<void, LogFinding> check_stored(const LogBase& base, const ledger::VerifierKey& key) {
  const PublishedCheckpoint& last = *base.last;
  const auto note = ledger::open_checkpoint(last.note, key);
  if (!note) return found(base.log, 0, "the stored checkpoint " + note.error().detail);
  if (note->size != last.size || note->root != last.root || last.log_id != base.log.head.log_id) {
    return found(base.log, 0, "the stored checkpoint's row is not what its signed note says");
  }
  return {};
}

/// That nobody was shown more of the log than the store knows of.
std::expected<void, LogFinding> check_shown(const LogBase& base, const ledger::VerifierKey& key,
                                            const std::optional<std::string>& file, const HighWater& marks) {
  const std::uint64_t size = base.last ? base.last->size : 0;
  const auto mark = marks.find(base.log.head.log_id);
  if (mark && mark->size > size) {
    return found(base.log, size, fmt::format("{} leaves were published, the store knows of {}", mark->size, size));
  }
  if (mark && mark->size == size && mark->root != base.last->root) {
    return found(base.log, last_leaf_of(size), "another root was published: " + hashes(mark->root, base.last->root));
  }
  if (!file && mark && mark->is_settled) return found(base.log, size, "the published checkpoint is missing");
  if (!file || (base.last && *file == base.last->note)) return {};
  const auto shown = ledger::open_checkpoint(*file, key);
  if (!shown) return found(base.log, 0, "the published checkpoint " + shown.error().detail);
  if (shown->size > size || (shown->size == size && shown->root != base.last->root)) {
    return found(base.log, size,
                 fmt::format("the published checkpoint has {} leaves and root {}, the store knows of {}", shown->size,
                             encode_hex(shown->root), size));
  }
  return {};
}

/// That the entries which the next bundle begins with are those of the tree.
std::expected<void, LogFinding> check_last_bundle(const LogState& log, std::uint64_t size,
                                                  const ledger::TileReader& files) {
  const std::uint64_t first = size / ledger::tile_width_max * ledger::tile_width_max;
  if (first == size) return {};
  ledger::TileTree tree(size, files);
  const TileId bundle{ledger::TileKind::entries, 0, first / ledger::tile_width_max,
                      static_cast<unsigned>(size - first)};
  const std::string bytes = ledger::read_tile(bundle, files).value_or("");
  const auto entries = ledger::split_bundle(bytes);
  if (!entries) return found(log, first, "the last bundle is missing or malformed");
  for (std::uint64_t index = first; index < size; ++index) {
    const ledger::Hash hash = ledger::leaf_hash(as_bytes((*entries)[index - first]));
    const auto wanted = tree.node({0, index});
    if (!wanted) return found(log, index, "its tile of level 0 is missing or malformed");
    if (hash != *wanted) return found(log, index, "the bundle has another entry: " + hashes(*wanted, hash));
  }
  return {};
}

}  // namespace

std::expected<CheckedBase, LogFinding> check_base(TileStore& tiles, const HighWater& marks,
                                                  const Bytes<32>& master_seed, const LogBase& base) {
  const LogState& log = base.log;
  auto key = key_of_log(master_seed, log.tenant, log.vkey);
  if (!key)
    return found(log, 0,
                 fmt::format("its verifier key '{}' is not one of this deployment's: keys/ledger-master.key is another",
                             log.vkey));
  if (base.last) TRY(check_stored(base, key->verifier));
  TRY(check_shown(base, key->verifier, tiles.read(log.tenant, log.head.log_id, "checkpoint"), marks));
  if (!base.last) return CheckedBase{*std::move(key), TileBuilder()};
  const auto files = each_once(files_of(tiles, log.tenant, log.head.log_id));
  auto builder = TileBuilder::resume(base.last->size, files);
  if (!builder) return found(log, last_leaf_of(base.last->size), "a tile of the edge is missing or malformed");
  if (builder->root() != base.last->root) {
    return found(log, last_leaf_of(base.last->size),
                 "the tiles' root is not the signed one: " + hashes(base.last->root, builder->root()));
  }
  TRY(check_last_bundle(log, base.last->size, files));
  return CheckedBase{*std::move(key), *std::move(builder)};
}

std::expected<LogPublication, LogFinding> LogPublication::prepare(TileStore& tiles, const HighWater& marks,
                                                                  const Bytes<32>& master_seed, const LogBase& base,
                                                                  std::span<const Leaf> leaves) {
  auto [key, builder] = TRY(check_base(tiles, marks, master_seed, base));
  std::string origin = key.verifier.name;
  LogPublication publication(base.log, std::move(builder), std::move(origin), signers_of(master_seed, std::move(key)));
  TRY(publication.build(leaves));
  return publication;
}

/// The files that the leaves fill, and the partial ones of the new size.
std::expected<void, LogFinding> LogPublication::build(std::span<const Leaf> leaves) {
  const auto collect = [this](const TileId& tile, std::string_view bytes) {
    files_.push_back({tile, std::string(bytes)});
  };
  for (const Leaf& leaf : leaves) {
    if (leaf.seq != builder_.size()) return found(log_, builder_.size(), "the store has no such leaf");
    if (leaf.bytes.size() > ledger::entry_bytes_max) return found(log_, leaf.seq, "the leaf is larger than any can be");
    const ledger::Hash hash = builder_.append(leaf.bytes, collect);
    if (hash != leaf.hash) return found(log_, leaf.seq, "the leaf is not what was stored: " + hashes(leaf.hash, hash));
  }
  builder_.partials(collect);
  return {};
}

std::vector<PublishedFile> LogPublication::files() const {
  std::vector<PublishedFile> files;
  files.reserve(files_.size());
  for (const auto& [id, bytes] : files_) files.push_back({log_.tenant, log_.head.log_id, ledger::tile_path(id), bytes});
  return files;
}

std::expected<void, LogFinding> LogPublication::explain(TileStore& tiles, std::size_t file,
                                                        const std::exception_ptr& failure) const {
  const auto& [id, bytes] = files_[file];
  const std::string path = ledger::tile_path(id);
  const auto existing = tiles.read(log_.tenant, log_.head.log_id, path);
  if (!existing || *existing == bytes) std::rethrow_exception(failure);
  return found(log_, first_leaf_of(id), path + " was published before with other bytes");
}

std::expected<PublishedCheckpoint, LogFinding> LogPublication::read_back_and_sign(TileStore& tiles) const {
  const auto read = each_once(files_of(tiles, log_.tenant, log_.head.log_id));
  for (const auto& [id, bytes] : files_) {
    const std::string path = ledger::tile_path(id);
    if (read(path) != bytes) {
      return found(log_, first_leaf_of(id), path + " reads back otherwise than it was written");
    }
  }
  const std::uint64_t size = builder_.size();
  const ledger::Hash wanted = builder_.root();
  const auto root = ledger::TileTree(size, read).root();
  if (!root) return found(log_, last_leaf_of(size), "a tile of the edge is missing or malformed");
  if (*root != wanted) {
    return found(log_, last_leaf_of(size),
                 "the root of what was read back is not that of the leaves: " + hashes(wanted, *root));
  }
  const ledger::Checkpoint checkpoint{.origin = origin_, .size = size, .root = *root};
  return PublishedCheckpoint{.tenant = log_.tenant,
                             .log_id = log_.head.log_id,
                             .size = size,
                             .root = *root,
                             .note = ledger::sign_checkpoint(checkpoint, signers_)};
}

}  // namespace cadastre
