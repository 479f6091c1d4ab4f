#include "service/checkpoint_follower.h"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "ledger/checkpoint.h"

namespace cadastre {
namespace {

constexpr std::size_t checkpoints_per_page = 256;

using Taken = std::expected<std::optional<WaterMark>, LogFinding>;

std::unexpected<LogFinding> found(const ShownCheckpoint& shown, std::uint64_t size, std::string what) {
  return std::unexpected(LogFinding{shown.tenant, shown.log_id, size == 0 ? 0 : size - 1, std::move(what)});
}

bool is_known(const std::optional<WaterMark>& mark, const ledger::Checkpoint& checkpoint) {
  return mark && mark->is_settled && mark->size == checkpoint.size && mark->root == checkpoint.root;
}

Result<ledger::Checkpoint> without_signature(std::string_view note) {
  return ledger::parse_checkpoint(note.substr(0, note.find("\n\n") + 1));
}

/// The mark to raise; nothing when it stands there already.
Taken take(const ShownCheckpoint& shown, const std::optional<WaterMark>& mark, Reader& reader,
           const Bytes<32>& master_seed) {
  const auto claimed = without_signature(shown.note);
  if (claimed && is_known(mark, *claimed)) return std::nullopt;
  const std::uint64_t size_before = mark ? mark->size : 0;
  const auto tenant = reader.tenant(shown.tenant);
  if (!tenant || tenant->log_id != shown.log_id)
    return found(shown, size_before, "a log lies published that nobody has");
  const auto key = key_of_log(master_seed, shown.tenant, tenant->vkey);
  if (!key) return found(shown, size_before, "the log's key is not of this deployment");
  const auto checkpoint = ledger::open_checkpoint(shown.note, key->verifier);
  if (!checkpoint) return found(shown, size_before, "the published checkpoint is not signed by the log's key");
  // An unsettled mark is of a publication that this process began and that was cut off: who publishes now ends it.
  if (mark && !mark->is_settled && checkpoint->size < mark->size) return std::nullopt;
  if (checkpoint->size < size_before) {
    return found(shown, checkpoint->size,
                 fmt::format("the published checkpoint is of {} leaves, {} were published before", checkpoint->size,
                             size_before));
  }
  if (mark && checkpoint->size == mark->size && checkpoint->root != mark->root) {
    return found(shown, mark->size, "the published checkpoint has another root than the one before of the same size");
  }
  return WaterMark{.log_id = shown.log_id, .size = checkpoint->size, .root = checkpoint->root};
}

}  // namespace

Followed follow_checkpoints(PublisherLease& lease, Reader& reader, HighWater& marks, const Bytes<32>& master_seed) {
  Followed followed;
  for (auto page = lease.shown(checkpoints_per_page); !page.empty(); page = lease.shown(checkpoints_per_page)) {
    std::vector<WaterMark> raised;
    for (const ShownCheckpoint& shown : page) {
      const auto mark = marks.find(shown.log_id);
      auto taken = take(shown, mark, reader, master_seed);
      if (!taken) {
        followed.findings.push_back(std::move(taken).error());
      } else if (*taken) {
        raised.push_back(**taken);
        if (mark) followed.grown.push_back({shown.tenant, shown.log_id, mark->size, (*taken)->size});
      }
    }
    if (raised.empty()) continue;
    marks.raise(raised);
    marks.settle(raised);
  }
  return followed;
}

}  // namespace cadastre
