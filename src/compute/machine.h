// How big this machine is and how busy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/guest.h"

namespace cadastre {

/// Time of all processors since the machine started, in the kernel's ticks.
struct ProcessorTimes {
  std::int64_t busy = 0;
  std::int64_t total = 0;
};

/// The first line of /proc/stat (proc(5)); nothing when it is not of that form. Time stolen by a hypervisor is busy,
/// waiting for a disk is not.
std::optional<ProcessorTimes> parse_processor_times(std::string_view stat);
/// A member of /proc/meminfo, such as `MemTotal`; nothing when it is missing.
std::optional<Mebibytes> parse_meminfo(std::string_view meminfo, std::string_view member);
/// Of all processors together between the two, 0 to 100; 0 when no time has passed.
std::int64_t load_pct(const ProcessorTimes& before, const ProcessorTimes& now);

/// Reads the machine's state. Used by one thread at a time.
class Machine {
 public:
  /// `folder` lies on the file system that is measured. Throws std::runtime_error when the kernel's files are not as
  /// they are documented.
  NodeCapacity capacity(const std::string& folder);

 private:
  ProcessorTimes before_;
};

}  // namespace cadastre
