#include "compute/machine.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "base/threads.h"

namespace cadastre {
namespace {

constexpr std::uintmax_t gigabyte = 1'000'000'000;

std::string content_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The numbers at the text's start, with blanks between.
std::vector<std::int64_t> leading_numbers(std::string_view text) {
  std::vector<std::int64_t> numbers;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return numbers;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

template <class T>
T known(std::optional<T> value, const char* path) {
  if (!value) throw std::runtime_error(fmt::format("{} is not as proc(5) says.", path));
  return *value;
}

}  // namespace

std::optional<ProcessorTimes> parse_processor_times(std::string_view stat) {
  if (!stat.starts_with("cpu ")) return std::nullopt;
  const auto times = leading_numbers(stat.substr(4));  // user nice system idle iowait irq softirq steal …
  if (times.size() < 8) return std::nullopt;
  const std::int64_t busy = times[0] + times[1] + times[2] + times[5] + times[6] + times[7];
  return ProcessorTimes{busy, busy + times[3] + times[4]};
}

std::optional<Mebibytes> parse_meminfo(std::string_view meminfo, std::string_view member) {
  const std::string label = std::string(member) + ':';
  const auto at = meminfo.starts_with(label) ? 0 : meminfo.find('\n' + label);
  if (at == std::string_view::npos) return std::nullopt;
  const auto numbers = leading_numbers(meminfo.substr(at + label.size() + (at == 0 ? 0 : 1)));
  if (numbers.empty()) return std::nullopt;
  return Mebibytes{numbers[0] / 1024};
}

std::int64_t load_pct(const ProcessorTimes& before, const ProcessorTimes& now) {
  const auto total = now.total - before.total;
  return total <= 0 ? 0 : std::clamp<std::int64_t>((now.busy - before.busy) * 100 / total, 0, 100);
}

NodeCapacity Machine::capacity(const std::string& folder) {
  const auto now = known(parse_processor_times(content_of("/proc/stat")), "/proc/stat");
  const auto memory = content_of("/proc/meminfo");
  const auto total = known(parse_meminfo(memory, "MemTotal"), "/proc/meminfo");
  const auto available = known(parse_meminfo(memory, "MemAvailable"), "/proc/meminfo");
  const auto space = std::filesystem::space(folder);
  const auto load = load_pct(before_, now);
  before_ = now;
  return {.ram_total = total,
          .ram_used = total - available,
          .cores = VcpuCount{static_cast<std::int64_t>(core_count())},
          .load_pct = load,
          .disk_total = Gigabytes{static_cast<std::int64_t>(space.capacity / gigabyte)},
          .disk_used = Gigabytes{static_cast<std::int64_t>((space.capacity - space.available) / gigabyte)}};
}

}  // namespace cadastre
