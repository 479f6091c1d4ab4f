// The readers of notes, verifier keys, checkpoints and proofs: no input crashes them, what they read is written back
// as it was, and no note opens that our key has not signed as it stands.
#include <string>

#include "base/invariant.h"
#include "ledger/log_key.h"
#include "ledger/tlog_proof.h"

namespace cadastre::ledger {
namespace {

constexpr std::string_view origin = "ledger.example/ledger/acme-corp";

void read_proof(std::string_view text, const VerifierKey& key, const std::string& good_text) {
  const auto proof = parse_proof(text);
  if (!proof) return;
  CHECK_INVARIANT(encode_proof(*proof) == text);
  const auto checkpoint = verify_proof(*proof, proof->extra.value_or(""), key);
  CHECK_INVARIANT(!checkpoint || encode_checkpoint(*checkpoint) == good_text);
}

}  // namespace
}  // namespace cadastre::ledger

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cadastre;
  using namespace cadastre::ledger;
  static const PrivateKey signer = log_key(Bytes<32>{1}, origin, 0);
  static const VerifierKey key = log_verifier(origin, signer);
  static const std::string good_text = encode_checkpoint({std::string(origin), 1, leaf_hash(as_bytes("leaf"))});
  static const std::string good_note = sign_note(good_text, origin, signer);
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto note = parse_note(text)) CHECK_INVARIANT(encode_note(*note) == text);
  if (const auto parsed = VerifierKey::parse(text)) CHECK_INVARIANT(parsed->encode() == text);
  if (const auto checkpoint = parse_checkpoint(text)) CHECK_INVARIANT(encode_checkpoint(*checkpoint) == text);
  const auto opened = open_note(text, key);
  CHECK_INVARIANT(!opened || *opened == good_text);
  // The text as further signature lines of a good note, and as a proof's head above it.
  const auto cosigned = open_note(good_note + std::string(text), key);
  CHECK_INVARIANT(!cosigned || cosigned->starts_with(good_text));
  read_proof(text, key, good_text);
  read_proof(std::string(text) + "\n\n" + good_note, key, good_text);
  return 0;
}
