#include "store/moving/published_rows.h"

#include <fmt/format.h>

namespace cadastre::moving {
namespace {

constexpr std::size_t logs_per_page = 256;
constexpr std::size_t columns = 5;
constexpr std::string_view shown_path = "checkpoint";

}  // namespace

bool PublishedRows::next_log() {
  if (log_ == logs_.size()) {
    const auto after = logs_.empty() ? std::nullopt : std::optional(logs_.back().tenant);
    logs_ = reader_->logs(after, logs_per_page);
    log_ = 0;
  }
  if (logs_.empty()) return false;
  const LogState& log = logs_[log_++];
  paths_ = files_.paths(log.tenant, log.head.log_id);
  path_ = 0;
  return true;
}

bool PublishedRows::next() {
  while (path_ == paths_.size()) {
    if (!next_log()) return false;
  }
  const LogState& log = logs_[log_ - 1];
  const std::string& path = paths_[path_++];
  const auto bytes = files_.read(log.tenant, log.head.log_id, path);
  if (!bytes) throw StoreFailure(fmt::format("the published file {} went away while it was read", path));
  writer_.begin(columns);
  writer_.add(std::string_view(log.tenant.text()));
  writer_.add(as_text(log.head.log_id));
  writer_.add(std::string_view(path));
  writer_.add(std::string_view(*bytes));
  if (path == shown_path)
    writer_.add(first_showing);
  else
    writer_.add_null();
  return true;
}

}  // namespace cadastre::moving
