// Signed notes and the keys that verify them (c2sp.org/signed-note), for Ed25519 keys of signature type 0x01.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/ed25519.h"

namespace cadastre::ledger {

/// Non-empty UTF-8 without Unicode spaces, control characters and `+`.
bool is_key_name(std::string_view name);

/// A named public key, as verifiers are configured with it.
struct VerifierKey {
  std::string name;
  PublicKey key;

  /// The first four bytes of SHA-256(name || 0x0A || 0x01 || key), big-endian.
  std::uint32_t id() const;
  /// The `vkey`: `<name>+<id as 8 hex digits>+<base64(0x01 || key)>`.
  std::string encode() const;
  /// Refuses any other form, an id that is not the key's, another signature type and an inadmissible key.
  static Result<VerifierKey> parse(std::string_view text);
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

/// One signature line; `bytes` follow the key id.
struct NoteSignature {
  std::string name;
  std::uint32_t id = 0;
  std::string bytes;
};

/// A note taken apart; nothing in it has been verified.
struct Note {
  std::string text;  ///< With its last newline.
  std::vector<NoteSignature> signatures;
};

constexpr std::size_t note_bytes_max = 1U << 20U;
constexpr std::size_t note_signatures_max = 64;

/// Refuses what the specification calls malformed: bad UTF-8, control characters, no signature, a signature line of
/// any other shape; and notes above the limits.
Result<Note> parse_note(std::string_view text);
/// The exact text that `parse_note` reads.
std::string encode_note(const Note& note);
/// Signs with each of the keys under that name, a line for each. Requires a text of UTF-8 that ends in a newline, a key
/// name, and a key.
std::string sign_note(std::string_view text, std::string_view name, std::span<const PrivateKey> keys);
inline std::string sign_note(std::string_view text, std::string_view name, const PrivateKey& key) {
  return sign_note(text, name, std::span(&key, 1));
}

/// The note's text, when every signature of this key in it holds and there is at least one. Signatures of other keys
/// are ignored.
Result<std::string> open_note(std::string_view note, const VerifierKey& key);

}  // namespace cadastre::ledger
