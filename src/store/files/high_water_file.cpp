#include "store/files/high_water_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>

#include "store/files/durable_file.h"

namespace cadastre {
namespace {

constexpr std::size_t file_bytes_max = 1U << 30U;
constexpr std::size_t superseded_lines_max = 64U << 10U;  // some 6 MB
constexpr unsigned mode = 0600;
constexpr std::string_view settled = "settled";

std::string line_of(const WaterMark& mark) {
  return fmt::format("{} {} {}\n", encode_hex(mark.log_id), mark.size, encode_base64(mark.root));
}

std::string settled_line_of(const WaterMark& mark) {
  return fmt::format("{} {} {}\n", encode_hex(mark.log_id), mark.size, settled);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(size) : std::nullopt;
}

struct Line {
  LogId log_id{};
  std::uint64_t size = 0;
  std::optional<Bytes<32>> root;  ///< Nothing in a `settled` line.
};

std::optional<Line> parse_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view last = line.substr(second + 1);
  const auto log_id = exactly<16>(decode_hex(line.substr(0, first)).value_or(""));
  const auto size = parse_size(line.substr(first + 1, second - first - 1));
  const auto root = exactly<32>(decode_base64(last).value_or(""));
  if (!log_id || !size || (!root && last != settled)) return std::nullopt;
  return Line{*log_id, *size, root};
}

}  // namespace

HighWaterFile::HighWaterFile(std::string_view path) : path_(files::absolute_path(path)) {
  const auto text = files::read_file(path_, file_bytes_max);
  is_missing_ = !text;
  if (!text) return;
  std::string_view rest = *text;
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    take_line(rest.substr(0, end));
  }
  is_to_be_written_anew_ = !rest.empty() || lines_ > 2 * marks_.size();
}

void HighWaterFile::take_line(std::string_view text) {
  ++lines_;
  const auto line = parse_line(text);
  if (!line)
    throw StoreFailure(
        fmt::format("{}: line {} is not a high-water mark; put back the newest copy of the file", path_, lines_));
  if (line->root) {
    marks_[line->log_id] = {line->log_id, line->size, *line->root, false};
  } else if (const auto mark = marks_.find(line->log_id); mark != marks_.end() && mark->second.size == line->size) {
    mark->second.is_settled = true;
  }
}

bool HighWaterFile::is_missing() const {
  const std::lock_guard lock(mutex_);
  return is_missing_;
}

std::size_t HighWaterFile::count() const {
  const std::lock_guard lock(mutex_);
  return marks_.size();
}

std::optional<WaterMark> HighWaterFile::find(const LogId& log) const {
  const std::lock_guard lock(mutex_);
  const auto mark = marks_.find(log);
  return mark == marks_.end() ? std::nullopt : std::optional(mark->second);
}

std::vector<WaterMark> HighWaterFile::marks() const {
  const std::lock_guard lock(mutex_);
  std::vector<WaterMark> all;
  all.reserve(marks_.size());
  for (const auto& [log, mark] : marks_) all.push_back(mark);
  return all;
}

void HighWaterFile::raise(std::span<const WaterMark> marks) {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const WaterMark& mark : marks) {
    const auto known = marks_.find(mark.log_id);
    if (known != marks_.end() &&
        (mark.size < known->second.size || (mark.size == known->second.size && mark.root != known->second.root))) {
      throw StoreFailure(fmt::format("{}: log {} was published with {} leaves and another root; {} cannot follow",
                                     path_, encode_hex(mark.log_id), known->second.size, mark.size));
    }
    lines += line_of(mark);
  }
  append(lines, marks.size(), true);
  for (const WaterMark& mark : marks) marks_[mark.log_id] = {mark.log_id, mark.size, mark.root, false};
}

void HighWaterFile::settle(std::span<const WaterMark> marks) {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const WaterMark& mark : marks) lines += settled_line_of(mark);
  append(lines, marks.size(), false);
  for (const WaterMark& mark : marks) {
    const auto known = marks_.find(mark.log_id);
    if (known != marks_.end() && known->second.size == mark.size) known->second.is_settled = true;
  }
  if (lines_ > 2 * marks_.size() + superseded_lines_max) is_to_be_written_anew_ = true;
}

void HighWaterFile::append(const std::string& lines, std::size_t count, bool durably) {
  if (is_missing_ || is_to_be_written_anew_) write_anew();
  if (count == 0) return;
  const files::Handle file(path_, O_WRONLY | O_APPEND);
  is_to_be_written_anew_ = true;  // should the disk be full in the middle of a line
  files::write_all(file, lines, path_);
  is_to_be_written_anew_ = false;
  if (durably) files::sync_data(file, path_);
  lines_ += count;
}

void HighWaterFile::write_anew() {
  std::string text;
  lines_ = 0;
  for (const auto& [log, mark] : marks_) {
    text += line_of(mark);
    if (mark.is_settled) text += settled_line_of(mark);
    lines_ += mark.is_settled ? 2 : 1;
  }
  const std::string fresh = path_ + ".new";
  files::write_file(fresh, text, mode);
  files::move_over(fresh, path_);
  is_missing_ = false;
  is_to_be_written_anew_ = false;
}

}  // namespace cadastre
