-- Every key begins with tenant_id, so that one tenant's rows lie together and the tables can be spread by tenant over
-- many machines. Times are milliseconds since 1970-01-01T00:00:00Z; ids and digests are their bytes; tenant_id sorts by
-- its bytes whatever the database's language.

-- One row per namespace, for what seldom changes; the platform's own has the empty tenant_id.
CREATE TABLE tenant (
  tenant_id text COLLATE "C" NOT NULL,
  display_name text NOT NULL,
  state bigint NOT NULL,              -- 0 active, 1 suspended, 2 deleted
  max_vms bigint NOT NULL,
  storage_quota_gb bigint NOT NULL,
  max_ram_mb bigint,                  -- NULL: does not bind
  max_vcpus bigint,                   -- NULL: does not bind
  api_rate_limit_rpm bigint NOT NULL,
  generation bigint NOT NULL,
  revocations bigint NOT NULL,
  log_id bytea NOT NULL,
  vkey text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant_id)
);

-- One row per namespace, for what every change of it changes. Whoever changes a namespace holds this row's lock from
-- before it decides until it has committed. Pages are left half empty, so that a new version of a row fits its page and
-- no index changes.
CREATE TABLE tenant_usage (
  tenant_id text COLLATE "C" NOT NULL,
  used_vms bigint NOT NULL CHECK (used_vms >= 0),
  used_storage_gb bigint NOT NULL CHECK (used_storage_gb >= 0),
  used_ram_mb bigint NOT NULL CHECK (used_ram_mb >= 0),
  used_vcpus bigint NOT NULL CHECK (used_vcpus >= 0),
  revision bigint NOT NULL,
  ledger_size bigint NOT NULL,        -- also the seq of the next leaf
  ledger_last_ts bigint NOT NULL,
  published_size bigint NOT NULL,     -- of the last checkpoint; 0: none
  PRIMARY KEY (tenant_id)
) WITH (fillfactor = 50);

-- The logs whose head is beyond what was published: ledger_size > published_size, and no other row.
CREATE TABLE unpublished_log (
  tenant_id text COLLATE "C" NOT NULL,
  since bigint NOT NULL,              -- microseconds; who waits longest is published first
  PRIMARY KEY (tenant_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE vm (
  tenant_id text COLLATE "C" NOT NULL,
  vm_id bytea NOT NULL,
  name text NOT NULL,                 -- empty: none
  vm_type text NOT NULL,
  state bigint NOT NULL,              -- 0 Provisioning, 1 Running, 2 Stopped, 3 Error, 4 Deleting
  wish bigint NOT NULL,               -- 0 run, 1 stop
  ram_mb bigint NOT NULL,
  vcpus bigint NOT NULL,
  disk_gb bigint NOT NULL,
  created_at bigint NOT NULL,
  revision bigint NOT NULL,
  node_id text,                       -- NULL until placed
  started_at bigint,
  error text,
  details text,                       -- JSON of prefer_kvm, preferred_node, ports, host_ports; NULL when none is set
  PRIMARY KEY (tenant_id, vm_id)
);

CREATE TABLE token (
  tenant_id text COLLATE "C" NOT NULL,
  token_id bytea NOT NULL,
  rid bytea NOT NULL,
  scope text NOT NULL,
  subject_key bytea NOT NULL,
  kid text NOT NULL,
  audience text NOT NULL,
  issuer text NOT NULL,
  label text NOT NULL,
  generation bigint NOT NULL,
  delegable_depth bigint NOT NULL,
  requires_pop bigint NOT NULL,
  caveats text NOT NULL,
  ancestors bytea NOT NULL,           -- revocation ids of 32 bytes, one after the other
  issued_at bigint NOT NULL,
  not_before bigint NOT NULL,
  expires_at bigint NOT NULL,
  issued_by text NOT NULL,
  revoked_at bigint,
  revoked_by text NOT NULL,
  PRIMARY KEY (tenant_id, token_id)
);
CREATE UNIQUE INDEX token_by_rid ON token (tenant_id, rid);

CREATE TABLE revocation (
  tenant_id text COLLATE "C" NOT NULL,
  kind bigint NOT NULL,               -- 0 token, 1 key, 2 generation
  id bytea NOT NULL,
  revoked_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
);

CREATE TABLE ledger_leaf (
  tenant_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  ts bigint NOT NULL,
  type bigint NOT NULL,               -- domain/event.h numbers them
  hash bytea NOT NULL,                -- RFC 6962 leaf hash of bytes
  bytes text NOT NULL,                -- exactly what is hashed
  PRIMARY KEY (tenant_id, seq)
);
CREATE FUNCTION refuse_change_of_leaf() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'a ledger leaf is never changed and never deleted'; END $$;
CREATE TRIGGER ledger_leaf_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_leaf
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_leaf();

-- The last checkpoint signed for each log.
CREATE TABLE ledger_checkpoint (
  tenant_id text COLLATE "C" NOT NULL,
  log_id bytea NOT NULL,
  published_size bigint NOT NULL,
  root bytea NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (tenant_id)
);

CREATE TABLE idempotency (
  tenant_id text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  request_hash bytea NOT NULL,
  status bigint NOT NULL,
  headers text NOT NULL,
  content_type text NOT NULL,
  body text NOT NULL,
  token_id text NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant_id, key)
);

-- The namespaces whose row in `tenant` changed within the last minute: what every replica has to hear of soon.
CREATE TABLE change_feed (
  tenant_id text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  writer bytea NOT NULL,              -- which process; it has heard of its own changes already
  changed_at bigint NOT NULL,
  PRIMARY KEY (tenant_id)
);

-- Of the deployment as a whole, so without a tenant.
CREATE TABLE setting (
  name text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (name)
);
