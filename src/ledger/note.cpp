#include "ledger/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/invariant.h"
#include "crypto/sha256.h"

namespace cadastre::ledger {
namespace {

constexpr char signature_type = '\x01';  // Ed25519
constexpr std::string_view signature_prefix = "\u2014 ";
constexpr std::size_t id_bytes = 4;

std::unexpected<Refusal> refused(const char* rule) { return refuse(Code::malformed, "note", rule); }

/// The code point at the front of `text`, which is moved past it; nothing on invalid UTF-8 (RFC 3629 section 4).
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  constexpr std::array<unsigned, 5> payload_mask{0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code_point = lead & payload_mask[length];
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return std::nullopt;
    code_point = code_point << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = 0xD800 <= code_point && code_point <= 0xDFFF;
  if (code_point < least[length] || surrogate || code_point > 0x10FFFF) return std::nullopt;
  text.remove_prefix(length);
  return code_point;
}

/// True when `text` is UTF-8 and every code point of it is allowed.
template <class Allowed>
bool holds_only(std::string_view text, Allowed allowed) {
  while (!text.empty()) {
    const auto code_point = take_code_point(text);
    if (!code_point || !allowed(*code_point)) return false;
  }
  return true;
}

/// The White_Space property (Unicode PropList.txt).
bool is_space(char32_t c) {
  return (0x09 <= c && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (0x2000 <= c && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_note_text(std::string_view text) {
  return holds_only(text, [](char32_t c) { return c >= 0x20 || c == '\n'; });
}

std::uint32_t read_id(std::string_view bytes) {
  std::uint32_t id = 0;
  for (const char byte : bytes.substr(0, id_bytes)) id = id << 8U | static_cast<unsigned char>(byte);
  return id;
}

std::string write_id(std::uint32_t id) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift & 0xFFU);
  return bytes;
}

/// One line without its newline: em dash, space, key name, space, base64(id || signature).
std::optional<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(signature_prefix)) return std::nullopt;
  line.remove_prefix(signature_prefix.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = decode_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= id_bytes) return std::nullopt;
  return NoteSignature{std::string(line.substr(0, space)), read_id(*bytes), bytes->substr(id_bytes)};
}

}  // namespace

bool is_key_name(std::string_view name) {
  return !name.empty() && holds_only(name, [](char32_t c) { return c >= 0x20 && c != '+' && !is_space(c); });
}

std::uint32_t VerifierKey::id() const {
  const Bytes<2> separator{'\n', static_cast<std::uint8_t>(signature_type)};
  return read_id(as_text(sha256({as_bytes(name), separator, key})));
}

std::string VerifierKey::encode() const {
  const std::string typed_key = signature_type + std::string(as_text(key));
  return fmt::format("{}+{:08x}+{}", name, id(), encode_base64(as_bytes(typed_key)));
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  const auto bad = [](const char* rule) { return refuse(Code::malformed, "vkey", rule); };
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return bad("must be <name>+<key id>+<base64 of the key>");
  if (!is_key_name(text.substr(0, first))) return bad("must begin with a key name without spaces");
  const auto bytes = decode_base64(text.substr(second + 1));
  if (!bytes || bytes->empty() || bytes->front() != signature_type)
    return bad("must hold a key of type 0x01 (Ed25519)");
  const auto key = exactly<32>(std::string_view(*bytes).substr(1));
  if (!key || !is_admissible(*key)) return bad("must hold 32 bytes that are an Ed25519 public key");
  VerifierKey parsed{std::string(text.substr(0, first)), *key};
  if (parsed.encode() != text) return bad("must name the id that belongs to its name and key");
  return parsed;
}

Result<Note> parse_note(std::string_view text) {
  if (text.size() > note_bytes_max) return refused("is larger than 1 MiB");
  if (!is_note_text(text)) return refused("must be UTF-8 without control characters other than newline");
  const std::size_t blank = text.rfind("\n\n");
  if (blank == std::string_view::npos) return refused("must have a blank line before its signatures");
  Note note{std::string(text.substr(0, blank + 1)), {}};
  std::string_view lines = text.substr(blank + 2);
  if (lines.empty() || lines.back() != '\n') return refused("must end with signature lines");
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    auto signature = parse_signature(lines.substr(0, end));
    if (!signature) return refused("has a malformed signature line");
    if (note.signatures.size() == note_signatures_max) return refused("has too many signatures");
    note.signatures.push_back(*std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return note;
}

std::string encode_note(const Note& note) {
  std::string text = note.text + '\n';
  for (const NoteSignature& signature : note.signatures) {
    const std::string bytes = write_id(signature.id) + signature.bytes;
    text += fmt::format("{}{} {}\n", signature_prefix, signature.name, encode_base64(as_bytes(bytes)));
  }
  return text;
}

std::string sign_note(std::string_view text, std::string_view name, std::span<const PrivateKey> keys) {
  CHECK_INVARIANT(text.ends_with('\n') && is_note_text(text) && is_key_name(name) && !keys.empty());
  Note note{std::string(text), {}};
  for (const PrivateKey& key : keys) {
    const VerifierKey verifier{std::string(name), key.public_key()};
    const Signature signature = key.sign(as_bytes(text));
    note.signatures.push_back({verifier.name, verifier.id(), std::string(as_text(signature))});
  }
  return encode_note(note);
}

Result<std::string> open_note(std::string_view text, const VerifierKey& key) {
  Note note = TRY(parse_note(text));
  const std::uint32_t id = key.id();
  bool verified = false;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.id != id) continue;
    const auto bytes = exactly<64>(signature.bytes);
    if (!bytes || !verify(key.key, as_bytes(note.text), *bytes)) return refused("has a signature that does not hold");
    verified = true;
  }
  if (!verified) return refused("is not signed by the expected key");
  return std::move(note.text);
}

}  // namespace cadastre::ledger
