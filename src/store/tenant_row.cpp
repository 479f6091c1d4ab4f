#include "store/tenant_row.h"

#include <algorithm>
#include <tuple>

#include "ledger/event.h"
#include "ledger/merkle.h"

namespace cadastre {

TenantId tenant_id_of(std::string_view text) {
  if (text.empty()) return TenantId::platform();
  auto id = TenantId::parse(text);
  if (!id) throw StoreFailure("the database holds a tenant_id that is none");
  return *std::move(id);
}

bool replace_details(Tenant& stored, const Tenant& wanted) {
  const auto details = [](auto& tenant) {
    return std::tie(tenant.display_name, tenant.state, tenant.quota, tenant.generation, tenant.node_count, tenant.vkey,
                    tenant.updated_at);
  };
  if (details(stored) == details(wanted)) return false;
  details(stored) = details(wanted);
  return true;
}

Leaf append_leaf(LogHead& head, const Event& event, Instant now) {
  Leaf leaf{.seq = head.size, .ts = std::max(now, head.last_ts), .type = event.type, .bytes = {}};
  leaf.bytes = ledger::encode_leaf(head.log_id, leaf.seq, leaf.ts, event);
  leaf.hash = ledger::leaf_hash(as_bytes(leaf.bytes));
  head.size = leaf.seq + 1;
  head.last_ts = leaf.ts;
  return leaf;
}

}  // namespace cadastre
