#include "store/postgresql/statements.h"

#include <cstddef>

#include "store/postgresql/statement_pieces.h"

namespace cadastre::postgresql {
namespace {

constexpr Statement all[] = {
    {Sql::begin, "begin", "BEGIN ISOLATION LEVEL READ COMMITTED"},
    {Sql::commit, "commit", "COMMIT"},
    {Sql::rollback, "rollback", "ROLLBACK"},
    {Sql::savepoint, "savepoint", "SAVEPOINT body"},
    {Sql::release_savepoint, "release_savepoint", "RELEASE SAVEPOINT body"},
    {Sql::rollback_to_savepoint, "rollback_to_savepoint", "ROLLBACK TO SAVEPOINT body"},
    {Sql::transaction_id, "transaction_id", "SELECT pg_current_xact_id()"},
    {Sql::transaction_status, "transaction_status", "SELECT pg_xact_status($1::xid8)"},
    {Sql::mark_commit, "mark_commit",
     "INSERT INTO commit_mark (writer, number, noted_at) VALUES ($1, $2, " NOW_MS
     ") ON CONFLICT (writer) DO UPDATE SET "
     "number = excluded.number, noted_at = excluded.noted_at"},
    {Sql::find_commit, "find_commit", "SELECT 1 FROM commit_mark WHERE writer = $1 AND number = $2"},
    {Sql::forget_commits, "forget_commits", "DELETE FROM commit_mark WHERE noted_at < " NOW_MS " - $1"},
    // Active, and yet waiting for the client: in the midst of what it sends. With a transaction's number: it may have
    // locks. What copies rows for an operator is not of the running store.
    {Sql::end_frozen_senders, "end_frozen_senders",
     "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename = "
     "session_user AND application_name = current_setting('application_name') AND pid <> pg_backend_pid() AND "
     "backend_xid IS NOT NULL AND state = 'active' AND wait_event = 'ClientRead' AND query NOT LIKE 'COPY %' AND "
     "state_change < clock_timestamp() - $1::bigint * interval '1 millisecond'"},

    {Sql::find_tenant, "find_tenant", WHOLE_TENANT "WHERE t.tenant_id = $1"},
    {Sql::find_tenants, "find_tenants", WHOLE_TENANT "WHERE t.tenant_id = ANY($1::text[])"},
    // The lock is waited for in the order of the ids, by everyone, so that no two wait for each other. The details are
    // read by a statement of their own: the one that waited still sees them as they were before it waited.
    {Sql::lock_tenants, "lock_tenants",
     "SELECT " USAGE("") " FROM tenant_usage WHERE tenant_id = ANY($1::text[]) ORDER BY tenant_id FOR UPDATE"},
    {Sql::lock_free_tenant, "lock_free_tenant",
     "SELECT " USAGE("") " FROM tenant_usage WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED"},
    {Sql::tenant_details, "tenant_details", "SELECT " DETAILS("") " FROM tenant WHERE tenant_id = ANY($1::text[])"},
    {Sql::tenants_after, "tenants_after",
     WHOLE_TENANT "WHERE t.tenant_id > $1 AND t.state <> $2 ORDER BY t.tenant_id LIMIT $3"},
    {Sql::insert_tenants, "insert_tenants",
     "INSERT INTO tenant (" DETAILS("") ") SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], "
                                        "$5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], "
                                        "$10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[], $14::text[], "
                                        "$15::bigint[], $16::bigint[], $17::text[])"},
    {Sql::insert_usages, "insert_usages",
     "INSERT INTO tenant_usage (" USAGE(
         "") ") SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], "
             "$4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])"},
    {Sql::update_usages, "update_usages",
     "UPDATE tenant_usage u SET used_vms = n.used_vms, used_storage_gb = n.used_storage_gb, used_ram_mb = "
     "n.used_ram_mb, used_vcpus = n.used_vcpus, revision = n.revision, ledger_size = n.ledger_size, ledger_last_ts = "
     "n.ledger_last_ts, published_size = n.published_size FROM unnest($1::text[], $2::bigint[], $3::bigint[], "
     "$4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]) AS n(" USAGE(
         "") ") "
             "WHERE u.tenant_id = n.tenant_id"},
    {Sql::update_details, "update_details",
     "UPDATE tenant t SET display_name = n.display_name, state = n.state, max_vms = n.max_vms, storage_quota_gb = "
     "n.storage_quota_gb, max_ram_mb = n.max_ram_mb, max_vcpus = n.max_vcpus, api_rate_limit_rpm = "
     "n.api_rate_limit_rpm, generation = n.generation, revocations = n.revocations, access_changes = n.access_changes, "
     "node_count = n.node_count, updated_at = n.updated_at, vkey = n.vkey FROM "
     "unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], "
     "$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[]) AS "
     "n(tenant_id, "
     "display_name, "
     "state, max_vms, storage_quota_gb, max_ram_mb, max_vcpus, api_rate_limit_rpm, generation, revocations, "
     "access_changes, node_count, updated_at, vkey) "
     "WHERE t.tenant_id = n.tenant_id"},

    {Sql::find_vm, "find_vm", "SELECT " VM " FROM vm WHERE tenant_id = $1 AND vm_id = $2"},
    {Sql::vms_after, "vms_after", "SELECT " VM " FROM vm WHERE tenant_id = $1 AND vm_id > $2 ORDER BY vm_id LIMIT $3"},
    {Sql::filtered_vms_after, "filtered_vms_after",
     "SELECT " VM " FROM vm WHERE tenant_id = $1 AND vm_id > $2 AND ($4::bigint IS NULL OR state = $4) "
     "AND ($5::text IS NULL OR node_id = $5) AND ($6::text IS NULL OR name = $6) "
     "ORDER BY vm_id LIMIT $3"},
    {Sql::next_waiting_tenant, "next_waiting_tenant",
     "SELECT tenant_id FROM vm WHERE " VM_WAITS " AND tenant_id > $1 ORDER BY tenant_id LIMIT 1"},
    {Sql::waiting_vms, "waiting_vms",
     "SELECT " VM " FROM vm WHERE tenant_id = $1 AND " VM_WAITS
     " AND vm_id > $2 AND ram_mb <= $3 AND vcpus <= $4 AND disk_gb <= $5 ORDER BY vm_id LIMIT $6"},
    {Sql::count_vms, "count_vms", "SELECT count(*) FROM vm WHERE tenant_id = $1 AND state = $2"},
    {Sql::insert_vms, "insert_vms", "INSERT INTO vm (" VM ") SELECT * FROM " NEW_VMS},
    {Sql::update_vms, "update_vms",
     "UPDATE vm v SET name = n.name, vm_type = n.vm_type, state = n.state, wish = n.wish, ram_mb = n.ram_mb, vcpus = "
     "n.vcpus, disk_gb = n.disk_gb, created_at = n.created_at, revision = n.revision, node_id = n.node_id, started_at "
     "= n.started_at, error = n.error, details = n.details, charged_to = n.charged_to FROM " NEW_VMS " AS n(" VM ") "
     "WHERE v.tenant_id = n.tenant_id AND v.vm_id = n.vm_id"},
    {Sql::erase_vms, "erase_vms",
     "DELETE FROM vm v USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, vm_id) "
     "WHERE v.tenant_id = n.tenant_id AND v.vm_id = n.vm_id"},
    {Sql::recount, "recount",
     "SELECT " USAGE("u.") ", v.vms, v.storage, v.ram, v.vcpus, l.leaves FROM (SELECT count(*) AS vms, "
                           "coalesce(sum(disk_gb), 0)::bigint AS storage, coalesce(sum(ram_mb), 0)::bigint AS ram, "
                           "coalesce(sum(vcpus), 0)::bigint AS vcpus FROM vm WHERE tenant_id = $1) v, (SELECT count(*) "
                           "AS leaves FROM "
                           "ledger_leaf WHERE tenant_id = $1) l LEFT JOIN tenant_usage u ON u.tenant_id = $1"},

    {Sql::find_token, "find_token", "SELECT " TOKEN " FROM token WHERE tenant_id = $1 AND token_id = $2"},
    {Sql::find_token_by_rid, "find_token_by_rid", "SELECT " TOKEN " FROM token WHERE tenant_id = $1 AND rid = $2"},
    {Sql::tokens_after, "tokens_after",
     "SELECT " TOKEN " FROM token WHERE tenant_id = $1 AND token_id > $2 ORDER BY token_id LIMIT $3"},
    {Sql::insert_tokens, "insert_tokens",
     "INSERT INTO token (" TOKEN ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], "
     "$5::bytea[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], "
     "$13::text[], $14::bytea[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], "
     "$20::text[], $21::bytea[], $22::bigint[], $23::bigint[], $24::text[])"},
    // What others have noted of a token meanwhile stays.
    {Sql::mark_tokens, "mark_tokens",
     "UPDATE token k SET revoked_at = coalesce(n.revoked_at, k.revoked_at), revoked_by = CASE WHEN n.revoked_at IS "
     "NULL "
     "THEN k.revoked_by ELSE n.revoked_by END, first_seen = coalesce(k.first_seen, n.first_seen), last_seen = "
     "greatest(k.last_seen, n.last_seen) FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[], "
     "$6::bigint[]) AS n(tenant_id, token_id, revoked_at, revoked_by, first_seen, last_seen) "
     "WHERE k.tenant_id = n.tenant_id AND k.token_id = n.token_id"},

