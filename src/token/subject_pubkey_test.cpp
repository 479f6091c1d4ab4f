// The forms in which a public key may come.
#include "token/subject_pubkey.h"

#include <doctest/doctest.h>

#include "token/test_data.h"

namespace cadastre {
namespace {

TEST_CASE("every accepted form gives the key, every other is refused with its reason") {
  const json::Value file = test_data("tests/vectors/subject_pubkey.json").value();
  AdmittedKeys admitted;
  for (const json::Value& one : file.find("accept")->elements) {
    CAPTURE(one.find("name")->text);
    const auto key = parse_subject_pubkey(*one.find("input"), admitted);
    REQUIRE(key.has_value());
    CHECK(encode_hex(*key) == one.find("expect")->text);
  }
  for (const json::Value& one : file.find("reject")->elements) {
    CAPTURE(one.find("name")->text);
    const auto key = parse_subject_pubkey(*one.find("input"), admitted);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().subject == one.find("reject")->text);
  }
}

TEST_CASE("any key is read from either alphabet, with and without padding") {
  for (std::uint8_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const PublicKey key = PrivateKey::from_seed(Bytes<32>{seed}).public_key();
    const std::string standard = encode_base64(key);
    const std::string url = encode_base64url(key);
    const std::string forms[] = {standard, standard.substr(0, 43), url, url + "=", encode_hex(key)};
    for (const std::string& form : forms) {
      const auto read = parse_subject_pubkey(form);
      REQUIRE(read.has_value());
      CHECK(*read == key);
    }
    CHECK_FALSE(parse_subject_pubkey(url.substr(0, 42) + "=").has_value());
  }
}

TEST_CASE("what the vectors leave out") {
  struct Row {
    std::string_view name, text, reason;
  };
  const std::string rsa_private = "-----BEGIN RSA PRIVATE KEY-----\n" + std::string(2000, 'A');
  const std::string long_line = std::string(1025, 'A');
  const Row rows[] = {
      {"an OpenSSH line without its key", "ssh-ed25519 ", "key_type"},
      {"an OpenSSH line of blanks", "ssh-ed25519      x", "encoding"},
      {"only white space", " \r\n\t", "subject_pubkey_empty"},
      {"a private key longer than the limit", rsa_private, "private_key_material"},
      {"one byte above the limit", long_line, "length"},
      {"as long as the limit", std::string_view(long_line).substr(1), "encoding"},
      {"a JWK of a symmetric key", R"({"kty":"oct","k":"AAAA"})", "private_key_material"},
      {"a JWK of an RSA private key", R"({"kty":"RSA","n":"AA","e":"AQAB","p":"AA"})", "private_key_material"},
      {"a JWK without x", R"({"kty":"OKP","crv":"Ed25519"})", "encoding"},
      {"a JWK with a number for x", R"({"kty":"OKP","crv":"Ed25519","x":1})", "encoding"},
      {"a JWK with padding", R"({"kty":"OKP","crv":"Ed25519","x":"GaezVmI1FScGT2uytx80fUHJDatCN1qbs3FDi4gYScE="})",
       "encoding"},
      {"a JWK with a member nobody knows",
       R"({"kty":"OKP","crv":"Ed25519","x":"GaezVmI1FScGT2uytx80fUHJDatCN1qbs3FDi4gYScE","seed":"AA"})", "encoding"},
      {"an array", "[1]", "encoding"},
      {"another PEM block", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "key_type"},
      {"PEM without an end", "-----BEGIN PUBLIC KEY-----\nMCow", "encoding"},
      {"a PEM header that is its own footer", "-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----", "encoding"},
      {"PEM that is not base64", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----", "encoding"},
      {"PEM of 33 bytes",
       "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGaezVmI1FScGT2uytx80fUHJDatCN1qbs3FDi4gYScEA\n-----END PUBLIC "
       "KEY-----",
       "length"},
      {"64 characters that are not hex", "GaezVmI1FScGT2uytx80fUHJDatCN1qbs3FDi4gYScEGaezVmI1FScGT2uytx80f",
       "encoding"},
      {"padding in the middle", "GaezVmI1FScGT2uytx80fUHJDatCN1qbs3FDi4gYS=E=", "encoding"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto key = parse_subject_pubkey(row.text);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().subject == row.reason);
    CHECK(key.error().detail.find(row.text) == std::string::npos);
  }
}

}  // namespace
}  // namespace cadastre
