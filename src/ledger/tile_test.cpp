#include "ledger/tile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cadastre::ledger {
namespace {

using Files = std::map<std::string, std::string>;

TileReader reader_of(const Files& files) {
  return [&files](const std::string& path) {
    const auto file = files.find(path);
    return file == files.end() ? std::nullopt : std::optional(file->second);
  };
}

TileBuilder::Sink sink_into(Files& files) {
  return [&files](const TileId& tile, std::string_view bytes) {
    const auto [file, fresh] = files.emplace(tile_path(tile), bytes);
    CHECK(file->second == bytes);
  };
}

std::string leaf(std::uint64_t index) { return "entry number " + std::to_string(index); }

std::set<std::string> names(const std::vector<TileId>& tiles) {
  std::set<std::string> paths;
  for (const TileId& tile : tiles) paths.insert(tile_path(tile));
  CHECK(paths.size() == tiles.size());
  return paths;
}

std::set<std::string> names(const Files& files) {
  std::set<std::string> paths;
  for (const auto& [path, bytes] : files) paths.insert(path);
  return paths;
}

}  // namespace

TEST_CASE("a tile's path has one spelling, and it is read back") {
  struct Row {
    TileId tile;
    std::string_view path;
  };
  const Row rows[] = {
      {{TileKind::hashes, 0, 0, 256}, "tile/0/000"},
      {{TileKind::hashes, 0, 1234067, 256}, "tile/0/x001/x234/067"},
      {{TileKind::hashes, 2, 999, 1}, "tile/2/999.p/1"},
      {{TileKind::hashes, 63, 1000, 255}, "tile/63/x001/000.p/255"},
      {{TileKind::entries, 0, 42, 256}, "tile/entries/042"},
      {{TileKind::entries, 0, 1000000, 17}, "tile/entries/x001/x000/000.p/17"},
      {{TileKind::hashes, 0, UINT64_MAX, 256}, "tile/0/x018/x446/x744/x073/x709/x551/615"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CHECK(tile_path(row.tile) == row.path);
    CHECK(parse_tile_path(row.path) == row.tile);
  }
  CHECK(partial_folder({TileKind::hashes, 0, 1067, 3}) == "tile/0/x001/067.p");
}

TEST_CASE("any other path names no tile") {
  const char* const paths[] = {"",
                               "tile",
                               "tile/",
                               "tile/0",
                               "tile/0/",
                               "tile/0/0",
                               "tile/0/00",
                               "tile/0/0000",
                               "tile/00/000",
                               "tile/64/000",
                               "tile/-1/000",
                               "tile/+1/000",
                               "tile/a/000",
                               "tile/entries",
                               "tile/entries/x000",
                               "tile/entries/x000/000",
                               "tile/data/000",
                               "/tile/0/000",
                               "tile/0/000/",
                               "tile/0/001/234",
                               "tile/0/x001/x234",
                               "tile/0/X001/234",
                               "tile/0/000.p",
                               "tile/0/000.p/",
                               "tile/0/000.p/0",
                               "tile/0/000.p/01",
                               "tile/0/000.p/256",
                               "tile/0/000.p/1/",
                               "tile/0/000.p/1 ",
                               "tile/0/..",
                               "tile/0/x018/x446/x744/x073/x709/x551/616",
                               "tile/0/x999/x999/x999/x999/x999/x999/x999/999"};
  for (const char* path : paths) {
    CAPTURE(path);
    CHECK_FALSE(parse_tile_path(path));
  }
}

TEST_CASE("a tree has exactly the tiles of the specification's example") {
  const auto tiles = tiles_of(70000);
  const auto count = [&](TileKind kind, unsigned level, bool full) {
    return std::ranges::count_if(
        tiles, [&](const TileId& tile) { return tile.kind == kind && tile.level == level && tile.is_full() == full; });
  };
  CHECK(count(TileKind::hashes, 0, true) == 273);
  CHECK(count(TileKind::hashes, 1, true) == 1);
  CHECK(count(TileKind::entries, 0, true) == 273);
  CHECK(names(edge_tiles(70000)) ==
        std::set<std::string>{"tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"});
  CHECK(names(tiles_of(256)) == std::set<std::string>{"tile/entries/000", "tile/0/000", "tile/1/000.p/1"});
  CHECK(tiles_of(0).empty());
  CHECK(tile_width(70000, 0, 272) == 256);
  CHECK(tile_width(70000, 0, 273) == 112);
  CHECK(tile_width(70000, 0, 274) == 0);
  CHECK(tile_width(256, 0, 1) == 0);
  CHECK(tile_width(70000, 9, 0) == 0);
}

TEST_CASE("growth creates what the larger tree has and the smaller has not") {
  const std::uint64_t sizes[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 70000};
  for (const std::uint64_t from : sizes) {
    for (const std::uint64_t to : sizes) {
      if (to < from) continue;
      CAPTURE(from);
      CAPTURE(to);
      auto expected = names(tiles_of(to));
      for (const auto& path : names(tiles_of(from))) expected.erase(path);
      CHECK(names(tiles_created(from, to)) == expected);
      for (const TileId& tile : tiles_replaced(from, to)) {
        CHECK_FALSE(tile.is_full());
        CHECK(tile_width(to, tile.level, tile.index) == tile_width_max);
      }
    }
  }
  CHECK(names(tiles_replaced(5, 300)) == std::set<std::string>{"tile/entries/000.p/5", "tile/0/000.p/5"});
  CHECK(tiles_replaced(5, 9).empty());
}

TEST_CASE("the builder makes every file of every size, in any steps, and the tree is read back out of them") {
  constexpr std::uint64_t last = 66000;
  TileBuilder builder;
  Frontier frontier;
  Files files;
  std::vector<Hash> leaves;
  std::uint64_t published = 0;
  for (const std::uint64_t size :
       {0UL, 1UL, 2UL, 3UL, 255UL, 256UL, 257UL, 600UL, 65535UL, 65536UL, 65537UL, 65600UL, 66000UL}) {
    for (; published < size; ++published) {
      leaves.push_back(builder.append(leaf(published), sink_into(files)));
      frontier.append(leaves.back());
    }
    builder.partials(sink_into(files));
    CAPTURE(size);
    CHECK(builder.root() == frontier.root());
    CHECK(TileTree(size, reader_of(files)).root() == frontier.root());
    for (const auto& path : names(tiles_of(size))) CHECK(files.contains(path));
    auto resumed = TileBuilder::resume(size, reader_of(files));
    REQUIRE(resumed);
    CHECK(resumed->root() == frontier.root());
    builder = *std::move(resumed);
  }
  TileTree tree(last, reader_of(files));
  for (const std::uint64_t index : {0UL, 1UL, 255UL, 256UL, 65535UL, 65536UL, last - 1}) {
    CAPTURE(index);
    const auto proof = inclusion_proof(index, last, tree.reader());
    REQUIRE(proof);
    CHECK(verify_inclusion(leaves[index], index, last, *proof, frontier.root()));
    CHECK(tree.entry(index) == leaf(index));
  }
  CHECK_FALSE(tree.entry(last));
  CHECK_FALSE(tree.node({0, last}));
  CHECK_FALSE(tree.node({64, 0}));
  CHECK(tree.node({16, 0}).has_value());
  CHECK_FALSE(tree.node({17, 0}));
}

TEST_CASE("a builder that publishes only the last size makes exactly its files") {
  Files files;
  TileBuilder builder;
  for (std::uint64_t i = 0; i < 700; ++i) builder.append(leaf(i), sink_into(files));
  builder.partials(sink_into(files));
  CHECK(names(files) == names(tiles_of(700)));
}

TEST_CASE("a partial file that is gone is read from the full one; a damaged one is not read at all") {
  Files files;
  TileBuilder builder;
  for (std::uint64_t i = 0; i < 256; ++i) builder.append(leaf(i), sink_into(files));
  builder.partials(sink_into(files));
  Frontier frontier;
  for (std::uint64_t i = 0; i < 5; ++i) frontier.append(leaf_hash(as_bytes(leaf(i))));
  CHECK(TileTree(5, reader_of(files)).root() == frontier.root());
  CHECK(TileTree(5, reader_of(files)).entry(4) == leaf(4));
  CHECK(TileBuilder::resume(5, reader_of(files)).value().root() == frontier.root());

  for (const std::string path : {"tile/0/000", "tile/entries/000"}) {
    CAPTURE(path);
    for (const std::string& damaged : {files[path] + 'x', files[path].substr(1), std::string()}) {
      Files others = files;
      others[path] = damaged;
      CHECK_FALSE(TileBuilder::resume(5, reader_of(others)));
    }
    Files others = files;
    others.erase(path);
    CHECK_FALSE(TileBuilder::resume(5, reader_of(others)));
  }
}

TEST_CASE("bundles and tiles are read back exactly, and nothing else is read") {
  std::string bundle;
  append_entry(bundle, "");
  append_entry(bundle, "a");
  append_entry(bundle, std::string(65535, 'z'));
  const auto entries = split_bundle(bundle);
  REQUIRE(entries);
  CHECK(entries->size() == 3);
  CHECK((*entries)[1] == "a");
  CHECK((*entries)[2].size() == 65535);
  CHECK_FALSE(split_bundle(""));
  CHECK_FALSE(split_bundle(bundle.substr(0, bundle.size() - 1)));
  CHECK_FALSE(split_bundle(bundle + '\0'));
  CHECK_FALSE(split_bundle(std::string(257 * 2, '\0')));
  CHECK(split_bundle(std::string(256 * 2, '\0')).has_value());

  const std::vector<Hash> hashes = {leaf_hash({}), empty_root()};
  CHECK(decode_hashes(encode_hashes(hashes)) == hashes);
  CHECK_FALSE(decode_hashes(""));
  CHECK_FALSE(decode_hashes(std::string(31, 'a')));
  CHECK_FALSE(decode_hashes(std::string(33, 'a')));
  CHECK_FALSE(decode_hashes(std::string(257 * 32, 'a')));
  CHECK(decode_hashes(std::string(256 * 32, 'a')).has_value());
}

}  // namespace cadastre::ledger
