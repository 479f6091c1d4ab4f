#include "ledger/checkpoint.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace cadastre::ledger {
namespace {

/// The text up to the next newline, which is taken off too; nothing when there is none or the line is empty.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  std::uint64_t size = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  const bool whole = fault == std::errc() && end == digits.data() + digits.size();
  if (!whole || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  return size;
}

}  // namespace

std::string encode_checkpoint(const Checkpoint& checkpoint) {
  std::string text = fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size, encode_base64(checkpoint.root));
  for (const std::string& line : checkpoint.extensions) text += line + '\n';
  return text;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto refused = [](const char* rule) { return refuse(Code::malformed, "checkpoint", rule); };
  const auto origin = take_line(text);
  if (!origin) return refused("must begin with an origin line");
  const auto size_line = take_line(text);
  const auto size = size_line ? parse_size(*size_line) : std::nullopt;
  if (!size) return refused("must give the tree size in decimal on its second line");
  const auto root_line = take_line(text);
  const auto root_bytes = root_line ? decode_base64(*root_line) : std::nullopt;
  const auto root = root_bytes ? exactly<32>(*root_bytes) : std::nullopt;
  if (!root) return refused("must give the root hash in base64 on its third line");
  Checkpoint checkpoint{std::string(*origin), *size, *root};
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line) return refused("must not have an empty extension line");
    checkpoint.extensions.emplace_back(*line);
  }
  return checkpoint;
}

std::string sign_checkpoint(const Checkpoint& checkpoint, std::span<const PrivateKey> keys) {
  return sign_note(encode_checkpoint(checkpoint), checkpoint.origin, keys);
}

Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& key) {
  const std::string text = TRY(open_note(note, key));
  Checkpoint checkpoint = TRY(parse_checkpoint(text));
  if (checkpoint.origin != key.name) return refuse(Code::malformed, "checkpoint", "is that of another log");
  return checkpoint;
}

}  // namespace cadastre::ledger
