#include "ledger/tlog_proof.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace cadastre::ledger {
namespace {

constexpr std::string_view header = "c2sp.org/tlog-proof@v1";
constexpr std::string_view extra_prefix = "extra ";
constexpr std::string_view index_prefix = "index ";
constexpr std::size_t hashes_max = 64;  // the height of a tree of 2^64 leaves

std::unexpected<Refusal> refused(const char* rule) { return refuse(Code::malformed, "proof", rule); }

/// The text up to the next newline, which is taken off too; nothing when there is none.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> parse_index(std::string_view line) {
  if (!line.starts_with(index_prefix)) return std::nullopt;
  line.remove_prefix(index_prefix.size());
  std::uint64_t index = 0;
  const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), index);
  const bool whole = fault == std::errc() && end == line.data() + line.size();
  if (!whole || (line.size() > 1 && line.front() == '0')) return std::nullopt;
  return index;
}

}  // namespace

std::string encode_proof(const TlogProof& proof) {
  std::string text = fmt::format("{}\n", header);
  if (proof.extra) text += fmt::format("{}{}\n", extra_prefix, encode_base64(as_bytes(*proof.extra)));
  text += fmt::format("{}{}\n", index_prefix, proof.index);
  for (const Hash& hash : proof.hashes) text += encode_base64(hash) + '\n';
  return text + '\n' + proof.checkpoint;
}

Result<TlogProof> parse_proof(std::string_view text) {
  TlogProof proof;
  if (take_line(text) != header) return refused("must begin with c2sp.org/tlog-proof@v1");
  auto line = take_line(text);
  if (line && line->starts_with(extra_prefix)) {
    proof.extra = decode_base64(line->substr(extra_prefix.size()));
    if (!proof.extra) return refused("must give its extra data in base64");
    line = take_line(text);
  }
  const auto index = line ? parse_index(*line) : std::nullopt;
  if (!index) return refused("must give the index in decimal");
  proof.index = *index;
  for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
    const auto bytes = decode_base64(*line);
    const auto hash = bytes ? exactly<32>(*bytes) : std::nullopt;
    if (!hash || proof.hashes.size() == hashes_max) return refused("must list at most 64 hashes in base64");
    proof.hashes.push_back(*hash);
  }
  if (!line || text.empty()) return refused("must end with an empty line and the checkpoint");
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> verify_proof(const TlogProof& proof, std::string_view entry, const VerifierKey& key) {
  Checkpoint checkpoint = TRY(open_checkpoint(proof.checkpoint, key));
  const Hash leaf = leaf_hash(as_bytes(entry));
  if (!verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)) {
    return refused("does not lead from the entry to the checkpoint's root");
  }
  return checkpoint;
}

}  // namespace cadastre::ledger
