#include "service/ledger_keys.h"

#include "ledger/checkpoint.h"
#include "ledger/log_key.h"
#include "service/events.h"
#include "service/log_check.h"

namespace cadastre {
namespace {

/// What follows the log's key.
Result<ledger::VerifierKey> successor(const Bytes<32>& master_seed, const LogKey& key) {
  const std::uint32_t epoch = key.epoch + 1;
  if (epoch >= log_key_epochs_max) return refuse(Code::conflict, "vkey", "the log's key was rotated too often");
  return ledger::log_verifier(key.verifier.name, ledger::log_key(master_seed, key.verifier.name, epoch));
}

}  // namespace

Result<std::string> rotate_ledger_key(Tx& tx, const Bytes<32>& master_seed, const TenantId& tenant, const Actor& actor,
                                      Instant now) {
  auto row = tx.tenant(tenant);
  if (!row) return refuse(Code::not_found, "tenant", "there is no such tenant");
  if (row->state == TenantState::deleted) return refuse(Code::conflict, "tenant", "the tenant is deleted");
  const auto key = key_of_log(master_seed, tenant, row->vkey);
  if (!key) return refuse(Code::conflict, "vkey", "the log's key is not of this server's keys/ledger-master.key");
  const auto next = TRY(successor(master_seed, *key));
  const auto published = tx.checkpoint(tenant);
  if (published && !ledger::open_checkpoint(published->note, next)) {
    return refuse(Code::conflict, "vkey", "the log's last checkpoint has no signature of its next key yet");
  }
  row->vkey = next.encode();
  row->updated_at = now;
  tx.update(*row);
  tx.append(ledger_key_rotated(tenant, key->verifier.encode(), row->vkey, actor), now);
  if (!tenant.is_platform()) tx.append(ledger_key_rotated_of(row->log_id, key->verifier.key, next.key, actor), now);
  return row->vkey;
}

}  // namespace cadastre