    {Sql::is_revoked, "is_revoked", "SELECT 1 FROM revocation WHERE tenant_id = $1 AND kind = $2 AND id = $3"},
    {Sql::revoked_among, "revoked_among",
     "SELECT r.id FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS n(tenant_id, kind, id) "
     "JOIN revocation r ON r.tenant_id = n.tenant_id AND r.kind = n.kind AND r.id = n.id"},
    {Sql::revoked_after, "revoked_after",
     "SELECT id FROM revocation WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"},
    {Sql::insert_revocations, "insert_revocations",
     "INSERT INTO revocation (tenant_id, kind, id, revoked_at, expires_at, seq) SELECT * FROM unnest($1::text[], "
     "$2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[])"},

    {Sql::find_device, "find_device",
     "SELECT tenant_id, device_id, " DEVICE("") " FROM device WHERE tenant_id = $1 AND device_id = $2"},
    {Sql::devices_after, "devices_after",
     "SELECT tenant_id, device_id, " DEVICE(
         "") " FROM device WHERE tenant_id = $1 AND device_id > $2 ORDER BY device_id LIMIT $3"},
    {Sql::put_devices, "put_devices",
     "INSERT INTO device (tenant_id, device_id, " DEVICE(
         "") ") SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], $6::text[], "
             "$7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[]) ON CONFLICT "
             "(tenant_id, device_id) " REPLACED(DEVICE)},
    {Sql::erase_devices, "erase_devices",
     "DELETE FROM device d USING unnest($1::text[], $2::text[]) AS n(tenant_id, device_id) "
     "WHERE d.tenant_id = n.tenant_id AND d.device_id = n.device_id"},

