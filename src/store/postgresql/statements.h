// Every statement that the running store sends, in one list: a test reads it and holds it to "tenant first".
#pragma once

#include <span>

namespace cadastre::postgresql {

enum class Sql {
  begin,
  commit,
  rollback,
  savepoint,
  release_savepoint,
  rollback_to_savepoint,
  transaction_id,
  transaction_status,
  mark_commit,
  find_commit,
  forget_commits,
  end_frozen_senders,

  find_tenant,
  find_tenants,
  lock_tenants,
  lock_free_tenant,
  tenant_details,
  tenants_after,
  insert_tenants,
  insert_usages,
  update_usages,
  update_details,

  find_vm,
  vms_after,
  filtered_vms_after,
  next_waiting_tenant,
  waiting_vms,
  count_vms,
  insert_vms,
  update_vms,
  erase_vms,
  recount,

  find_token,
  find_token_by_rid,
  tokens_after,
  insert_tokens,
  mark_tokens,

  is_revoked,
  revoked_among,
  revoked_after,
  insert_revocations,

  find_device,
  devices_after,
  put_devices,
  erase_devices,
  find_node,
  nodes_after,
  put_nodes,
  erase_nodes,
  find_image,
  images_after,
  put_images,
  erase_images,
  find_ssh_key,
  ssh_keys_after,
  put_ssh_keys,
  erase_ssh_keys,
  find_vm_console,
  put_vm_consoles,
  erase_vm_consoles,
  find_pool_reservation,
  pool_reservations_of_node,
  all_pool_reservations,
  put_pool_reservations,
  erase_pool_reservations,
  find_pool_news,
  all_pool_news,
  put_pool_news,
  erase_pool_news,
  find_challenge,
  put_challenges,
  erase_challenges,
  sweep_challenges,
  find_session,
  sessions_after,
  ended_sessions,
  all_sessions,
  put_sessions,
  erase_sessions,
  find_link,
  links_after,
  put_links,
  find_counter,
  put_counters,
  erase_counters,
  find_caveat_rate,
  put_caveat_rates,
  erase_caveat_rates,
  expired_bearers,
  signing_keys,
  put_signing_keys,

  leaves_ascending,
  leaves_descending,
  last_seq,
  leaf_ts,
  insert_leaves,

  find_checkpoint,
  put_checkpoints,
  first_logs,
  logs_after,
  unpublished_logs,
  mark_unpublished,
  unmark_unpublished,

  find_answer,
  put_answers,
  sweep_answers,

  find_setting,
  put_settings,

  note_changes,
  notify,
  changes_of_others,
  changed_tenants,
  forget_changes,

  take_lease,
  keep_lease,
  leave_lease,
  last_showing,
  count_showing,
  read_file,
  files_of_folder,
  create_files,
  files_in_the_way,
  replace_files,
  remove_folder,
  shown_checkpoints,

  lock_budgets,
  make_budgets,
  rate_limits,
  time_now,
  put_budgets,
};

struct Statement {
  Sql id;
  const char* name;
  const char* text;
};

/// In the order of `Sql`.
std::span<const Statement> statements();

inline const Statement& statement(Sql id) { return statements()[static_cast<std::size_t>(id)]; }

}  // namespace cadastre::postgresql
