// What service-fs does, one function a verb. Each prints its answer and gives the exit code.
#pragma once

#include "options.h"
#include "source.h"

namespace cadastre {

ExitCode read_entries(Source& source, const Options& options);
ExitCode verify_logs(Source& source, const Options& options);
/// Needs no source: a proof file brings its checkpoint.
ExitCode verify_proof_file(const Options& options);
ExitCode prove_entry(Source& source, const Options& options);
ExitCode print_checkpoint(Source& source, const Options& options);
ExitCode print_vkeys(Source& source, const Options& options);
ExitCode export_log(Source& source, const Options& options);
ExitCode tail_log(Source& source, const Options& options);

/// Says on standard error what is wrong with one log, and gives the exit code for it.
ExitCode report_failure(const LogName& log, std::uint64_t index, std::string_view what);

}  // namespace cadastre