    {Sql::find_node, "find_node",
     "SELECT tenant_id, node_id, " NODE("") " FROM node WHERE tenant_id = $1 AND node_id = $2"},
    {Sql::nodes_after, "nodes_after",
     "SELECT tenant_id, node_id, " NODE(
         "") " FROM node WHERE tenant_id = $1 AND node_id > $2 ORDER BY node_id LIMIT $3"},
    {Sql::put_nodes, "put_nodes",
     "INSERT INTO node (tenant_id, node_id, " NODE(
         "") ") SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], "
             "$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], "
             "$14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], "
             "$20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[]) ON CONFLICT (tenant_id, node_id) " REPLACED(
                 NODE)},
    {Sql::erase_nodes, "erase_nodes",
     "DELETE FROM node d USING unnest($1::text[], $2::text[]) AS n(tenant_id, node_id) "
     "WHERE d.tenant_id = n.tenant_id AND d.node_id = n.node_id"},

    {Sql::find_image, "find_image",
     "SELECT tenant_id, name, " IMAGE("") " FROM image WHERE tenant_id = $1 AND name = $2"},
    {Sql::images_after, "images_after",
     "SELECT tenant_id, name, " IMAGE("") " FROM image WHERE tenant_id = $1 AND name > $2 ORDER BY name LIMIT $3"},
    {Sql::put_images, "put_images",
     "INSERT INTO image (tenant_id, name, " IMAGE(
         "") ") SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[], "
             "$7::text[], $8::bytea[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::text[]) "
             "ON CONFLICT (tenant_id, name) " REPLACED(IMAGE)},
    {Sql::erase_images, "erase_images",
     "DELETE FROM image i USING unnest($1::text[], $2::text[]) AS n(tenant_id, name) "
     "WHERE i.tenant_id = n.tenant_id AND i.name = n.name"},
    {Sql::find_ssh_key, "find_ssh_key",
     "SELECT tenant_id, name, " SSH_KEY("") " FROM ssh_key WHERE tenant_id = $1 AND name = $2"},
    {Sql::ssh_keys_after, "ssh_keys_after",
     "SELECT tenant_id, name, " SSH_KEY("") " FROM ssh_key WHERE tenant_id = $1 AND name > $2 ORDER BY name LIMIT $3"},
    {Sql::put_ssh_keys, "put_ssh_keys",
     "INSERT INTO ssh_key (tenant_id, name, " SSH_KEY(
         "") ") SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) "
             "ON CONFLICT (tenant_id, name) " REPLACED(SSH_KEY)},
    {Sql::erase_ssh_keys, "erase_ssh_keys",
     "DELETE FROM ssh_key k USING unnest($1::text[], $2::text[]) AS n(tenant_id, name) "
     "WHERE k.tenant_id = n.tenant_id AND k.name = n.name"},
    {Sql::find_vm_console, "find_vm_console",
     "SELECT tenant_id, vm_id, " VM_CONSOLE("") " FROM vm_console WHERE tenant_id = $1 AND vm_id = $2"},
    {Sql::put_vm_consoles, "put_vm_consoles",
     "INSERT INTO vm_console (tenant_id, vm_id, " VM_CONSOLE(
         "") ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[]) "
             "ON CONFLICT (tenant_id, vm_id) " REPLACED(VM_CONSOLE)},
    {Sql::erase_vm_consoles, "erase_vm_consoles",
     "DELETE FROM vm_console c USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, vm_id) "
     "WHERE c.tenant_id = n.tenant_id AND c.vm_id = n.vm_id"},

