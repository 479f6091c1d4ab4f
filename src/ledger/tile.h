// Tiles and entry bundles of a log (c2sp.org/tlog-tiles): their names, their bytes, and the tree read out of them.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/merkle.h"

namespace cadastre::ledger {

constexpr unsigned tile_height = 8;                     ///< Levels of the tree that one tile spans.
constexpr unsigned tile_width_max = 1U << tile_height;  ///< Hashes of a full tile, entries of a full bundle.
constexpr std::size_t entry_bytes_max = 0xFFFF;         ///< A bundle's length prefix has 16 bits.

enum class TileKind {
  hashes,   ///< `tile/<L>/<N>`: Merkle hashes.
  entries,  ///< `tile/entries/<N>`: the leaves themselves.
};

/// Names one file. `width` below 256 makes it a partial one (`.p/<W>`).
struct TileId {
  TileKind kind = TileKind::hashes;
  unsigned level = 0;  ///< 0 for entries.
  std::uint64_t index = 0;
  unsigned width = tile_width_max;
  bool is_full() const { return width == tile_width_max; }
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

/// `tile/0/x001/x234/067.p/5`, relative to the log's prefix.
std::string tile_path(const TileId& tile);
/// The folder of all partial forms of this tile, `tile/0/x001/x234/067.p`.
std::string partial_folder(const TileId& tile);
/// The one spelling that `tile_path` gives, levels 0 to 63; nothing on anything else.
std::optional<TileId> parse_tile_path(std::string_view path);

/// How many hashes or entries the file of that kind, level and index has in a tree of `size` leaves: 0 to 256.
unsigned tile_width(std::uint64_t size, unsigned level, std::uint64_t index);
/// Every file of a tree of `size` leaves, the full ones and the partial one of each level, bundles first.
std::vector<TileId> tiles_of(std::uint64_t size);
/// The files of a tree of `size` leaves that the same tree at `old_size` does not have.
std::vector<TileId> tiles_created(std::uint64_t old_size, std::uint64_t size);
/// The partial files of `old_size` for which the tree of `size` leaves has the full one.
std::vector<TileId> tiles_replaced(std::uint64_t old_size, std::uint64_t size);
/// The partial files of a tree of `size` leaves: its right edge.
std::vector<TileId> edge_tiles(std::uint64_t size);

std::string encode_hashes(std::span<const Hash> hashes);
/// Nothing unless `bytes` are 1 to 256 whole hashes.
std::optional<std::vector<Hash>> decode_hashes(std::string_view bytes);

/// Appends one entry to a bundle: its length in two bytes, big-endian, then its bytes. Requires at most 65,535 bytes.
void append_entry(std::string& bundle, std::string_view entry);
/// The entries, as views into `bundle`; nothing unless they are 1 to 256 and fill it exactly.
std::optional<std::vector<std::string_view>> split_bundle(std::string_view bundle);

/// The first `width` hashes or entries of a file's bytes; nothing when there are fewer.
std::optional<std::string_view> front_of(TileKind kind, unsigned width, std::string_view bytes);

/// Gives the bytes at a path relative to the log's prefix, or nothing when there are none.
using TileReader = std::function<std::optional<std::string>(const std::string& path)>;

/// The file, or when its partial form is gone, as much of the full one as the partial had. Nothing when neither is
/// there or what is there does not have exactly the right number of hashes or entries.
std::optional<std::string> read_tile(const TileId& tile, const TileReader& files);

/// The hashes of a tree of `size` leaves, read out of its tiles. Keeps tiles it has read, a bounded number; not for
/// several threads.
class TileTree {
 public:
  TileTree(std::uint64_t size, TileReader files) : size_(size), files_(std::move(files)) {}
  std::uint64_t size() const { return size_; }
  /// Nothing when the subtree is not complete within `size`, or its tile is missing or malformed.
  std::optional<Hash> node(NodeId id);
  /// This tree as a function, valid as long as this object.
  HashReader reader() {
    return [this](NodeId id) { return node(id); };
  }
  /// The root, from the tiles of the right edge alone; nothing when one is missing or malformed.
  std::optional<Hash> root() { return root_of(size_, reader()); }
  /// The entry at `index` from its bundle; nothing when that is missing or malformed.
  std::optional<std::string> entry(std::uint64_t index);

 private:
  const std::vector<Hash>* hashes(unsigned level, std::uint64_t index);

  std::uint64_t size_;
  TileReader files_;
  std::map<std::pair<unsigned, std::uint64_t>, std::vector<Hash>> tiles_;
  std::optional<std::uint64_t> bundle_index_;
  std::string bundle_;
};

/// Makes a log's files from its leaves, in order, holding only the right edge in memory.
class TileBuilder {
 public:
  /// Takes each file that is made; the bytes are valid during the call only.
  using Sink = std::function<void(const TileId& tile, std::string_view bytes)>;

  /// Starts with no leaf.
  TileBuilder() = default;
  /// Goes on from the right edge of a tree of `size` leaves; nothing when a file of it is missing or malformed.
  static std::optional<TileBuilder> resume(std::uint64_t size, const TileReader& files);

  /// Adds one leaf and gives the full files that it completes to `sink`. Returns the leaf's hash.
  /// Requires at most 65,535 bytes.
  Hash append(std::string_view leaf, const Sink& sink);
  /// Gives the partial files of the present size to `sink`.
  void partials(const Sink& sink) const;
  std::uint64_t size() const { return size_; }
  Hash root() const;

 private:
  void push(unsigned level, const Hash& hash, const Sink& sink);

  std::uint64_t size_ = 0;
  std::string bundle_;                   ///< The entries after the last full bundle.
  std::vector<std::vector<Hash>> edge_;  ///< By level: the hashes after the last full tile.
};

}  // namespace cadastre::ledger
