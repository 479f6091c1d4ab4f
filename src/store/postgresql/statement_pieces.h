// Pieces that several statements share, as the parts of one literal.
#pragma once

#define USAGE(u)                                                                                           \
  u "tenant_id, " u "used_vms, " u "used_storage_gb, " u "used_ram_mb, " u "used_vcpus, " u "revision, " u \
    "ledger_size, " u "ledger_last_ts, " u "published_size"
#define DETAILS(t)                                                                                                    \
  t "tenant_id, " t "display_name, " t "state, " t "max_vms, " t "storage_quota_gb, " t "max_ram_mb, " t              \
    "max_vcpus, " t "api_rate_limit_rpm, " t "generation, " t "revocations, " t "access_changes, " t "node_count, " t \
    "log_id, " t "vkey, " t "created_at, " t "updated_at, " t "created_by"
#define WHOLE_TENANT \
  "SELECT " USAGE("u.") ", " DETAILS("t.") " FROM tenant t JOIN tenant_usage u ON u.tenant_id = t.tenant_id "
#define VM                                                                                                            \
  "tenant_id, vm_id, name, vm_type, state, wish, ram_mb, vcpus, disk_gb, created_at, revision, node_id, started_at, " \
  "error, details, charged_to"
#define NEW_VMS                                                                                                      \
  "unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], "               \
  "$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[], $14::text[], $15::text[], " \
  "$16::bytea[])"
#define TOKEN                                                                                                        \
  "tenant_id, token_id, rid, scope, subject_key, kid, audience, issuer, label, generation, delegable_depth, "        \
  "requires_pop, caveats, ancestors, issued_at, not_before, expires_at, issued_by, revoked_at, revoked_by, parent, " \
  "first_seen, last_seen, device_id"
#define LEAVES                                                                                          \
  "SELECT seq, ts, type, hash, bytes FROM ledger_leaf WHERE tenant_id = $1 AND seq >= $2 AND seq < $3 " \
  "AND ($4::bigint >> type::int) & 1 = 1 AND ts >= $5 AND ts < $6 ORDER BY seq "
#define LOG                                                                                                \
  "SELECT t.tenant_id, t.log_id, u.ledger_size, u.ledger_last_ts, t.vkey, u.published_size FROM tenant t " \
  "JOIN tenant_usage u ON u.tenant_id = t.tenant_id "
#define NOW_US "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
#define NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

// Of the tables of access: the columns after those of the key, of the row itself or, to replace it, of the new one.
#define DEVICE(d)                                                                                                  \
  d "subject_key, " d "state, " d "scope, " d "token_id, " d "enrolled_at, " d "enrolled_by, " d "approved_at, " d \
    "approved_by, " d "renewed_at, " d "revision"
#define NODE(n)                                                                                                     \
  n "device_id, " n "subject_key, " n "hostname, " n "boot_id, " n "ram_total_mb, " n "ram_used_mb, " n "cores, " n \
    "cpu_load_pct, " n "disk_total_gb, " n "disk_used_gb, " n "kvm_available, " n "reserved, " n "cordoned, " n     \
    "placed_vms, " n "placed_storage_gb, " n "placed_ram_mb, " n "placed_vcpus, " n "wishes, " n "enrolled_at, " n  \
    "last_heartbeat, " n "revision"
#define IMAGE(i)                                                                                                      \
  i "format, " i "url, " i "sha256, " i "size_bytes, " i "initrd_url, " i "initrd_sha256, " i "initrd_size_bytes, " i \
    "cmdline, " i "min_disk_gb, " i "created_at, " i "created_by"
#define SSH_KEY(k) k "public_key, " k "created_at, " k "created_by"
#define VM_CONSOLE(c) c "bytes, " c "updated_at"
#define POOL_RESERVATION(r)                                                                                           \
  r "vm_tenant_id, " r "vm_revision, " r "node_id, " r "disk_gb, " r "ram_mb, " r "vcpus, " r "hold, " r "report, " r \
    "is_report_new, " r "created_at, " r "revision"
#define POOL_NEWS(n) n "pool_id, " n "number"
// As the index vm_waiting has it.
#define VM_WAITS "node_id IS NULL AND state = 0 AND wish = 0"
#define CHALLENGE(c)                                                                                                \
  c "kind, " c "subject_key, " c "device_id, " c "scope, " c "created_by, " c "wrong_attempts, " c "created_at, " c \
    "expires_at"
#define SESSION(s)                                                                                                \
  s "secret_hash, " s "csrf_hash, " s "token_id, " s "subject_key, " s "scope, " s "label, " s "token_grant, " s  \
    "rids, " s "key_thumbprints, " s "generation, " s "opened_at, " s "seen_at, " s "expires_at, " s "idle_s, " s \
    "peer, " s "is_browser"
// As the index session_by_end has it.
#define SESSION_END "(CASE WHEN idle_s > 0 THEN least(expires_at, seen_at + idle_s * 1000) ELSE expires_at END)"
#define LINK(l)                                                                                                   \
  l "link_id, " l "parent, " l "root, " l "scope, " l "subject_key, " l "caveats, " l "depth, " l "issued_at, " l \
    "not_before, " l "expires_at, " l "first_seen, " l "last_seen"
#define SIGNING_KEY(k) \
  k "public_key, " k "state, " k "created_at, " k "activated_at, " k "retired_at, " k "revoked_at, " k "last_expiry"
#define REPLACED(columns) "DO UPDATE SET (" columns("") ") = (" columns("excluded.") ")"
