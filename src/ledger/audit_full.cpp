// The audit that recomputes everything a log's leaves give.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "ledger/audit.h"
#include "ledger/audit_checks.h"

namespace cadastre::ledger {
namespace {

/// The leaf at which two forms of one file first differ.
std::uint64_t first_difference(const TileId& tile, std::string_view wanted, std::string_view found) {
  const auto [at, other] = std::ranges::mismatch(wanted, found);
  const auto offset = static_cast<std::size_t>(at - wanted.begin());
  unsigned whole = 0;  // hashes or entries before the difference
  if (tile.kind == TileKind::hashes) {
    whole = static_cast<unsigned>(offset / sizeof(Hash));
  } else {
    for (auto front = front_of(tile.kind, 1, wanted); front && front->size() <= offset;
         front = front_of(tile.kind, whole + 1, wanted)) {
      ++whole;
    }
  }
  return (tile.index * tile_width_max + whole) << (tile.level * tile_height);
}

std::uint64_t first_leaf(const TileId& tile) { return (tile.index * tile_width_max) << (tile.level * tile_height); }

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || std::to_string(number) != text) return std::nullopt;
  return number;
}

class FullAudit {
 public:
  explicit FullAudit(const LogEvidence& log) : log_(log), findings_(result_) {}

  AuditResult run() {
    compare_all();
    if (wrong_root_) findings_.add(wrong_root_->index, wrong_root_->what);
    return std::move(result_);
  }

 private:
  void compare_all() {
    signed_ = check_checkpoints(log_, result_);
    check_head(log_, result_);
    open_history();
    std::ranges::sort(signed_, {}, &Checkpoint::size);
    check_signed_roots();
    for_each_leaf(log_, 0, log_.head, result_, [this](const StoredLeaf& leaf) { take(leaf); });
    if (builder_.size() < log_.head) return;  // nothing after the missing leaf can be compared
    builder_.partials([this](const TileId& tile, std::string_view bytes) { check_last(tile, bytes); });
    check_names();
  }

  void take(const StoredLeaf& leaf) {
    check_leaf(log_, leaf, result_);
    if (leaf.ts < last_ts_) findings_.add(leaf.seq, "its ts is before that of the leaf before it");
    last_ts_ = leaf.ts;
    // After a leaf that no bundle can hold, nothing can be compared.
    if (leaf.bytes.size() > entry_bytes_max || builder_.size() != leaf.seq) return;
    const Hash hash = builder_.append(
        leaf.bytes, [this](const TileId& tile, std::string_view bytes) { check_complete(tile, bytes); });
    frontier_.append(hash);
    check_signed_roots();
  }

  /// Opens `history/<size>`, each a checkpoint of that size.
  void open_history() {
    for (const std::string& name : log_.list("history")) {
      const auto size = parse_decimal(name);
      if (!size) {
        findings_.add(0, fmt::format("history/{} is not named after a size", name));
        continue;
      }
      const auto note = log_.files("history/" + name);
      auto checkpoint = note ? open_past_checkpoint(log_, *note) : refuse(Code::not_found, "", "is missing");
      if (!checkpoint || checkpoint->size != *size) {
        findings_.add(*size,
                      fmt::format("history/{} {}", name, checkpoint ? "has another size" : checkpoint.error().detail));
      } else if (*size <= result_.size) {
        signed_.push_back(*std::move(checkpoint));
      } else if (*size > log_.head_now()) {  // else it was published during the audit
        findings_.add(result_.size, fmt::format("history/{} is newer than the newest checkpoint", name));
      }
    }
  }

  /// Compares the roots of all checkpoints of the present size.
  void check_signed_roots() {
    for (; next_signed_ < signed_.size() && signed_[next_signed_].size == frontier_.size(); ++next_signed_) {
      const Hash root = frontier_.root();
      if (root == signed_[next_signed_].root || wrong_root_) continue;
      const std::uint64_t size = frontier_.size();
      wrong_root_ = Finding{size == 0 ? 0 : size - 1,
                            differs(fmt::format("the leaves' root at size {} is not the signed one", size),
                                    signed_[next_signed_].root, root)};
    }
  }

