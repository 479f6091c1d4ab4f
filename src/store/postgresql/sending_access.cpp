// The part of a trip that is about devices, nodes, images, SSH keys, consoles, the pool, challenges, sessions, links,
// counters and issuer keys.
#include "store/postgresql/sending.h"

namespace cadastre::postgresql {

/// Rows to be erased may not be there: whoever wrote one and erased it did not ask whether the database had it before.
void Sending::send_access() {
  send_named();
  send_pool();
  send_challenges();
  send_counters();
  send_caveat_rates();
  Columns links, keys;
  each_unwritten(buffer_.links, [&](const auto&, const Entry<SeenLink>& entry) { add_link(links, *entry.row); });
  each_unwritten(buffer_.signing_keys,
                 [&](const auto&, const Entry<SigningKey>& entry) { add_signing_key(keys, *entry.row); });
  rows(Sql::put_links, links);
  rows(Sql::put_signing_keys, keys);
}

void Sending::send_named() {
  replace_or_erase(buffer_.devices, add_device, Sql::put_devices, Sql::erase_devices);
  replace_or_erase(buffer_.nodes, add_node, Sql::put_nodes, Sql::erase_nodes);
  replace_or_erase(buffer_.images, add_image, Sql::put_images, Sql::erase_images);
  replace_or_erase(buffer_.ssh_keys, add_ssh_key, Sql::put_ssh_keys, Sql::erase_ssh_keys);
  replace_or_erase(buffer_.vm_consoles, add_vm_console, Sql::put_vm_consoles, Sql::erase_vm_consoles);
  replace_or_erase(buffer_.sessions, add_session, Sql::put_sessions, Sql::erase_sessions);
}

void Sending::send_pool() {
  replace_or_erase(buffer_.pool_reservations, add_pool_reservation, Sql::put_pool_reservations,
                   Sql::erase_pool_reservations);
  replace_or_erase(buffer_.pool_news, add_pool_news, Sql::put_pool_news, Sql::erase_pool_news);
}

void Sending::send_challenges() {
  Columns put, erased, swept;
  each_unwritten(buffer_.challenges, [&](const Buffer::Key32& key, const Entry<Challenge>& entry) {
    if (!entry.row) return erased.add(key.first.text(), key.second);
    add_challenge(put, *entry.row);
    swept.add(key.first.text(), entry.row->created_at);
  });
  rows_if_any(Sql::erase_challenges, erased);
  rows_if_any(Sql::sweep_challenges, swept);
  rows(Sql::put_challenges, put);
}

void Sending::send_counters() {
  Columns put, erased;
  each_unwritten(buffer_.counters, [&](const Buffer::CounterKey& key, const Entry<Counted<std::int64_t>>& entry) {
    const auto& [tenant, kind, rid] = key;
    if (entry.row)
      put.add(tenant.text(), kind, rid, entry.row->count, entry.row->expires_at);
    else
      erased.add(tenant.text(), kind, rid);
  });
  rows(Sql::put_counters, put);
  rows_if_any(Sql::erase_counters, erased);
}

void Sending::send_caveat_rates() {
  Columns put, erased;
  each_unwritten(buffer_.caveat_rates, [&](const Buffer::Key32& key, const Entry<Counted<RateBudget>>& entry) {
    if (!entry.row) return erased.add(key.first.text(), key.second);
    const std::string budget = entry.row->count.encode();
    put.add(key.first.text(), key.second, as_bytes(budget), entry.row->expires_at);
  });
  rows(Sql::put_caveat_rates, put);
  rows_if_any(Sql::erase_caveat_rates, erased);
}

}  // namespace cadastre::postgresql
