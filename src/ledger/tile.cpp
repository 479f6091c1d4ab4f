#include "ledger/tile.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/invariant.h"

namespace cadastre::ledger {
namespace {

constexpr std::string_view tile_folder = "tile/";
constexpr std::string_view entries_level = "entries";
constexpr unsigned level_max = 63;            // of a path; a tree of 2^64 leaves has levels 0 to 7
constexpr unsigned levels_in_tree = 8;        // 256^8 = 2^64
constexpr std::size_t kept_tiles_max = 1024;  // 8 MiB of hashes

/// How many leaves one hash of a tile at that level stands for, as a shift.
constexpr unsigned shift_of(unsigned level) { return level * tile_height; }

/// How many hashes the level has in all.
std::uint64_t hashes_at(std::uint64_t size, unsigned level) {
  return level < levels_in_tree ? size >> shift_of(level) : 0;
}

/// `x001/x234/067`.
std::string index_path(std::uint64_t index) {
  std::string path = fmt::format("{:03}", index % 1000);
  while ((index /= 1000) != 0) path = fmt::format("x{:03}/{}", index % 1000, path);
  return path;
}

/// Reads decimal digits off the front of `text`; nothing when there is none or the number passes 64 bits.
std::optional<std::uint64_t> take_number(std::string_view& text, std::size_t digits_max) {
  std::uint64_t number = 0;
  std::size_t digits = 0;
  for (; digits < std::min(digits_max, text.size()) && '0' <= text[digits] && text[digits] <= '9'; ++digits) {
    if (__builtin_mul_overflow(number, std::uint64_t{10}, &number)) return std::nullopt;
    if (__builtin_add_overflow(number, static_cast<std::uint64_t>(text[digits] - '0'), &number)) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> take_index(std::string_view& text) {
  std::uint64_t index = 0;
  for (bool more = true; more;) {
    more = take(text, "x");
    const auto group = take_number(text, 3);
    if (!group || (more && !take(text, "/"))) return std::nullopt;
    if (__builtin_mul_overflow(index, std::uint64_t{1000}, &index)) return std::nullopt;
    if (__builtin_add_overflow(index, *group, &index)) return std::nullopt;
  }
  return index;
}

/// Calls `visit` with each row of files of a tree: the bundles, then each level of hashes.
template <class Visit>
void for_each_row(std::uint64_t size, Visit visit) {
  visit(TileKind::entries, 0U);
  for (unsigned level = 0; hashes_at(size, level) != 0; ++level) visit(TileKind::hashes, level);
}

/// The partial file at the end of a row, of width 0 when the row ends with a full one.
TileId partial_of(std::uint64_t size, TileKind kind, unsigned level) {
  const std::uint64_t hashes = hashes_at(size, level);
  return {kind, level, hashes / tile_width_max, static_cast<unsigned>(hashes % tile_width_max)};
}

/// The root of a complete subtree given by its leaves; requires a power of two of them.
Hash fold(std::span<const Hash> hashes) {
  if (hashes.size() == 1) return hashes.front();
  std::vector<Hash> row(hashes.size() / 2);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = node_hash(hashes[2 * i], hashes[2 * i + 1]);
  for (std::size_t count = row.size(); count > 1; count /= 2) {
    for (std::size_t i = 0; i < count / 2; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
  }
  return row.front();
}

/// How many bytes the first `count` entries of a bundle take; nothing when it has fewer.
std::optional<std::size_t> bytes_of_entries(std::string_view bundle, std::size_t count) {
  std::size_t offset = 0;
  for (; count > 0; --count) {
    if (bundle.size() - offset < 2) return std::nullopt;
    const auto high = static_cast<unsigned char>(bundle[offset]);
    const auto low = static_cast<unsigned char>(bundle[offset + 1]);
    const std::size_t length = std::size_t{high} << 8U | low;
    if (bundle.size() - offset - 2 < length) return std::nullopt;
    offset += 2 + length;
  }
  return offset;
}

}  // namespace

std::string tile_path(const TileId& tile) {
  std::string path(tile_folder);
  path += tile.kind == TileKind::entries ? std::string(entries_level) : std::to_string(tile.level);
  path += '/' + index_path(tile.index);
  if (!tile.is_full()) path += fmt::format(".p/{}", tile.width);
  return path;
}

std::string partial_folder(const TileId& tile) {
  return tile_path({tile.kind, tile.level, tile.index, tile_width_max}) + ".p";
}

std::optional<TileId> parse_tile_path(std::string_view path) {
  std::string_view rest = path;
  TileId tile;
  if (!take(rest, tile_folder)) return std::nullopt;
  if (take(rest, entries_level)) {
    tile.kind = TileKind::entries;
  } else {
    const auto level = take_number(rest, 2);
    if (!level || *level > level_max) return std::nullopt;
    tile.level = static_cast<unsigned>(*level);
  }
  if (!take(rest, "/")) return std::nullopt;
  const auto index = take_index(rest);
  if (!index) return std::nullopt;
  tile.index = *index;
  if (take(rest, ".p/")) {
    const auto width = take_number(rest, 3);
    if (!width || *width == 0 || *width >= tile_width_max) return std::nullopt;
    tile.width = static_cast<unsigned>(*width);
  }
  if (!rest.empty() || tile_path(tile) != path) return std::nullopt;  // leading zeroes, groups too many or too short
  return tile;
}

unsigned tile_width(std::uint64_t size, unsigned level, std::uint64_t index) {
  const std::uint64_t hashes = hashes_at(size, level);
  if (index > hashes / tile_width_max) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>(hashes - index * tile_width_max, tile_width_max));
}

std::vector<TileId> tiles_of(std::uint64_t size) { return tiles_created(0, size); }

std::vector<TileId> tiles_created(std::uint64_t old_size, std::uint64_t size) {
  std::vector<TileId> tiles;
  for_each_row(size, [&](TileKind kind, unsigned level) {
    const TileId partial = partial_of(size, kind, level);
    const TileId old_partial = partial_of(old_size, kind, level);
    for (std::uint64_t index = old_partial.index; index < partial.index; ++index) tiles.push_back({kind, level, index});
    if (partial.width != 0 && partial != old_partial) tiles.push_back(partial);
  });
  return tiles;
}

std::vector<TileId> tiles_replaced(std::uint64_t old_size, std::uint64_t size) {
  std::vector<TileId> tiles = edge_tiles(old_size);
  std::erase_if(tiles, [&](const TileId& tile) { return tile_width(size, tile.level, tile.index) < tile_width_max; });
  return tiles;
}

std::vector<TileId> edge_tiles(std::uint64_t size) {
  std::vector<TileId> tiles;
  for_each_row(size, [&](TileKind kind, unsigned level) {
    const TileId partial = partial_of(size, kind, level);
    if (partial.width != 0) tiles.push_back(partial);
  });
  return tiles;
}

std::string encode_hashes(std::span<const Hash> hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) bytes += as_text(hash);
  return bytes;
}

std::optional<std::vector<Hash>> decode_hashes(std::string_view bytes) {
  const std::size_t width = bytes.size() / sizeof(Hash);
  if (bytes.size() % sizeof(Hash) != 0 || width == 0 || width > tile_width_max) return std::nullopt;
  std::vector<Hash> hashes(width);
  for (std::size_t i = 0; i < width; ++i) {
    std::ranges::copy(as_bytes(bytes.substr(i * sizeof(Hash), sizeof(Hash))), hashes[i].begin());
  }
  return hashes;
}

void append_entry(std::string& bundle, std::string_view entry) {
  CHECK_INVARIANT(entry.size() <= entry_bytes_max);
  bundle += static_cast<char>(entry.size() >> 8U);
  bundle += static_cast<char>(entry.size() & 0xFFU);
  bundle += entry;
}

std::optional<std::vector<std::string_view>> split_bundle(std::string_view bundle) {
  std::vector<std::string_view> entries;
  while (!bundle.empty()) {
    const auto bytes = bytes_of_entries(bundle, 1);
    if (!bytes || entries.size() == tile_width_max) return std::nullopt;
    entries.push_back(bundle.substr(2, *bytes - 2));
    bundle.remove_prefix(*bytes);
  }
  if (entries.empty()) return std::nullopt;
  return entries;
}

std::optional<std::string_view> front_of(TileKind kind, unsigned width, std::string_view bytes) {
  const auto count = kind == TileKind::entries ? bytes_of_entries(bytes, width) : width * sizeof(Hash);
  if (!count || *count > bytes.size()) return std::nullopt;
  return bytes.substr(0, *count);
}

std::optional<std::string> read_tile(const TileId& tile, const TileReader& files) {
  auto bytes = files(tile_path(tile));
  unsigned width = tile.width;
  if (!bytes && !tile.is_full()) {
    width = tile_width_max;
    bytes = files(tile_path({tile.kind, tile.level, tile.index, width}));
  }
  if (!bytes || front_of(tile.kind, width, *bytes) != *bytes) return std::nullopt;
  bytes->resize(front_of(tile.kind, tile.width, *bytes)->size());
  return bytes;
}

const std::vector<Hash>* TileTree::hashes(unsigned level, std::uint64_t index) {
  const auto known = tiles_.find({level, index});
  if (known != tiles_.end()) return &known->second;
  const auto bytes = read_tile({TileKind::hashes, level, index, tile_width(size_, level, index)}, files_);
  auto decoded = bytes ? decode_hashes(*bytes) : std::nullopt;
  if (!decoded) return nullptr;
  if (tiles_.size() >= kept_tiles_max) tiles_.clear();
  return &tiles_.emplace(std::pair(level, index), *std::move(decoded)).first->second;
}

std::optional<Hash> TileTree::node(NodeId id) {
  if (id.level >= shift_of(levels_in_tree) || id.index >= size_ >> id.level) return std::nullopt;
  const unsigned level = id.level / tile_height;
  const unsigned height = id.level % tile_height;
  const std::uint64_t first = id.index << height;
  const auto* const tile = hashes(level, first / tile_width_max);
  if (tile == nullptr) return std::nullopt;
  return fold(std::span(*tile).subspan(first % tile_width_max, std::size_t{1} << height));
}

std::optional<std::string> TileTree::entry(std::uint64_t index) {
  if (index >= size_) return std::nullopt;
  const std::uint64_t bundle_index = index / tile_width_max;
  if (bundle_index_ != bundle_index) {
    auto bytes = read_tile({TileKind::entries, 0, bundle_index, tile_width(size_, 0, bundle_index)}, files_);
    if (!bytes) return std::nullopt;
    bundle_ = *std::move(bytes);
    bundle_index_ = bundle_index;
  }
  const auto entries = split_bundle(bundle_);
  return entries ? std::optional(std::string((*entries)[index % tile_width_max])) : std::nullopt;
}

std::optional<TileBuilder> TileBuilder::resume(std::uint64_t size, const TileReader& files) {
  TileBuilder builder;
  builder.size_ = size;
  for (unsigned level = 0; hashes_at(size, level) != 0; ++level) builder.edge_.emplace_back();
  for (const TileId& tile : edge_tiles(size)) {
    auto bytes = read_tile(tile, files);
    if (!bytes) return std::nullopt;
    if (tile.kind == TileKind::entries) {
      builder.bundle_ = *std::move(bytes);
    } else {
      builder.edge_[tile.level] = decode_hashes(*bytes).value();
    }
  }
  return builder;
}

Hash TileBuilder::append(std::string_view leaf, const Sink& sink) {
  append_entry(bundle_, leaf);
  ++size_;
  if (size_ % tile_width_max == 0) {
    sink({TileKind::entries, 0, size_ / tile_width_max - 1}, bundle_);
    bundle_.clear();
  }
  const Hash hash = leaf_hash(as_bytes(leaf));
  push(0, hash, sink);
  return hash;
}

void TileBuilder::push(unsigned level, const Hash& hash, const Sink& sink) {
  if (level == edge_.size()) edge_.emplace_back();
  edge_[level].push_back(hash);
  if (edge_[level].size() < tile_width_max) return;
  sink({TileKind::hashes, level, hashes_at(size_, level) / tile_width_max - 1}, encode_hashes(edge_[level]));
  const Hash parent = fold(edge_[level]);
  edge_[level].clear();
  push(level + 1, parent, sink);
}

void TileBuilder::partials(const Sink& sink) const {
  for (const TileId& tile : edge_tiles(size_)) {
    sink(tile, tile.kind == TileKind::entries ? bundle_ : encode_hashes(edge_[tile.level]));
  }
}

Hash TileBuilder::root() const {
  const auto frontier = frontier_of(size_, [this](NodeId id) -> std::optional<Hash> {
    const unsigned height = id.level % tile_height;
    const std::size_t first = (id.index << height) % tile_width_max;
    return fold(std::span(edge_[id.level / tile_height]).subspan(first, std::size_t{1} << height));
  });
  return frontier->root();
}

}  // namespace cadastre::ledger
