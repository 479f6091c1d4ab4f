#include "base/process.h"

#include <sys/resource.h>

#include "base/log.h"

namespace cadastre {
namespace {

log::Level level_of(std::string_view name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

}  // namespace

void forbid_core_dumps() {
  // Linux takes a limit of 1 for both; 0 stops only the file, not a handler that core_pattern pipes to (fs/coredump.c).
  const rlimit limit{.rlim_cur = 1, .rlim_max = 1};
  ::setrlimit(RLIMIT_CORE, &limit);  // lowering is always allowed
}

void configure_log(std::string_view format, std::string_view level) {
  log::configure(format == "json" ? log::Format::json : log::Format::text, level_of(level));
}

}  // namespace cadastre
