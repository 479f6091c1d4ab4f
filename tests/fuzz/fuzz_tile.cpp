// The readers of tiles, bundles, their paths and leaves: no input crashes them, and what they read has one spelling.
#include <string>

#include "base/invariant.h"
#include "ledger/event.h"
#include "ledger/tile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cadastre;
  using namespace cadastre::ledger;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto tile = parse_tile_path(text)) CHECK_INVARIANT(tile_path(*tile) == text);
  if (const auto hashes = decode_hashes(text)) CHECK_INVARIANT(encode_hashes(*hashes) == text);
  if (const auto entries = split_bundle(text)) {
    std::string bundle;
    for (const std::string_view entry : *entries) append_entry(bundle, entry);
    CHECK_INVARIANT(bundle == text);
    const auto width = static_cast<unsigned>(entries->size());
    CHECK_INVARIANT(front_of(TileKind::entries, width, text) == text);
    CHECK_INVARIANT(!front_of(TileKind::entries, width + 1, text));
  }
  // A log whose every file has these bytes.
  const auto files = [&](const std::string&) { return std::optional(std::string(text)); };
  for (const std::uint64_t leaves : {std::uint64_t{1}, std::uint64_t{257}, UINT64_MAX}) {
    TileTree tree(leaves, files);
    static_cast<void>(tree.root());
    static_cast<void>(tree.entry(leaves - 1));
    static_cast<void>(inclusion_proof(leaves / 2, leaves, tree.reader()));
    static_cast<void>(TileBuilder::resume(leaves, files));
  }
  if (const auto leaf = decode_leaf(text)) CHECK_INVARIANT(json::parse(text, 8).value.has_value());
  return 0;
}
