// The high-water marks in a file of their own (LEDGER.md section 4).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "service/ports.h"

namespace cadastre {

/// Lines `<log_id in hex> <size> <root in base64>`, appended; the last of a log counts, and `<log_id> <size> settled`
/// after it. A last line without its end was cut off by a power failure and counts as not written. The file is written
/// anew, without what is superseded, at the first writing and when much of it is. It must not be part of the database's
/// backups.
class HighWaterFile final : public HighWater {
 public:
  /// Reads the file; does not create it. Throws StoreFailure naming the line that makes no sense.
  explicit HighWaterFile(std::string_view path);
  bool is_missing() const override;
  std::size_t count() const override;
  std::optional<WaterMark> find(const LogId& log) const override;
  std::vector<WaterMark> marks() const override;
  void raise(std::span<const WaterMark> marks) override;
  void settle(std::span<const WaterMark> marks) override;

 private:
  void take_line(std::string_view line);
  void append(const std::string& lines, std::size_t count, bool durably);
  void write_anew();

  const std::string path_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<LogId, WaterMark> marks_;
  std::size_t lines_ = 0;  // in the file
  bool is_missing_ = true;
  bool is_to_be_written_anew_ = false;  // at the next writing: reading changes nothing
};

}  // namespace cadastre
