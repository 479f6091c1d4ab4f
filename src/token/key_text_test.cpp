// Key pairs as text: what openssl and ssh-keygen write for the same key.
#include "token/key_text.h"

#include <doctest/doctest.h>

#include "token/subject_pubkey.h"

namespace cadastre {
namespace {

const PrivateKey key = PrivateKey::from_seed(Bytes<32>{1});
constexpr auto pkcs8 =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE "
    "KEY-----\n";

TEST_CASE("a key pair is written as openssl and ssh-keygen write it") {
  CHECK(encode_private_key_pem(key) == pkcs8);
  CHECK(encode_public_key_pem(key.public_key()) ==
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAzswVB9wd3XKVlRwpCIjwla25BE0bc9aW5t8GXWg71Pw=\n-----END PUBLIC "
        "KEY-----\n");
  CHECK(encode_openssh_key(key.public_key()) ==
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM7MFQfcHd1ylZUcKQiI8JWtuQRNG3PWlubfBl1oO9T8");
  CHECK(fingerprint_of(key.public_key()) == "SHA256:+7Mp32er4lydoNiApNjjbYQK0PA6q+yZEYhxADwBN3M");
}

TEST_CASE("every form of a public key that is written is a subject_pubkey") {
  for (const std::string& text : {encode_public_key_pem(key.public_key()), encode_openssh_key(key.public_key())}) {
    CHECK(parse_subject_pubkey(text).value() == key.public_key());
  }
}

TEST_CASE("a private key is read from PEM and from hex, and from nothing else") {
  const std::string pem = pkcs8;
  const std::string hex = "01" + std::string(62, '0');
  for (const std::string& text : {pem, "\n " + pem + "\n", hex, hex + "\n"}) {
    CAPTURE(text);
    const auto read = parse_private_key(text);
    REQUIRE(read.has_value());
    CHECK(read->public_key() == key.public_key());
  }
  const auto replaced = [&](std::string_view what, std::string_view with) {
    std::string text = pem;
    return text.replace(text.find(what), what.size(), with);
  };
  const std::string refused[] = {"",
                                 hex.substr(1),
                                 hex + "00",
                                 replaced("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"),
                                 replaced("-----END PRIVATE KEY-----", ""),
                                 replaced("MC4C", "MC5C"),
                                 replaced("K2Vw", "K2Vu"),
                                 replaced("AAAA\n", "\n"),
                                 encode_public_key_pem(key.public_key()),
                                 pem + pem};
  for (const std::string& text : refused) {
    CAPTURE(text);
    const auto read = parse_private_key(text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().subject == "key");
    CHECK(read.error().detail.find("AAAA") == std::string::npos);
  }
  const auto other = parse_private_key(encode_public_key_pem(key.public_key()));
  CHECK(other.error().detail.starts_with("is no plain PKCS#8 private key"));
}

}  // namespace
}  // namespace cadastre