    {Sql::find_pool_reservation, "find_pool_reservation",
     "SELECT tenant_id, vm_id, " POOL_RESERVATION("") " FROM pool_reservation WHERE tenant_id = $1 AND vm_id = $2"},
    {Sql::pool_reservations_of_node, "pool_reservations_of_node",
     "SELECT tenant_id, vm_id, " POOL_RESERVATION(
         "") " FROM pool_reservation WHERE tenant_id = $1 AND node_id = $2 ORDER BY vm_id"},
    {Sql::all_pool_reservations, "all_pool_reservations",
     "SELECT tenant_id, vm_id, " POOL_RESERVATION(
         "") " FROM pool_reservation WHERE (tenant_id, vm_id) > ($1, $2) ORDER BY tenant_id, vm_id LIMIT $3"},
    {Sql::put_pool_reservations, "put_pool_reservations",
     "INSERT INTO pool_reservation (tenant_id, vm_id, " POOL_RESERVATION(
         "") ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], "
             "$7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]) ON "
             "CONFLICT (tenant_id, vm_id) " REPLACED(POOL_RESERVATION)},
    {Sql::erase_pool_reservations, "erase_pool_reservations",
     "DELETE FROM pool_reservation r USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, vm_id) "
     "WHERE r.tenant_id = n.tenant_id AND r.vm_id = n.vm_id"},
    {Sql::find_pool_news, "find_pool_news",
     "SELECT tenant_id, vm_id, " POOL_NEWS("") " FROM pool_news WHERE tenant_id = $1 AND vm_id = $2"},
    {Sql::all_pool_news, "all_pool_news",
     "SELECT tenant_id, vm_id, " POOL_NEWS("") " FROM pool_news ORDER BY tenant_id, vm_id LIMIT $1"},
    {Sql::put_pool_news, "put_pool_news",
     "INSERT INTO pool_news (tenant_id, vm_id, " POOL_NEWS("") ") SELECT * FROM unnest($1::text[], $2::bytea[], "
                                                               "$3::text[], $4::bigint[]) ON CONFLICT (tenant_id, "
                                                               "vm_id) " REPLACED(POOL_NEWS)},
    {Sql::erase_pool_news, "erase_pool_news",
     "DELETE FROM pool_news e USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, vm_id) "
     "WHERE e.tenant_id = n.tenant_id AND e.vm_id = n.vm_id"},

    {Sql::find_challenge, "find_challenge",
     "SELECT tenant_id, challenge_id, " CHALLENGE("") " FROM challenge WHERE tenant_id = $1 AND challenge_id = $2"},
    {Sql::put_challenges, "put_challenges",
     "INSERT INTO challenge (tenant_id, challenge_id, " CHALLENGE("") ") SELECT * FROM unnest($1::text[], $2::bytea[], "
                                                                      "$3::bigint[], $4::bytea[], $5::text[], "
                                                                      "$6::text[], $7::text[], $8::bigint[], "
                                                                      "$9::bigint[], $10::bigint[]) ON CONFLICT "
                                                                      "(tenant_id, challenge_id) " REPLACED(CHALLENGE)},
    {Sql::erase_challenges, "erase_challenges",
     "DELETE FROM challenge c USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, challenge_id) "
     "WHERE c.tenant_id = n.tenant_id AND c.challenge_id = n.challenge_id"},
    {Sql::sweep_challenges, "sweep_challenges",
     "DELETE FROM challenge c USING unnest($1::text[], $2::bigint[]) AS n(tenant_id, now) "
     "WHERE c.tenant_id = n.tenant_id AND c.expires_at <= n.now"},

    {Sql::find_session, "find_session",
     "SELECT tenant_id, session_id, " SESSION("") " FROM session WHERE tenant_id = $1 AND session_id = $2"},
    {Sql::sessions_after, "sessions_after",
     "SELECT tenant_id, session_id, " SESSION(
         "") " FROM session WHERE tenant_id = $1 AND session_id > $2 ORDER BY session_id LIMIT $3"},
    {Sql::ended_sessions, "ended_sessions",
     "SELECT tenant_id, session_id, " SESSION("") " FROM session WHERE " SESSION_END " <= $1 ORDER BY " SESSION_END
                                                  ", tenant_id, session_id LIMIT $2"},
    {Sql::all_sessions, "all_sessions",
     "SELECT tenant_id, session_id, " SESSION(
         "") " FROM session WHERE (tenant_id, session_id) > ($1, $2) ORDER BY tenant_id, session_id LIMIT $3"},
    {Sql::put_sessions, "put_sessions",
     "INSERT INTO session (tenant_id, session_id, " SESSION(
         "") ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], "
             "$7::text[], $8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bigint[], $13::bigint[], "
             "$14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[]) ON CONFLICT (tenant_id, "
             "session_id) " REPLACED(SESSION)},
    {Sql::erase_sessions, "erase_sessions",
     "DELETE FROM session s USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, session_id) "
     "WHERE s.tenant_id = n.tenant_id AND s.session_id = n.session_id"},

    {Sql::find_link, "find_link",
     "SELECT tenant_id, rid, " LINK("") " FROM seen_link WHERE tenant_id = $1 AND rid = $2"},
    {Sql::links_after, "links_after",
     "SELECT tenant_id, rid, " LINK("") " FROM seen_link WHERE tenant_id = $1 AND rid > $2 ORDER BY rid LIMIT $3"},
    {Sql::put_links, "put_links",
     "INSERT INTO seen_link (tenant_id, rid, " LINK(
         "") ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::text[], "
             "$7::bytea[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], "
             "$14::bigint[]) ON CONFLICT (tenant_id, rid) " REPLACED(LINK)},

    {Sql::find_counter, "find_counter",
     "SELECT value FROM caveat_counter WHERE tenant_id = $1 AND kind = $2 AND rid = $3"},
    {Sql::put_counters, "put_counters",
     "INSERT INTO caveat_counter (tenant_id, kind, rid, value, expires_at) SELECT * FROM unnest($1::text[], "
     "$2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[]) ON CONFLICT (tenant_id, kind, rid) DO UPDATE SET value = "
     "excluded.value, expires_at = excluded.expires_at"},
    {Sql::erase_counters, "erase_counters",
     "DELETE FROM caveat_counter c USING unnest($1::text[], $2::bigint[], $3::bytea[]) AS n(tenant_id, kind, rid) "
     "WHERE c.tenant_id = n.tenant_id AND c.kind = n.kind AND c.rid = n.rid"},
    {Sql::find_caveat_rate, "find_caveat_rate", "SELECT budget FROM caveat_rate WHERE tenant_id = $1 AND rid = $2"},
    {Sql::put_caveat_rates, "put_caveat_rates",
     "INSERT INTO caveat_rate (tenant_id, rid, budget, expires_at) SELECT * FROM unnest($1::text[], $2::bytea[], "
     "$3::bytea[], $4::bigint[]) ON CONFLICT (tenant_id, rid) DO UPDATE SET budget = excluded.budget, expires_at = "
     "excluded.expires_at"},
    {Sql::erase_caveat_rates, "erase_caveat_rates",
     "DELETE FROM caveat_rate c USING unnest($1::text[], $2::bytea[]) AS n(tenant_id, rid) "
     "WHERE c.tenant_id = n.tenant_id AND c.rid = n.rid"},
    {Sql::expired_bearers, "expired_bearers",
     "(SELECT tenant_id, rid FROM caveat_counter WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) "
     "UNION (SELECT tenant_id, rid FROM caveat_rate WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) "
     "ORDER BY tenant_id, rid LIMIT $2"},

    {Sql::signing_keys, "signing_keys",
     "SELECT kid, " SIGNING_KEY("") " FROM signing_key WHERE tenant_id = $1 ORDER BY kid"},
    {Sql::put_signing_keys, "put_signing_keys",
     "INSERT INTO signing_key (tenant_id, kid, " SIGNING_KEY(
         "") ") SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], "
             "$7::bigint[], $8::bigint[], $9::bigint[]) ON CONFLICT (tenant_id, kid) " REPLACED(SIGNING_KEY)},

    // The types are a bit set: one statement for every choice of them.
    {Sql::leaves_ascending, "leaves_ascending", LEAVES "LIMIT $7"},
    {Sql::leaves_descending, "leaves_descending", LEAVES "DESC LIMIT $7"},
    {Sql::last_seq, "last_seq", "SELECT max(seq) FROM ledger_leaf WHERE tenant_id = $1"},
    {Sql::leaf_ts, "leaf_ts", "SELECT ts FROM ledger_leaf WHERE tenant_id = $1 AND seq = $2"},
    {Sql::insert_leaves, "insert_leaves",
     "INSERT INTO ledger_leaf (tenant_id, seq, ts, type, hash, bytes) SELECT * FROM unnest($1::text[], $2::bigint[], "
     "$3::bigint[], $4::bigint[], $5::bytea[], $6::text[])"},

    {Sql::find_checkpoint, "find_checkpoint",
     "SELECT log_id, published_size, root, note FROM ledger_checkpoint WHERE tenant_id = $1"},
    {Sql::put_checkpoints, "put_checkpoints",
     "INSERT INTO ledger_checkpoint (tenant_id, log_id, published_size, root, note) SELECT * FROM unnest($1::text[], "
     "$2::bytea[], $3::bigint[], $4::bytea[], $5::text[]) ON CONFLICT (tenant_id) DO UPDATE SET log_id = "
     "excluded.log_id, published_size = excluded.published_size, root = excluded.root, note = excluded.note"},
    {Sql::first_logs, "first_logs", LOG "ORDER BY t.tenant_id LIMIT $1"},
    {Sql::logs_after, "logs_after", LOG "WHERE t.tenant_id > $1 ORDER BY t.tenant_id LIMIT $2"},
    {Sql::unpublished_logs, "unpublished_logs",
     LOG "JOIN (SELECT tenant_id, since FROM unpublished_log ORDER BY since, tenant_id LIMIT $1) d "
         "ON d.tenant_id = t.tenant_id ORDER BY d.since, d.tenant_id"},
    {Sql::mark_unpublished, "mark_unpublished",
     "INSERT INTO unpublished_log (tenant_id, since) SELECT tenant_id, " NOW_US " FROM unnest($1::text[]) AS "
     "n(tenant_id) ON CONFLICT (tenant_id) DO UPDATE SET since = excluded.since"},
    {Sql::unmark_unpublished, "unmark_unpublished", "DELETE FROM unpublished_log WHERE tenant_id = ANY($1::text[])"},

    {Sql::find_answer, "find_answer",
     "SELECT request_hash, status, headers, content_type, body, token_id, expires_at FROM idempotency "
     "WHERE tenant_id = $1 AND key = $2"},
    // Takes the place of an answer that has expired, and of no other.
    {Sql::put_answers, "put_answers",
     "INSERT INTO idempotency AS i (tenant_id, key, request_hash, status, headers, content_type, body, token_id, "
     "expires_at) SELECT tenant_id, key, request_hash, status, headers, content_type, body, token_id, expires_at FROM "
     "unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], "
     "$9::bigint[]) AS n(tenant_id, key, request_hash, status, headers, content_type, body, token_id, expires_at) "
     "ON CONFLICT (tenant_id, key) DO UPDATE SET request_hash = excluded.request_hash, status = "
     "excluded.status, headers = excluded.headers, content_type = excluded.content_type, body = excluded.body, "
     "token_id = excluded.token_id, expires_at = excluded.expires_at "
     "WHERE i.expires_at <= $10"},
    // Looks at some rows, round and round, and forgets the expired ones that nobody else has in hand.
    {Sql::sweep_answers, "sweep_answers",
     "WITH seen AS (SELECT tenant_id, key FROM idempotency WHERE (tenant_id, key) > ($1, $2) ORDER BY tenant_id, key "
     "LIMIT $3), expired AS (SELECT i.tenant_id, i.key FROM idempotency i JOIN seen ON seen.tenant_id = i.tenant_id "
     "AND seen.key = i.key WHERE i.expires_at <= $4 FOR UPDATE OF i SKIP LOCKED), gone AS (DELETE FROM idempotency i "
     "USING expired WHERE i.tenant_id = expired.tenant_id AND i.key = expired.key) "
     "SELECT tenant_id, key FROM seen ORDER BY tenant_id, key"},

    {Sql::find_setting, "find_setting", "SELECT value FROM setting WHERE name = $1"},
    {Sql::put_settings, "put_settings",
     "INSERT INTO setting (name, value) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO UPDATE SET "
     "value = excluded.value"},

    {Sql::note_changes, "note_changes",
     "INSERT INTO change_feed (tenant_id, revision, writer, changed_at) SELECT tenant_id, revision, writer, " NOW_MS
     " FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS n(tenant_id, revision, writer) ON CONFLICT (tenant_id) DO "
     "UPDATE SET revision = excluded.revision, writer = excluded.writer, changed_at = excluded.changed_at"},
    {Sql::notify, "notify", "NOTIFY cadastre_change"},
    {Sql::changes_of_others, "changes_of_others", "SELECT tenant_id, revision FROM change_feed WHERE writer <> $1"},
    {Sql::changed_tenants, "changed_tenants", WHOLE_TENANT "WHERE t.tenant_id = ANY($1::text[])"},
    {Sql::forget_changes, "forget_changes",
     "DELETE FROM change_feed WHERE tenant_id IN (SELECT tenant_id FROM change_feed WHERE changed_at < " NOW_MS
     " - $1 FOR UPDATE SKIP LOCKED)"},

    // Who holds the row's lock is waited for, so no write of the one before is still on its way. A lease that would end
    // later than any can was given before the clock was set back.
    {Sql::take_lease, "take_lease",
     "UPDATE publisher_lease SET fence = fence + 1, expires_at = " NOW_MS " + $1::bigint WHERE expires_at < " NOW_MS
     " OR expires_at > " NOW_MS " + 2 * $1::bigint RETURNING fence"},
    {Sql::keep_lease, "keep_lease", "UPDATE publisher_lease SET expires_at = " NOW_MS " + $2 WHERE fence = $1"},
    {Sql::leave_lease, "leave_lease", "UPDATE publisher_lease SET expires_at = 0 WHERE fence = $1"},
    {Sql::last_showing, "last_showing", "SELECT shown FROM publisher_lease"},
    {Sql::count_showing, "count_showing",
     "UPDATE publisher_lease SET expires_at = " NOW_MS
     " + $2, shown = $3::bigint WHERE fence = $1 AND shown = $3::bigint - 1"},
    {Sql::read_file, "read_file",
     "SELECT bytes FROM published_file WHERE tenant_id = $1 AND log_id = $2 AND path = $3"},
    // "0" follows "/": all paths that begin with the folder.
    {Sql::files_of_folder, "files_of_folder",
     "SELECT path FROM published_file WHERE tenant_id = $1 AND log_id = $2 AND path > $3 || '/' AND path < $3 || '0'"},
    {Sql::create_files, "create_files",
     "INSERT INTO published_file (tenant_id, log_id, path, bytes) SELECT * FROM unnest($1::text[], $2::bytea[], "
     "$3::text[], $4::bytea[]) ON CONFLICT (tenant_id, log_id, path) DO NOTHING"},
    {Sql::files_in_the_way, "files_in_the_way",
     "SELECT n.number FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[]) WITH ORDINALITY AS n(tenant_id, "
     "log_id, path, bytes, number) JOIN published_file f ON f.tenant_id = n.tenant_id AND f.log_id = n.log_id AND "
     "f.path = n.path WHERE f.bytes <> n.bytes"},
    {Sql::replace_files, "replace_files",
     "INSERT INTO published_file (tenant_id, log_id, path, bytes, shown) SELECT tenant_id, log_id, path, bytes, $5 "
     "FROM "
     "unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[]) AS n(tenant_id, log_id, path, bytes) ON CONFLICT "
     "(tenant_id, log_id, path) DO UPDATE SET bytes = excluded.bytes, shown = excluded.shown"},
    {Sql::remove_folder, "remove_folder",
     "DELETE FROM published_file WHERE tenant_id = $1 AND log_id = $2 AND path > $3 || '/' AND path < $3 || '0'"},
    {Sql::shown_checkpoints, "shown_checkpoints",
     "SELECT tenant_id, log_id, bytes, shown FROM published_file WHERE shown IS NOT NULL AND (shown, tenant_id) > ($1, "
     "$2) ORDER BY shown, tenant_id LIMIT $3"},

    {Sql::lock_budgets, "lock_budgets",
     "SELECT tenant_id, budget FROM rate_budget WHERE tenant_id = ANY($1::text[]) ORDER BY tenant_id FOR UPDATE"},
    {Sql::make_budgets, "make_budgets",
     "INSERT INTO rate_budget (tenant_id, budget) SELECT tenant_id, ''::bytea FROM unnest($1::text[]) AS n(tenant_id) "
     "ORDER BY tenant_id ON CONFLICT (tenant_id) DO NOTHING"},
    {Sql::rate_limits, "rate_limits",
     "SELECT tenant_id, api_rate_limit_rpm FROM tenant WHERE tenant_id = ANY($1::text[])"},
    {Sql::time_now, "time_now", "SELECT " NOW_MS},
    {Sql::put_budgets, "put_budgets",
     "UPDATE rate_budget b SET budget = n.budget FROM unnest($1::text[], $2::bytea[]) AS n(tenant_id, budget) WHERE "
     "b.tenant_id = n.tenant_id"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(all); ++i) {
    if (static_cast<std::size_t>(all[i].id) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const Statement> statements() { return all; }

}  // namespace cadastre::postgresql
