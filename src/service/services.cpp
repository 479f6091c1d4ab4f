#include "service/services.h"

#include "ledger/log_key.h"

namespace cadastre {
namespace {

constexpr std::uint32_t first_epoch = 0;  // of a log's key (LEDGER.md section 1)

}  // namespace

NewLog draw_log(Services& services, const TenantId& tenant) {
  NewLog log;
  services.random.fill(log.id);
  const auto origin = ledger::log_origin(services.deployment.ledger_host, tenant);
  log.vkey =
      ledger::log_verifier(origin, ledger::log_key(services.keys.ledger_master_seed, origin, first_epoch)).encode();
  return log;
}

}  // namespace cadastre
