#include "ledger/note.h"

#include <doctest/doctest.h>

namespace cadastre::ledger {
namespace {

Bytes<32> seed_of(std::uint8_t byte) {
  Bytes<32> seed;
  seed.fill(byte);
  return seed;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a note signed by another implementation is taken apart and put together unchanged") {
  const std::string text =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "\u2014 PeterNeumann "
      "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const auto note = parse_note(text);
  REQUIRE(note);
  CHECK(note->signatures.size() == 1);
  CHECK(note->signatures[0].name == "PeterNeumann");
  CHECK(note->signatures[0].id == 0xc74f20a3U);
  CHECK(encode_note(*note) == text);
  const auto key = VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  REQUIRE(key);
  CHECK(key->id() == 0xc74f20a3U);
  CHECK(open_note(text, *key).value() == note->text);
}

TEST_CASE("a verifier key is read back, and refused in any other form") {
  const auto key = PrivateKey::from_seed(seed_of(7));
  const VerifierKey verifier{"example.com/log", key.public_key()};
  const std::string vkey = verifier.encode();
  CHECK(VerifierKey::parse(vkey).value() == verifier);
  const std::string bad[] = {
      "",
      "example.com/log",
      vkey.substr(0, vkey.size() - 1),
      vkey + "=",
      vkey + "\n",
      " " + vkey,
      "x" + vkey,
      vkey.substr(vkey.find('+')),
      replaced(vkey, "/log+", "/log+0"),
      replaced(vkey, "+A", "+B"),
      replaced(vkey, "log+", "l g+"),
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(VerifierKey::parse(text));
  }
  const VerifierKey small_order{"example.com/log", PublicKey{1}};
  CHECK_FALSE(VerifierKey::parse(small_order.encode()));
}

TEST_CASE("key names") {
  for (const char* name : {"a", "example.com/ledger/acme-corp", "\u00e9t\u00e9", "\u2014"}) CHECK(is_key_name(name));
  for (const char* name : {"", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "a\u2003b", "a\u3000b", "a\xff", "\xc0\x80",
                           "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x80"}) {
    CAPTURE(name);
    CHECK_FALSE(is_key_name(name));
  }
}

TEST_CASE("a note opens under the key that signed it, whatever others have signed too") {
  const auto key = PrivateKey::from_seed(seed_of(1));
  const auto other = PrivateKey::from_seed(seed_of(2));
  const VerifierKey verifier{"example.com/log", key.public_key()};
  const std::string text = "first\n\nsecond\n";
  const std::string note = sign_note(text, "example.com/log", key);
  CHECK(open_note(note, verifier).value() == text);

  Note cosigned = parse_note(note).value();
  const Note witness = parse_note(sign_note(text, "witness.example", other)).value();
  cosigned.signatures.push_back(witness.signatures.front());
  CHECK(open_note(encode_note(cosigned), verifier).value() == text);
  CHECK(open_note(encode_note(cosigned), {"witness.example", other.public_key()}).value() == text);

  Note same_name = cosigned;
  same_name.signatures.back().name = "example.com/log";
  CHECK(open_note(encode_note(same_name), verifier).value() == text);

  Note one_bad = cosigned;
  one_bad.signatures.push_back(one_bad.signatures.front());
  one_bad.signatures.back().bytes[5] ^= 1;
  CHECK_FALSE(open_note(encode_note(one_bad), verifier));
  Note short_signature = cosigned;
  short_signature.signatures.front().bytes.pop_back();
  CHECK_FALSE(open_note(encode_note(short_signature), verifier));
  CHECK_FALSE(open_note(encode_note(witness), verifier));
  CHECK_FALSE(open_note(replaced(note, "second", "SECOND"), verifier));
  CHECK_FALSE(open_note(note, {"example.com/log", other.public_key()}));
}

TEST_CASE("a malformed note is refused") {
  const auto key = PrivateKey::from_seed(seed_of(1));
  const VerifierKey verifier{"log", key.public_key()};
  const std::string note = sign_note("text\n", "log", key);
  const std::string bad[] = {
      "",
      "\n",
      "\n\n",
      "text\n",
      "text\n\n",
      note.substr(0, note.size() - 1),
      note + "\n",
      note + "x",
      note + "x\n",
      replaced(note, "\u2014 ", "\u2014"),
      replaced(note, "\u2014 ", "- "),
      replaced(note, " log ", " log  "),
      replaced(note, " log ", " "),
      replaced(note, " log ", " l+g "),
      replaced(note, "=\n", "\n"),
      replaced(note, "text", "te\rxt"),
      replaced(note, "text", "te\x01xt"),
      replaced(note, "text", std::string("te\0xt", 5)),
      replaced(note, "text", "te\xffxt"),
      note + "\u2014 log AAAAAA==\n",
      note + "\u2014 log !!!!\n",
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(open_note(text, verifier));
  }
  std::string crowd = note;
  for (std::size_t i = 1; i < note_signatures_max; ++i) crowd += "\u2014 witness" + std::to_string(i) + " AAAAAAA=\n";
  CHECK(open_note(crowd, verifier).has_value());
  CHECK_FALSE(open_note(crowd + "\u2014 one-too-many AAAAAAA=\n", verifier));
  CHECK_FALSE(open_note(std::string(note_bytes_max, 'x') + "\n" + note, verifier));
}

}  // namespace cadastre::ledger
