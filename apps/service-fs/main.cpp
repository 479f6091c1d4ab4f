// service-fs: the ledger's tool (LEDGER.md section 5).
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "options.h"
#include "source.h"
#include "verbs.h"

namespace cadastre {

std::vector<LogName> chosen_logs(Source& source, const Options& options) {
  std::vector<LogName> logs;
  if (options.logs.empty()) logs = source.logs();
  for (const std::string& name : options.logs) logs.push_back(source.log(name));
  if (!options.vkey.empty() && logs.size() == 1) logs.front().vkey = options.vkey;
  return logs;
}

ledger::AuditResult audit_range(const ledger::LogEvidence& evidence, const Extent& extent) {
  const std::uint64_t last = extent.to.value_or(UINT64_MAX);
  return audit_range(evidence, extent.from.value_or(0), last == UINT64_MAX ? last : last + 1);
}

namespace {

ExitCode run(const Options& options) {
  if (!options.proof_file.empty()) return verify_proof_file(options);
  const auto source = options.url.empty() ? open_local_source(options) : open_remote_source(options);
  switch (options.verb) {
    case Verb::read: return read_entries(*source, options);
    case Verb::verify: return verify_logs(*source, options);
    case Verb::prove: return prove_entry(*source, options);
    case Verb::checkpoint: return print_checkpoint(*source, options);
    case Verb::vkey: return print_vkeys(*source, options);
    case Verb::export_log: return export_log(*source, options);
    case Verb::tail: return tail_log(*source, options);
  }
  return ExitCode::usage;
}

ExitCode run_reporting(const Options& options) {
  try {
    return run(options);
  } catch (const NoMatch& reason) {
    fmt::print(stderr, "service-fs: {}\n", reason.what());
    return ExitCode::no_match;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "service-fs: {}\n", failure.what());
    return ExitCode::input_output;
  }
}

}  // namespace
}  // namespace cadastre

int main(int argc, char** argv) {
  cadastre::Options options;
  const auto answer = cadastre::parse_options(argc, argv, options);
  return static_cast<int>(answer ? *answer : cadastre::run_reporting(options));
}
