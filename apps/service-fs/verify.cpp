#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/json.h"
#include "entry.h"
#include "ledger/tlog_proof.h"
#include "verbs.h"

namespace cadastre {
namespace {

std::string file_bytes(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw StoreFailure(fmt::format("cannot read {}", path));
  return bytes;
}

/// What is wrong with the log, of all that the options ask about.
std::vector<ledger::Finding> findings_of(Source& source, const LogName& log, const Options& options) {
  auto findings = source.check(log, {.edge_only = options.edge_only, .from = options.from, .to = options.to});
  if (options.older_checkpoints.empty()) return findings;
  const auto evidence = source.evidence(log);
  const auto newest = audit_edge(evidence);
  for (const std::string& path : options.older_checkpoints) {
    auto finding = audit_older(evidence, newest, file_bytes(path));
    if (finding) findings.push_back({finding->index, fmt::format("{}: {}", path, finding->what)});
  }
  return findings;
}

void print_json(const LogName& log, const Proofs& proofs, const std::vector<ledger::Finding>& findings) {
  std::string out;
  json::Object line(out);
  std::string& list = line.key("findings");
  list += '[';
  for (const ledger::Finding& finding : findings) {
    if (list.back() == '}') list += ',';
    json::Object(list).field("index", static_cast<std::int64_t>(finding.index)).field("what", finding.what).end();
  }
  list += ']';
  line.field("holds", findings.empty()).field("log_id", encode_hex(log.log_id));
  line.field("root", encode_base64(proofs.checkpoint().root));
  line.field("size", static_cast<std::int64_t>(proofs.checkpoint().size));
  if (log.tenant.is_platform())
    line.null("tenant_id");
  else
    line.field("tenant_id", log.tenant.text());
  line.end();
  fmt::print("{}\n", out);
}

void print_row(const LogName& log, const Proofs& proofs, bool holds) {
  fmt::print("{:<8}  {:>10}  {:<44}  {}\n", holds ? "ok" : "FAILED", proofs.checkpoint().size,
             encode_base64(proofs.checkpoint().root), log.label());
}

}  // namespace

ExitCode report_failure(const LogName& log, std::uint64_t index, std::string_view what) {
  fmt::print(stderr, "service-fs: log {}, index {}: {}\n", log.label(), index, what);
  return ExitCode::verification_failed;
}

ExitCode verify_logs(Source& source, const Options& options) {
  ExitCode outcome = ExitCode::ok;
  if (options.format == Format::table) fmt::print("{:<8}  {:>10}  {:<44}  {}\n", "RESULT", "SIZE", "ROOT", "LOG");
  for (const LogName& log : chosen_logs(source, options)) {
    const auto findings = findings_of(source, log, options);
    const Proofs proofs(source, log);
    if (options.format == Format::table)
      print_row(log, proofs, findings.empty());
    else
      print_json(log, proofs, findings);
    for (const ledger::Finding& finding : findings) outcome = report_failure(log, finding.index, finding.what);
  }
  if (!options.logs.empty()) return outcome;
  for (const std::string& sentence : source.check_set()) {
    fmt::print(stderr, "service-fs: {}\n", sentence);
    outcome = ExitCode::verification_failed;
  }
  return outcome;
}

ExitCode verify_proof_file(const Options& options) {
  const auto refused = [](const Refusal& refusal) {
    fmt::print(stderr, "service-fs: {} {}\n", refusal.subject, refusal.detail);
    return ExitCode::verification_failed;
  };
  const auto key = ledger::VerifierKey::parse(options.vkey);
  if (!key) return refused(key.error());
  const auto proof = ledger::parse_proof(file_bytes(options.proof_file));
  if (!proof) return refused(proof.error());
  if (!proof->extra) return refused({Code::malformed, "proof", "does not bring its entry (an extra line)"});
  const auto checkpoint = verify_proof(*proof, *proof->extra, *key);
  if (!checkpoint) return refused(checkpoint.error());
  fmt::print("{}\n", *proof->extra);
  fmt::print(stderr, "entry {} of {} is under the signed checkpoint of size {}\n", proof->index, checkpoint->origin,
             checkpoint->size);
  return ExitCode::ok;
}

}  // namespace cadastre
