// What every program of ours does before anything else.
#pragma once

#include <string_view>

namespace cadastre {

/// Sees to it that neither a core file nor a crash handler gets this process's memory, in which keys and tokens are
/// (DESIGN.md section 2, law 6).
void forbid_core_dumps();

/// Logs from now on as the settings `log_format` (`json`, or else text) and `log_level` (`debug`, `warning`, `error`,
/// or else info) say.
void configure_log(std::string_view format, std::string_view level);

}  // namespace cadastre
