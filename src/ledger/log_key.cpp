#include "ledger/log_key.h"

#include <fmt/format.h>

#include "base/invariant.h"
#include "crypto/sha256.h"

namespace cadastre::ledger {

std::string log_origin(std::string_view host, const TenantId& tenant) {
  return tenant.is_platform() ? fmt::format("{}/ledger", host) : fmt::format("{}/ledger/{}", host, tenant.text());
}

PrivateKey log_key(const Bytes<32>& master_seed, std::string_view origin, std::uint32_t epoch) {
  const std::string info = fmt::format("{}\n{}", origin, epoch);
  return PrivateKey::from_seed(hkdf_sha256(master_seed, {}, as_bytes(info)));
}

VerifierKey log_verifier(std::string_view origin, const PrivateKey& key) {
  CHECK_INVARIANT(is_key_name(origin));
  return {std::string(origin), key.public_key()};
}

}  // namespace cadastre::ledger