  unsigned published_width(const TileId& tile) const { return tile_width(result_.size, tile.level, tile.index); }

  /// Compares one published file with what the leaves give; false when it is not there.
  bool compare(const TileId& tile, std::string_view wanted) {
    const auto found = log_.files(tile_path(tile));
    if (found && *found != wanted) {
      findings_.add(first_difference(tile, wanted, *found),
                    fmt::format("{} is not what the leaves give", tile_path(tile)));
    }
    return found.has_value();
  }

  /// A file that the leaves fill: its full form and whatever partial forms are left.
  void check_complete(const TileId& tile, std::string_view bytes) {
    const bool full = compare(tile, bytes);
    check_partials(tile, bytes);
    if (!full && published_width(tile) == tile_width_max)
      findings_.add(first_leaf(tile), tile_path(tile) + " is missing");
    if (!full) check_published_partial(tile);
  }

  /// The last file of a row, which the leaves do not fill.
  void check_last(const TileId& tile, std::string_view bytes) {
    const TileId full{tile.kind, tile.level, tile.index};
    check_partials(tile, bytes);
    if (!log_.files(tile_path(full))) {
      check_published_partial(tile);
    } else if (tile_width(log_.head_now(), tile.level, tile.index) < tile_width_max) {
      findings_.add(first_leaf(tile), tile_path(full) + " holds more than the store");
    }
  }

  /// That the partial form which the newest checkpoint needs is there.
  void check_published_partial(const TileId& tile) {
    const unsigned width = published_width(tile);
    if (width == 0 || width == tile_width_max) return;
    const TileId partial{tile.kind, tile.level, tile.index, width};
    if (!read_tile(partial, log_.files))
      findings_.add(first_leaf(tile), tile_path(partial) + " is missing or malformed");
  }

  /// Compares every partial form that is there with the front of what the leaves give.
  void check_partials(const TileId& tile, std::string_view bytes) {
    for (const std::string& name : log_.list(partial_folder(tile))) {
      const std::string path = partial_folder(tile) + '/' + name;
      const auto partial = parse_tile_path(path);
      const auto wanted = partial ? front_of(tile.kind, partial->width, bytes) : std::nullopt;
      if (wanted) {
        compare(*partial, *wanted);
      } else if (!partial || tile_width(log_.head_now(), tile.level, tile.index) < partial->width) {
        findings_.add(first_leaf(tile), path + " holds more than the store, or is no tile");
      }
    }
  }

  /// That the folders hold no full tile beyond the store's leaves.
  void check_names() {
    std::set<std::string> folders = {"tile/0", "tile/entries"};
    for (const TileId& tile : tiles_of(log_.head)) {
      const std::string path = tile_path({tile.kind, tile.level, tile.index});
      folders.insert(path.substr(0, path.rfind('/')));
    }
    for (const std::string& folder : folders) {
      for (const std::string& name : log_.list(folder)) check_name(folder + '/' + name);
    }
  }

  void check_name(const std::string& path) {
    const auto tile = parse_tile_path(path);
    if (tile && tile_width(log_.head, tile->level, tile->index) == tile_width_max) return;
    if (tile && tile_width(log_.head_now(), tile->level, tile->index) == tile_width_max) return;
    // The full form of the last file of a row was named already.
    if (tile && tile_width(log_.head, tile->level, tile->index) != 0) return;
    findings_.add(tile ? first_leaf(*tile) : result_.size, path + " holds more than the store, or is no tile");
  }

  const LogEvidence& log_;
  AuditResult result_;
  Findings findings_;
  std::vector<Checkpoint> signed_;  ///< By size, those still to be compared from `next_signed_` on.
  std::size_t next_signed_ = 0;
  std::optional<Finding> wrong_root_;  ///< The first; it comes last, since a file names the leaf better.
  TileBuilder builder_;
  Frontier frontier_;
  Instant last_ts_;
};

}  // namespace

AuditResult audit_full(const LogEvidence& log) { return FullAudit(log).run(); }

}  // namespace cadastre::ledger
