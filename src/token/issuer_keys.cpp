#include "token/issuer_keys.h"

#include <algorithm>

namespace cadastre {

std::string kid_of(const PublicKey& key) { return encode_base64url(thumbprint(key)); }

void IssuerKeys::put(const PublicKey& key, IssuerKeyState state) {
  const auto known = std::ranges::find(keys_, key, &IssuerKey::key);
  if (known != keys_.end()) {
    known->state = state;
  } else {
    keys_.push_back({.kid = kid_of(key), .key = key, .state = state});
  }
}

void IssuerKeys::remove(std::string_view kid) {
  std::erase_if(keys_, [&](const IssuerKey& key) { return key.kid == kid; });
}

const IssuerKey* IssuerKeys::find(std::string_view kid) const {
  const auto found = std::ranges::find(keys_, kid, &IssuerKey::kid);
  return found == keys_.end() ? nullptr : &*found;
}

std::string IssuerKeys::jwks(AlgorithmName algorithm) const {
  std::string text = R"({"keys":[)";
  bool first = true;
  for (const IssuerKey& key : keys_) {
    if (key.state == IssuerKeyState::revoked) continue;
    if (!first) text += ',';
    first = false;
    json::Object(text)
        .field("alg", name_of(algorithm))
        .field("crv", "Ed25519")
        .field("kid", key.kid)
        .field("kty", "OKP")
        .field("use", "sig")
        .field("x", encode_base64url(key.key))
        .end();
  }
  text += "]}";
  return text;
}

}  // namespace cadastre
