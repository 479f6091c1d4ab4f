// SHA-256, HMAC, HKDF and Ed25519 against the examples of their standards.
#include <doctest/doctest.h>

#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace cadastre {
namespace {

std::string bytes_of(std::string_view hex) {
  const auto bytes = decode_hex(hex);
  REQUIRE(bytes.has_value());
  return *bytes;
}

template <std::size_t N>
Bytes<N> array_of(std::string_view hex) {
  const auto bytes = exactly<N>(bytes_of(hex));
  REQUIRE(bytes.has_value());
  return *bytes;
}

TEST_CASE("SHA-256 of the standard's examples, whole or in parts (FIPS 180-4)") {
  CHECK(encode_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(encode_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")}) == sha256("abc"));
  Sha256Stream stream;
  for (const auto* piece : {"a", "", "bc"}) stream.add(as_bytes(std::string_view(piece)));
  CHECK(stream.finish() == sha256("abc"));
}

TEST_CASE("HMAC-SHA-256 of RFC 4231 section 4") {
  struct Row {
    std::string_view name, key, data, mac;
  };
  const std::string key_6(262, 'a');
  const Row rows[] = {
      {"case 1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"case 2", "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {"case 6, a key longer than a block", key_6,
       "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(encode_hex(hmac_sha256(as_bytes(bytes_of(row.key)), as_bytes(bytes_of(row.data)))) == row.mac);
  }
}

TEST_CASE("HKDF-SHA-256 of RFC 5869 appendix A, the first 32 bytes") {
  const std::string secret(22, '\x0b');
  const auto salt = bytes_of("000102030405060708090a0b0c");
  const auto info = bytes_of("f0f1f2f3f4f5f6f7f8f9");
  CHECK(encode_hex(hkdf_sha256(as_bytes(secret), as_bytes(salt), as_bytes(info))) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  CHECK(encode_hex(hkdf_sha256(as_bytes(secret), {}, {})) ==  // test case 3
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

struct Ed25519Row {
  std::string_view name, seed, public_key, message, signature;
};

// RFC 8032 section 7.1.
constexpr Ed25519Row ed25519_rows[] = {
    {"test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
};

TEST_CASE("Ed25519 keys and signatures of RFC 8032") {
  for (const auto& row : ed25519_rows) {
    CAPTURE(row.name);
    const PrivateKey key = PrivateKey::from_seed(array_of<32>(row.seed));
    const std::string message = bytes_of(row.message);
    CHECK(key.public_key() == array_of<32>(row.public_key));
    CHECK(key.seed() == array_of<32>(row.seed));
    CHECK(encode_hex(key.sign(as_bytes(message))) == row.signature);
    CHECK(verify(key.public_key(), as_bytes(message), array_of<64>(row.signature)));
    CHECK(is_admissible(key.public_key()));
  }
}

TEST_CASE("no changed bit of key, message or signature verifies") {
  const auto& row = ed25519_rows[2];
  const auto key = array_of<32>(row.public_key);
  const auto signature = array_of<64>(row.signature);
  const std::string message = bytes_of(row.message);
  for (std::size_t bit = 0; bit < 512; ++bit) {
    CAPTURE(bit);
    auto changed = signature;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    CHECK_FALSE(verify(key, as_bytes(message), changed));
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    CAPTURE(bit);
    auto changed = key;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    CHECK_FALSE(verify(changed, as_bytes(message), signature));
  }
  CHECK_FALSE(verify(key, as_bytes("\xaf\x83"), signature));
}

TEST_CASE("a key anybody can sign for is neither admitted nor verified under") {
  const char* const rows[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",  // the identity
      "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // y = p, not canonical
      "0100000000000000000000000000000000000000000000000000000000000080",  // the identity with a sign
  };
  for (const auto* hex : rows) {
    CAPTURE(hex);
    const auto key = array_of<32>(hex);
    CHECK_FALSE(is_admissible(key));
    Signature forged{};  // R = the identity and S = 0 satisfy the cofactored equation under a small-order key
    forged[0] = 1;
    CHECK_FALSE(verify(key, as_bytes("anything"), forged));
  }
}

TEST_CASE("a moved key leaves nothing behind") {
  PrivateKey first = PrivateKey::from_seed(array_of<32>(ed25519_rows[0].seed));
  const PrivateKey second = std::move(first);
  CHECK(second.seed() == array_of<32>(ed25519_rows[0].seed));
  CHECK(first.seed() == Bytes<32>{});  // NOLINT(bugprone-use-after-move): that is what is tested
}

}  // namespace
}  // namespace cadastre
