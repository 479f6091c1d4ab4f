-- Every table is clustered by tenant first, so that one tenant's rows lie together and a store can be spread by tenant.
-- Times are milliseconds since 1970-01-01T00:00:00Z; ids and digests are their bytes.

-- One row per namespace, for what seldom changes; the platform's own has the empty tenant_id.
CREATE TABLE tenant (
  tenant_id TEXT NOT NULL,
  display_name TEXT NOT NULL,
  state INTEGER NOT NULL,             -- 0 active, 1 suspended, 2 deleted
  max_vms INTEGER NOT NULL,
  storage_quota_gb INTEGER NOT NULL,
  max_ram_mb INTEGER,                 -- NULL: does not bind
  max_vcpus INTEGER,                  -- NULL: does not bind
  api_rate_limit_rpm INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  revocations INTEGER NOT NULL,
  log_id BLOB NOT NULL,
  vkey TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- One row per namespace, for what every change of it changes: the only row that a create contends on. Apart from
-- `tenant` because it is written so often: many of these narrow rows share a page.
CREATE TABLE tenant_usage (
  tenant_id TEXT NOT NULL,
  used_vms INTEGER NOT NULL CHECK (used_vms >= 0),
  used_storage_gb INTEGER NOT NULL CHECK (used_storage_gb >= 0),
  used_ram_mb INTEGER NOT NULL CHECK (used_ram_mb >= 0),
  used_vcpus INTEGER NOT NULL CHECK (used_vcpus >= 0),
  revision INTEGER NOT NULL,
  ledger_size INTEGER NOT NULL,       -- also the seq of the next leaf
  ledger_last_ts INTEGER NOT NULL,
  PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE vm (
  tenant_id TEXT NOT NULL,
  vm_id BLOB NOT NULL,
  name TEXT NOT NULL,                 -- empty: none
  vm_type TEXT NOT NULL,
  state INTEGER NOT NULL,             -- 0 Provisioning, 1 Running, 2 Stopped, 3 Error, 4 Deleting
  wish INTEGER NOT NULL,              -- 0 run, 1 stop
  ram_mb INTEGER NOT NULL,
  vcpus INTEGER NOT NULL,
  disk_gb INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  node_id TEXT,                       -- NULL until placed
  started_at INTEGER,
  error TEXT,
  details TEXT,                       -- JSON of prefer_kvm, preferred_node, ports, host_ports; NULL when none is set
  PRIMARY KEY (tenant_id, vm_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
  tenant_id TEXT NOT NULL,
  token_id BLOB NOT NULL,
  rid BLOB NOT NULL,
  scope TEXT NOT NULL,
  subject_key BLOB NOT NULL,
  kid TEXT NOT NULL,
  audience TEXT NOT NULL,
  issuer TEXT NOT NULL,
  label TEXT NOT NULL,
  generation INTEGER NOT NULL,
  delegable_depth INTEGER NOT NULL,
  requires_pop INTEGER NOT NULL,
  caveats TEXT NOT NULL,
  ancestors BLOB NOT NULL,            -- revocation ids of 32 bytes, one after the other
  issued_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  issued_by TEXT NOT NULL,
  revoked_at INTEGER,
  revoked_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, token_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX token_by_rid ON token (tenant_id, rid);

CREATE TABLE revocation (
  tenant_id TEXT NOT NULL,
  kind INTEGER NOT NULL,              -- 0 token, 1 key, 2 generation
  id BLOB NOT NULL,
  revoked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
) STRICT, WITHOUT ROWID;

-- The one table that is not clustered by its key: leaves are long and never change, so they lie in the order in which
-- they came, one after the other for all tenants, and only the index of their key is spread by tenant.
CREATE TABLE ledger_leaf (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  ts INTEGER NOT NULL,
  type INTEGER NOT NULL,              -- domain/event.h numbers them
  hash BLOB NOT NULL,                 -- RFC 6962 leaf hash of bytes
  bytes TEXT NOT NULL,                -- exactly what is hashed
  PRIMARY KEY (tenant_id, seq)
) STRICT;
CREATE TRIGGER ledger_leaf_is_never_updated BEFORE UPDATE ON ledger_leaf
  BEGIN SELECT RAISE(ABORT, 'a ledger leaf is never changed'); END;
CREATE TRIGGER ledger_leaf_is_never_deleted BEFORE DELETE ON ledger_leaf
  BEGIN SELECT RAISE(ABORT, 'a ledger leaf is never deleted'); END;

-- The last checkpoint signed for each log.
CREATE TABLE ledger_checkpoint (
  tenant_id TEXT NOT NULL,
  log_id BLOB NOT NULL,
  published_size INTEGER NOT NULL,
  root BLOB NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  tenant_id TEXT NOT NULL,
  key BLOB NOT NULL,
  request_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  headers TEXT NOT NULL,
  content_type TEXT NOT NULL,
  body TEXT NOT NULL,
  token_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;

-- Of the deployment as a whole, so the one table without a tenant.
CREATE TABLE setting (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
